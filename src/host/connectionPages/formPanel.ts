import * as vscode from 'vscode';
import { parseConnectionString } from '../../core/postgres/connect/conninfo/conninfo';
import type { CheckResult } from '../../core/postgres/connect/check/checkResult';
import type { OpenOptions } from '../../core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import type {
  FileField,
  FormValues,
  FromConnectionPage,
  KnownPassword,
  Problems,
  ToConnectionPage,
} from '../../shared/connectionProtocol';
import type { Connections } from '../connections/connections';
import { Examiner } from './connectionTester';
import { fill, passwordFromOf, profileOf, suggestName, valuesOf } from './formModel';
import { findOffers, type Offer } from './offers';
import { originText } from './hostLocation';
import { PageChannel, type PageHost } from './pageChannel';
import { connectionStrings } from './formStrings';
import { checkTitle } from '../messages/checkMessages';

export interface FormParts {
  readonly connections: Connections;
  readonly context: Pick<vscode.ExtensionContext, 'extensionUri' | 'extension'>;
  /** The form is saved, and about to close. */
  readonly saved: (name: string) => void;
}

/** One form, for a new connection or an existing one. */
export class FormPanel implements PageHost, vscode.Disposable {
  readonly #link: PageChannel;
  readonly #examiner: Examiner;
  /** A password out of a pasted address or a file: used by Test and Save, and never sent to the page. */
  #taken: string | undefined;
  #offers: readonly Offer[] = [];

  readonly #parts: FormParts;

  constructor(
    readonly panel: vscode.WebviewPanel,
    /** The connection that is edited; undefined for a new one. */
    readonly editing: string | undefined,
    parts: FormParts,
  ) {
    this.#parts = parts;

    this.#examiner = new Examiner({
      changed: (examination) => this.#post({ type: 'examination', examination }),
      said: (message, severity) => this.#link.say(message, severity),
      act: (_action, finding) => this.#post({ type: 'focus', field: fieldOf(finding) }),
      ended: (findings) => this.#mark(findings),
    });
    panel.title = formTitle(editing);
    this.#link = new PageChannel(panel, parts.context.extensionUri, this);
  }

  async ready(): Promise<void> {
    const { connections, context } = this.#parts;
    const { editing } = this;
    const examination = this.#examiner.view;
    const profile = editing === undefined ? undefined : connections.find(editing);
    const isStored = editing !== undefined && (await connections.storedPassword(editing)) !== undefined;
    this.#post({
      type: 'init',
      kind: 'form',
      strings: connectionStrings(),
      language: vscode.env.language,
      title: formTitle(editing),
      ...(editing === undefined ? {} : { editing }),
      values: profile
        ? valuesOf(profile, passwordFromOf(profile, isStored), connections.scopeOf(profile.name) ?? 'user')
        : valuesOf({}, 'stored', 'user'),
      password: this.#taken === undefined ? (isStored ? 'stored' : 'none') : 'taken',
      origin: originText(context.extension.extensionKind),
      hasWorkspace: vscode.workspace.workspaceFolders !== undefined,
      ...(examination === undefined ? {} : { examination }),
    });
  }

  async take(message: Exclude<FromConnectionPage, { type: 'ready' }>): Promise<void> {
    switch (message.type) {
      case 'check':
        this.#post({ type: 'problems', problems: this.#problemsOf(this.#named(message.values)), all: false });
        break;
      case 'paste':
        await this.#paste(message.text, message.values);
        break;
      case 'test': {
        const profile = this.#profileOf(message.values);
        if (profile) await this.#examiner.start({ profile, options: this.#options(profile, message) });
        break;
      }
      case 'save':
        await this.#save(message.values, message.password);
        break;
      case 'offers': {
        const { offers, faults } = await findOffers();
        this.#offers = offers;
        if (faults.length > 0) this.#link.say(faults.join(' '), 'error');
        this.#post({ type: 'offers', offers: offers.map(({ label, detail }) => ({ label, detail })) });
        break;
      }
      case 'take': {
        const offer = this.#offers[message.offer];
        if (offer) await this.#fill(message.values, offer.profile, offer.password, offer.label, []);
        break;
      }
      case 'browse':
        await this.#browse(message.field);
        break;
      case 'forget':
        await this.#forget();
        break;
      case 'cancelTest':
        this.#examiner.cancel();
        break;
      case 'again':
        await this.#examiner.again();
        break;
      case 'fix':
        await this.#examiner.fix(message.examination, message.finding, message.fix, message.way);
        break;
      case 'close':
        this.panel.dispose();
        break;
      case 'edit':
        break;
    }
  }

  dispose(): void {
    this.#taken = undefined;
    this.#examiner.dispose();
    this.#link.dispose();
  }

  #post(message: ToConnectionPage): void {
    this.#link.post(message);
  }

  #isTaken(name: string): boolean {
    const { profiles, faulty } = this.#parts.connections;
    return name !== this.editing && [...profiles, ...faulty].some((one) => one.name === name);
  }

  #problemsOf(values: FormValues): Problems {
    const made = profileOf(values);
    const problems = 'problems' in made ? made.problems : {};
    return problems.name === undefined && this.#isTaken(values.name.trim())
      ? { ...problems, name: vscode.l10n.t('There is a connection of that name already.') }
      : problems;
  }

  /** Whoever gives no name gets one that says where the connection leads. */
  #named(values: FormValues): FormValues {
    if (values.name.trim() !== '') return values;
    const said = Object.entries({
      host: values.host,
      database: values.database,
      user: values.user,
      service: values.service,
    })
      .map(([field, text]) => [field, text.trim()] as const)
      .filter(([, text]) => text !== '');
    return { ...values, name: suggestName(Object.fromEntries(said), (name) => this.#isTaken(name)) };
  }

  /** The profile, or undefined where the page was told what is wrong. */
  #profileOf(given: FormValues): ConnectionProfile | undefined {
    const values = this.#named(given);
    const problems = this.#problemsOf(values);
    this.#post({ type: 'problems', problems, all: true });
    const made = profileOf(values);
    return 'profile' in made && Object.keys(problems).length === 0 ? made.profile : undefined;
  }

  /** Where the password comes from while the form is open: as the form says, whatever is stored under the name. */
  #options(profile: ConnectionProfile, { values, password }: Pick<Save, 'values' | 'password'>): OpenOptions {
    const { askPassword, ...others } = this.#parts.connections.examineOptions(profile);
    const { editing } = this;
    const given = password ?? this.#taken;
    const known = async (): Promise<string | undefined> => {
      if (values.passwordFrom !== 'stored') return undefined;
      return given ?? (editing === undefined ? undefined : this.#parts.connections.storedPassword(editing));
    };
    // Elsewhere there is a field for it, to which the finding leads.
    const passwordFrom = given === undefined ? {} : { passwordFrom: 'form' as const };
    return {
      ...others,
      password: known,
      ...passwordFrom,
      ...(values.passwordFrom === 'ask' && askPassword ? { askPassword } : {}),
    };
  }

  async #paste(text: string, values: FormValues): Promise<void> {
    try {
      const { profile, password, keyPassphrase, ignored } = parseConnectionString(text, { ignoreUnknown: true });
      const notes = [
        ...(ignored.length === 0
          ? []
          : [vscode.l10n.t('Left out, as PostgreSQL does not know it: {0}.', ignored.join(', '))]),
        ...(keyPassphrase === undefined
          ? []
          : [vscode.l10n.t('The passphrase of the key is asked for, and not kept.')]),
      ];
      await this.#fill(values, profile, password, undefined, notes);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      this.#post({ type: 'problems', problems: { paste: problem }, all: true });
    }
  }

  async #fill(
    values: FormValues,
    profile: ConnectionProfile,
    password: string | undefined,
    from: string | undefined,
    notes: readonly string[],
  ): Promise<void> {
    this.#taken = password;
    const isStored =
      this.editing !== undefined && (await this.#parts.connections.storedPassword(this.editing)) !== undefined;
    const looksUp = profile.service !== undefined || (from !== undefined && password === undefined);
    const passwordFrom = password !== undefined ? 'stored' : looksUp ? 'lookup' : values.passwordFrom;
    const filled = fill(values, profile, passwordFrom);
    const name = filled.name === '' ? suggestName(profile, (one) => this.#isTaken(one)) : filled.name;
    const said = [
      from === undefined ? vscode.l10n.t('The fields are filled in.') : vscode.l10n.t('Filled in from {0}.', from),
      ...(password === undefined ? [] : [vscode.l10n.t('The password was taken over.')]),
      ...notes,
    ].join(' ');
    const known: KnownPassword = password !== undefined ? 'taken' : isStored ? 'stored' : 'none';
    this.#post({ type: 'fill', values: { ...filled, name }, password: known, said });
  }

  async #save(values: FormValues, typed: string | undefined): Promise<void> {
    const profile = this.#profileOf(values);
    if (!profile) return;
    const { connections, saved } = this.#parts;
    const password = values.passwordFrom === 'stored' ? (typed ?? this.#taken) : undefined;
    await connections.save(profile, password, this.editing, values.scope);
    if (values.passwordFrom !== 'stored') await connections.forgetPassword(profile.name);
    this.#taken = undefined;
    this.#post({ type: 'saved' });
    saved(profile.name);
    this.panel.dispose();
  }

  async #browse(field: FileField): Promise<void> {
    const picked = await vscode.window.showOpenDialog({
      canSelectMany: false,
      openLabel: vscode.l10n.t('Use This File'),
    });
    const [file] = picked ?? [];
    if (file) this.#post({ type: 'file', field, path: file.fsPath });
  }

  async #forget(): Promise<void> {
    const { connections } = this.#parts;
    if (this.#taken !== undefined) {
      this.#taken = undefined;
    } else if (this.editing !== undefined) {
      await connections.forgetPassword(this.editing);
    }
    const left = this.editing !== undefined && (await connections.storedPassword(this.editing)) !== undefined;
    this.#post({
      type: 'password',
      password: left ? 'stored' : 'none',
      said: vscode.l10n.t('The password is forgotten.'),
    });
  }

  /** A finding that is about a field is told there too. */
  #mark(findings: readonly CheckResult[]): void {
    const [finding] = findings.filter(({ status }) => status === 'error');
    if (finding?.field === undefined) return;
    this.#post({ type: 'mark', field: fieldOf(finding), problem: `${checkTitle(finding)}.` });
  }
}

/** @param editing the connection; undefined for a new one */
export function formTitle(editing: string | undefined): string {
  return editing === undefined ? vscode.l10n.t('New Connection') : vscode.l10n.t('Edit Connection “{0}”', editing);
}

type Save = Extract<FromConnectionPage, { type: 'save' }>;

/** The control that mends a finding. */
function fieldOf({ id, field: about }: CheckResult): (keyof FormValues & keyof Problems) | 'password' {
  switch (about) {
    case 'host':
    case 'database':
    case 'sslmode':
    case 'password':
    case 'passwordCommand':
    case 'targetSessionAttrs':
      return about;
    default:
      return id === 'tls' ? 'sslmode' : id === 'readOnly' ? 'targetSessionAttrs' : 'host';
  }
}
