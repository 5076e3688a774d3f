import * as vscode from 'vscode';
import { parseConnectionString } from '../../core/postgres/connect/conninfo/conninfo';
import type { CheckResult } from '../../core/postgres/connect/check/checkResult';
import type { OpenOptions } from '../../core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import type { FileField } from '../../shared/connectionFields';
import type { KnownPassword, Problems, ToConnectionPage } from '../../shared/connectionProtocol';
import type { FormValues, FromConnectionPage } from '../../shared/connectionRequests';
import type { Connections } from '../connections/connections';
import { checkTitle } from '../messages/checkMessages';
import { errorText } from '../messages/faultText';
import { fieldText } from '../messages/profileMessages';
import { ConnectionTester } from './connectionTester';
import { fill, passwordFromOf, profileOf, suggestName, valuesOf } from './formModel';
import { findOffers, type Offer } from './offers';
import { hostLocationText } from './hostLocation';
import { PageChannel, type PageHost } from './pageChannel';
import { connectionStrings } from './formStrings';

export interface FormParts {
  readonly connections: Connections;
  readonly context: Pick<vscode.ExtensionContext, 'extensionUri' | 'extension'>;
  /** Called when the form is saved, before it closes. */
  readonly saved: (name: string) => void;
}

/** One form, for a new connection or an existing one. */
export class FormPanel implements PageHost, vscode.Disposable {
  readonly #channel: PageChannel;
  readonly #tester: ConnectionTester;
  /** A password from a pasted string or a file. Used by Test and Save, and never sent to the page. */
  #imported: string | undefined;
  #offers: readonly Offer[] = [];

  readonly #parts: FormParts;

  constructor(
    readonly panel: vscode.WebviewPanel,
    /** The connection being edited; undefined for a new one. */
    readonly editing: string | undefined,
    parts: FormParts,
  ) {
    this.#parts = parts;

    this.#tester = new ConnectionTester({
      changed: (report) => this.#post({ type: 'report', report }),
      notify: (message, severity) => this.#channel.notify(message, severity),
      act: (action, finding) => {
        if (action !== 'setUpDurableJobs') this.#post({ type: 'focus', field: fieldOf(finding) });
        else this.#channel.notify(vscode.l10n.t('Save the connection first, then use “Set Up Durable Jobs…”.'), 'info');
      },
      finished: (findings) => this.#mark(findings),
    });
    panel.title = formTitle(editing);
    this.#channel = new PageChannel(panel, parts.context.extensionUri, this);
  }

  async ready(): Promise<void> {
    const { connections, context } = this.#parts;
    const { editing } = this;
    const { report } = this.#tester;
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
      password: this.#imported === undefined ? (isStored ? 'stored' : 'none') : 'imported',
      hostLocation: hostLocationText(context.extension.extensionKind),
      hasWorkspace: vscode.workspace.workspaceFolders !== undefined,
      ...(report === undefined ? {} : { report }),
    });
  }

  async handle(message: Exclude<FromConnectionPage, { type: 'ready' }>): Promise<void> {
    switch (message.type) {
      case 'check':
        this.#post({ type: 'problems', problems: this.#problemsOf(this.#named(message.values)), all: false });
        break;
      case 'paste':
        await this.#paste(message.text, message.values);
        break;
      case 'test': {
        const profile = this.#profileOf(message.values);
        if (profile) await this.#tester.start({ profile, options: this.#options(profile, message) });
        break;
      }
      case 'save':
        await this.#save(message.values, message.password);
        break;
      case 'offers': {
        const { offers, problems } = await findOffers();
        this.#offers = offers;
        if (problems.length > 0) this.#channel.notify(problems.join(' '), 'error');
        this.#post({ type: 'offers', offers: offers.map(({ label, detail }) => ({ label, detail })) });
        break;
      }
      case 'useOffer': {
        const offer = this.#offers[message.offer];
        if (offer) await this.#fill(message.values, offer.profile, offer.password, offer.label, []);
        break;
      }
      case 'browse':
        await this.#browse(message.field);
        break;
      case 'forgetPassword':
        await this.#forget();
        break;
      case 'cancelTest':
        this.#tester.cancel();
        break;
      case 'testAgain':
        await this.#tester.again();
        break;
      case 'fix':
        await this.#tester.fix(message.report, message.finding, message.fix, message.way);
        break;
      case 'close':
        this.panel.dispose();
        break;
      case 'edit':
        break;
    }
  }

  dispose(): void {
    this.#imported = undefined;
    this.#tester.dispose();
    this.#channel.dispose();
  }

  #post(message: ToConnectionPage): void {
    this.#channel.post(message);
  }

  #isTaken(name: string): boolean {
    const { profiles, faulty } = this.#parts.connections;
    return name !== this.editing && [...profiles, ...faulty].some((other) => other.name === name);
  }

  #problemsOf(values: FormValues): Problems {
    const made = profileOf(values);
    const faults = Object.entries('faults' in made ? made.faults : {});
    const problems: Problems = Object.fromEntries(faults.map(([field, fault]) => [field, fieldText(fault)]));
    return problems.name === undefined && this.#isTaken(values.name.trim())
      ? { ...problems, name: vscode.l10n.t('A connection with this name already exists.') }
      : problems;
  }

  /** Suggests a name for a connection without one. */
  #named(values: FormValues): FormValues {
    if (values.name.trim() !== '') return values;
    const given = Object.entries({
      host: values.host,
      database: values.database,
      user: values.user,
      service: values.service,
    })
      .map(([field, text]) => [field, text.trim()] as const)
      .filter(([, text]) => text !== '');
    return { ...values, name: suggestName(Object.fromEntries(given), (name) => this.#isTaken(name)) };
  }

  /** Returns the profile, or undefined after showing the problems in the page. */
  #profileOf(given: FormValues): ConnectionProfile | undefined {
    const values = this.#named(given);
    const problems = this.#problemsOf(values);
    this.#post({ type: 'problems', problems, all: true });
    const made = profileOf(values);
    return 'profile' in made && Object.keys(problems).length === 0 ? made.profile : undefined;
  }

  /** The password comes from the source chosen in the form, even if another one is saved for the connection. */
  #options(profile: ConnectionProfile, { values, password }: Pick<Save, 'values' | 'password'>): OpenOptions {
    const { askPassword, ...others } = this.#parts.connections.testOptions(profile);
    const { editing } = this;
    const given = password ?? this.#imported;
    const known = async (): Promise<string | undefined> => {
      if (values.passwordFrom !== 'stored') return undefined;
      return given ?? (editing === undefined ? undefined : this.#parts.connections.storedPassword(editing));
    };
    // With any other source, the user is not asked: the form has a field for the password.
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
          : [vscode.l10n.t('Skipped parameters that PostgreSQL does not know: {0}.', ignored.join(', '))]),
        ...(keyPassphrase === undefined
          ? []
          : [
              vscode.l10n.t(
                'The passphrase of the client key was not imported. You are asked for it when you connect.',
              ),
            ]),
      ];
      await this.#fill(values, profile, password, undefined, notes);
    } catch (error) {
      this.#post({ type: 'problems', problems: { paste: errorText(error) }, all: true });
    }
  }

  async #fill(
    values: FormValues,
    profile: ConnectionProfile,
    password: string | undefined,
    from: string | undefined,
    notes: readonly string[],
  ): Promise<void> {
    this.#imported = password;
    const isStored =
      this.editing !== undefined && (await this.#parts.connections.storedPassword(this.editing)) !== undefined;
    const looksUp = profile.service !== undefined || (from !== undefined && password === undefined);
    const passwordFrom = password !== undefined ? 'stored' : looksUp ? 'lookup' : values.passwordFrom;
    const filled = fill(values, profile, passwordFrom);
    const name = filled.name === '' ? suggestName(profile, (taken) => this.#isTaken(taken)) : filled.name;
    const message = [
      from === undefined ? vscode.l10n.t('Fields filled in.') : vscode.l10n.t('Fields filled in from {0}.', from),
      ...(password === undefined ? [] : [vscode.l10n.t('Password imported.')]),
      ...notes,
    ].join(' ');
    const known: KnownPassword = password !== undefined ? 'imported' : isStored ? 'stored' : 'none';
    this.#post({ type: 'fill', values: { ...filled, name }, password: known, message });
  }

  async #save(values: FormValues, typed: string | undefined): Promise<void> {
    const profile = this.#profileOf(values);
    if (!profile) return;
    const { connections, saved } = this.#parts;
    const password = values.passwordFrom === 'stored' ? (typed ?? this.#imported) : undefined;
    await connections.save(profile, password, this.editing, values.scope);
    if (values.passwordFrom !== 'stored') await connections.forgetPassword(profile.name);
    this.#imported = undefined;
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
    if (this.#imported !== undefined) {
      this.#imported = undefined;
    } else if (this.editing !== undefined) {
      await connections.forgetPassword(this.editing);
    }
    const left = this.editing !== undefined && (await connections.storedPassword(this.editing)) !== undefined;
    this.#post({
      type: 'password',
      password: left ? 'stored' : 'none',
      message: vscode.l10n.t('Password forgotten.'),
    });
  }

  /** Shows the first error also next to its field. */
  #mark(findings: readonly CheckResult[]): void {
    const [finding] = findings.filter(({ status }) => status === 'error');
    if (finding?.field === undefined) return;
    this.#post({ type: 'mark', field: fieldOf(finding), problem: vscode.l10n.t('{0}.', checkTitle(finding)) });
  }
}

/** @param editing the connection being edited; undefined for a new one */
export function formTitle(editing: string | undefined): string {
  return editing === undefined ? vscode.l10n.t('New Connection') : vscode.l10n.t('Edit Connection “{0}”', editing);
}

type Save = Extract<FromConnectionPage, { type: 'save' }>;

/** Returns the control for fixing a finding. */
function fieldOf({ id, field }: CheckResult): (keyof FormValues & keyof Problems) | 'password' {
  switch (field) {
    case 'host':
    case 'database':
    case 'sslmode':
    case 'password':
    case 'passwordCommand':
    case 'targetSessionAttrs':
      return field;
    default:
      return id === 'tls' ? 'sslmode' : id === 'readOnly' ? 'targetSessionAttrs' : 'host';
  }
}
