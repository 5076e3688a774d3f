import * as vscode from 'vscode';
import type { Clock, Links, Logger } from '../core/jobs/ports';
import { ConnectError } from '../core/postgres/connect/errors';
import { openClient, type OpenOptions } from '../core/postgres/connect/open';
import { validateProfile, type ConnectionProfile } from '../core/postgres/connect/profile';
import { PgLink } from '../core/postgres/link';
import { Disposables } from './disposables';
import { affectsSetting } from './ids';

/** A profile that cannot be used, with the sentence that says why. */
export interface FaultyProfile {
  readonly name: string;
  readonly problem: string;
}

/** Whose settings a connection stands in. */
export type Scope = 'user' | 'workspace';

/** Sessions kept open beside the running ones, so that a launch finds one. */
const WARM_SESSIONS = 2;

/** The connections of the settings, their passwords, and the links to their servers. */
export class Connections implements Links {
  readonly #links = new Map<string, { link: PgLink; key: string }>();
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #disposables = new Disposables();
  /** Passwords that were entered, by connection, for the life of the window. */
  readonly #asked = new Map<string, string>();
  readonly #prompts = new Map<string, Promise<string | undefined>>();
  readonly #declined = new Set<string>();
  #profiles: readonly ConnectionProfile[] = [];
  #faulty: readonly FaultyProfile[] = [];

  /** Fires when the list, or the state of a link, has changed. */
  readonly onDidChange = this.#changed.event;

  constructor(
    private readonly secrets: vscode.SecretStorage,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    this.#disposables.add(this.#changed);
    this.#disposables.add(
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (affectsSetting(event, 'connections')) this.#read();
      }),
    );
    this.#disposables.add(vscode.workspace.onDidGrantWorkspaceTrust(() => this.#read()));
    this.#read();
  }

  get profiles(): readonly ConnectionProfile[] {
    return this.#profiles;
  }

  get faulty(): readonly FaultyProfile[] {
    return this.#faulty;
  }

  find(name: string): ConnectionProfile | undefined {
    return this.#profiles.find((profile) => profile.name === name);
  }

  /** @throws where there is no such connection, or the workspace is not trusted */
  link(name: string): PgLink {
    if (!vscode.workspace.isTrusted) {
      throw new Error(
        vscode.l10n.t('This workspace is not trusted, so nothing connects and nothing runs. Trust it first.'),
      );
    }
    const known = this.#links.get(name);
    if (known) return known.link;
    const profile = this.find(name);
    if (!profile) {
      throw new Error(vscode.l10n.t('There is no connection "{0}". Add it, or choose another one.', name));
    }
    const link = this.#newLink(profile);
    this.#links.set(name, { link, key: JSON.stringify(profile) });
    return link;
  }

  /** The link, where it was used before: asking does not connect. */
  existing(name: string): PgLink | undefined {
    return this.#links.get(name)?.link;
  }

  /** Where a connection stands; undefined where it is not in the settings. */
  scopeOf(name: string): Scope | undefined {
    const inspected = vscode.workspace.getConfiguration('pgBackground').inspect<unknown[]>('connections');
    if (inspected?.workspaceValue?.some((one) => nameOf(one) === name)) return 'workspace';
    return inspected?.globalValue?.some((one) => nameOf(one) === name) ? 'user' : undefined;
  }

  /** Saves a profile in a scope; without one where it was, or in the user's settings when it is new. */
  async save(
    profile: ConnectionProfile,
    password: string | undefined,
    replaces?: string,
    scope?: Scope,
  ): Promise<void> {
    const configuration = vscode.workspace.getConfiguration('pgBackground');
    const old = replaces ?? profile.name;
    const was = this.scopeOf(old);
    const inWorkspace = (scope ?? was) === 'workspace';
    if (scope !== undefined && was !== undefined && scope !== was) await this.#takeOut(old, was);
    const inspected = configuration.inspect<unknown[]>('connections');
    const before = (inWorkspace ? inspected?.workspaceValue : inspected?.globalValue) ?? [];
    const index = before.findIndex((one) => nameOf(one) === old);
    const after = index < 0 ? [...before, profile] : before.with(index, profile);
    if (password !== undefined) await this.setPassword(profile.name, password);
    if (replaces !== undefined && replaces !== profile.name) {
      const kept = await this.secrets.get(secretKey(replaces));
      if (kept !== undefined && password === undefined) await this.setPassword(profile.name, kept);
      await this.secrets.delete(secretKey(replaces));
    }
    const target = inWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
    await configuration.update('connections', after, target);
    this.#drop(profile.name);
    this.#read();
  }

  async #takeOut(name: string, scope: Scope): Promise<void> {
    const configuration = vscode.workspace.getConfiguration('pgBackground');
    const inspected = configuration.inspect<unknown[]>('connections');
    const [value, target] =
      scope === 'workspace'
        ? [inspected?.workspaceValue, vscode.ConfigurationTarget.Workspace]
        : [inspected?.globalValue, vscode.ConfigurationTarget.Global];
    const left = (value ?? []).filter((one) => nameOf(one) !== name);
    await configuration.update('connections', left, target);
  }

  async remove(name: string): Promise<void> {
    const configuration = vscode.workspace.getConfiguration('pgBackground');
    const inspected = configuration.inspect<unknown[]>('connections');
    for (const [value, target] of [
      [inspected?.workspaceValue, vscode.ConfigurationTarget.Workspace],
      [inspected?.globalValue, vscode.ConfigurationTarget.Global],
    ] as const) {
      if (!value?.some((one) => nameOf(one) === name)) continue;
      await configuration.update(
        'connections',
        value.filter((one) => nameOf(one) !== name),
        target,
      );
    }
    await this.secrets.delete(secretKey(name));
    this.#asked.delete(name);
    this.#read();
  }

  async setPassword(name: string, password: string): Promise<void> {
    await this.secrets.store(secretKey(name), password);
    this.mayAsk(name);
    this.#drop(name);
  }

  async storedPassword(name: string): Promise<string | undefined> {
    return this.secrets.get(secretKey(name));
  }

  async forgetPassword(name: string): Promise<void> {
    await this.secrets.delete(secretKey(name));
    this.#asked.delete(name);
  }

  /**
   * How a profile is opened to be examined: with what is known for it, and asking for the rest. What the user enters is kept
   * by {@link keepEntered}, once it has proved right.
   */
  examineOptions(profile: ConnectionProfile): OpenOptions {
    const { name } = profile;
    this.mayAsk(name);
    return {
      password: async () => (await this.secrets.get(secretKey(name))) ?? this.#asked.get(name),
      askPassword: ({ user, place }) => this.#prompt(name, vscode.l10n.t('Password of {0} at {1}', user, place)),
      keyPassphrase: (file) => this.#prompt(name, vscode.l10n.t('Passphrase of the key {0}', file)),
      allowPasswordCommand: vscode.workspace.isTrusted,
      log: (message) => this.log.debug(`${name}: ${message}`),
    };
  }

  /** Keeps a password that was entered, as the profile wants it. */
  async keepEntered(profile: ConnectionProfile, password: string): Promise<void> {
    if (profile.askPassword === true) this.#asked.set(profile.name, password);
    else await this.setPassword(profile.name, password);
  }

  /** Closes every link; workers run on. */
  async dispose(): Promise<void> {
    this.#disposables.dispose();
    const links = [...this.#links.values()].map(({ link }) => link.dispose());
    this.#links.clear();
    await Promise.allSettled(links);
  }

  #newLink(profile: ConnectionProfile): PgLink {
    const link = new PgLink({
      name: profile.name,
      database: profile.database ?? '',
      connect: () => this.#connect(profile),
      clock: this.clock,
      log: this.log,
      warmSessions: WARM_SESSIONS,
    });
    link.onDidChangeState(() => this.#changed.fire());
    return link;
  }

  async #connect(profile: ConnectionProfile): ReturnType<typeof openClient> {
    const { name } = profile;
    const password = (await this.secrets.get(secretKey(name))) ?? this.#asked.get(name);
    let entered: string | undefined;
    try {
      const client = await openClient(profile, {
        ...(password === undefined ? {} : { password: () => Promise.resolve(password) }),
        askPassword: async ({ user, place }) => (entered = await this.#ask(profile, user, place)),
        keyPassphrase: (file) => this.#prompt(name, vscode.l10n.t('Passphrase of the key {0}', file)),
        allowPasswordCommand: vscode.workspace.isTrusted,
        log: (message) => this.log.debug(`${name}: ${message}`),
      });
      if (entered !== undefined && profile.askPassword !== true) await this.secrets.store(secretKey(name), entered);
      return client;
    } catch (error) {
      // A wrong password is not kept for the next try.
      if (error instanceof ConnectError && error.reason === 'authentication') this.#asked.delete(name);
      throw error;
    }
  }

  /** Asks once for all sessions that are being opened; the answer serves as long as the window lives. */
  async #ask(profile: ConnectionProfile, user: string, place: string): Promise<string | undefined> {
    const answer = await this.#prompt(profile.name, vscode.l10n.t('Password of {0} at {1}', user, place));
    if (answer !== undefined) this.#asked.set(profile.name, answer);
    return answer;
  }

  #prompt(name: string, prompt: string): Promise<string | undefined> {
    const open = this.#prompts.get(name);
    if (open) return open;
    // Who has said no is not asked again by what goes on in the background.
    if (this.#declined.has(name)) return Promise.resolve(undefined);
    const asking = Promise.resolve(
      vscode.window.showInputBox({ title: name, prompt, password: true, ignoreFocusOut: true }),
    ).then((answer) => {
      this.#prompts.delete(name);
      if (answer === undefined) this.#declined.add(name);
      return answer;
    });
    this.#prompts.set(name, asking);
    return asking;
  }

  /** The user wants this connection now, so it may ask for its password again. */
  mayAsk(name: string): void {
    this.#declined.delete(name);
  }

  #drop(name: string): void {
    const known = this.#links.get(name);
    this.#links.delete(name);
    void known?.link.dispose();
  }

  #read(): void {
    const profiles: ConnectionProfile[] = [];
    const faulty: FaultyProfile[] = [];
    for (const scope of vscode.workspace.isTrusted ? settingsByScope() : []) {
      const names = new Set<string>();
      scope.forEach((entry, index) => {
        const name = nameOf(entry) ?? `#${index + 1}`;
        const checked = validateProfile(entry);
        if ('problem' in checked) faulty.push({ name, problem: checked.problem });
        else if (names.has(name)) {
          faulty.push({
            name,
            problem: vscode.l10n.t('Two connections have the name "{0}". Rename one in the settings.', name),
          });
        } else if (!profiles.some((one) => one.name === name)) profiles.push(checked.profile);
        names.add(name);
      });
    }
    this.#profiles = profiles;
    this.#faulty = faulty;
    for (const [name, { key }] of this.#links) {
      if (JSON.stringify(this.find(name)) !== key) this.#drop(name);
    }
    this.#changed.fire();
  }
}

/**
 * The connections of every scope, the nearest first. VS Code lets one scope's array replace another's; people who have
 * connections of their own and open a workspace with one expect to see both.
 */
function settingsByScope(): readonly (readonly unknown[])[] {
  const inspected = vscode.workspace.getConfiguration('pgBackground').inspect('connections');
  const scopes: readonly unknown[] = [
    inspected?.workspaceFolderValue,
    inspected?.workspaceValue,
    inspected?.globalValue,
  ];
  return scopes.filter((scope) => Array.isArray(scope));
}

/** Where a connection's password is kept in VS Code's secret storage. */
export function secretKey(name: string): string {
  return `pgBackground.password:${name}`;
}

function nameOf(entry: unknown): string | undefined {
  const name = typeof entry === 'object' && entry !== null && 'name' in entry ? entry.name : undefined;
  return typeof name === 'string' ? name : undefined;
}
