import { hostname } from 'node:os';
import * as vscode from 'vscode';
import type { Clock, Links, Logger } from '../core/jobs/ports';
import { ConnectError, type ConnectReason } from '../core/postgres/connect/errors';
import { openClient } from '../core/postgres/connect/open';
import type { ConnectionProfile } from '../core/postgres/connect/profile';
import { PgLink } from '../core/postgres/link';
import {
  entriesFor,
  findEntry,
  nameOf,
  readEntries,
  scopeOf,
  type ConnectionEntry,
  type FaultyEntry,
} from './connectionEntries';
import { ConnectionProviders } from './connectionProviders';
import { changeSettings, defaultInSettings, folderOf, settingsSources } from './connectionSettings';
import { Disposables } from './disposables';
import { affectsSetting } from './ids';
import { PasswordStore, type SecretOwner } from './passwordStore';
import { Prompts } from './prompts';

/** Sessions kept open beside the running ones, so that a launch finds one. */
const WARM_SESSIONS = 2;

/** A wrong password or passphrase can be the reason of these. */
const FAULTS_OF_SECRETS: readonly ConnectReason[] = ['authentication', 'tls'];

/** The connections of the settings and of other extensions, their passwords, and the links to their servers. */
export class Connections implements Links {
  readonly providers: ConnectionProviders;
  readonly #links = new Map<string, { link: PgLink; key: string }>();
  /** Disconnected by the user: only what the user wants there opens them again. */
  readonly #closed = new Set<string>();
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #disposables = new Disposables();
  readonly #passwords: PasswordStore;
  readonly #prompts = new Prompts();
  #entries: readonly ConnectionEntry[] = [];
  #faulty: readonly FaultyEntry[] = [];

  /** Fires when the list, or the state of a link, has changed. */
  readonly onDidChange = this.#changed.event;

  constructor(
    secrets: vscode.SecretStorage,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    const { workspaceFile, workspaceFolders } = vscode.workspace;
    this.#passwords = new PasswordStore(secrets, log, {
      workspace: (workspaceFile ?? workspaceFolders?.[0]?.uri)?.toString() ?? '',
      // What "localhost" is depends on where this runs.
      machine: vscode.env.remoteName === undefined ? '' : hostname(),
    });
    this.providers = this.#disposables.add(new ConnectionProviders(log));
    this.#disposables.add(this.#changed);
    const read = (): void => this.#read();
    this.#disposables.add(this.providers.onDidChange(read));
    this.#disposables.add(
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (affectsSetting(event, 'connections')) this.#read();
        else if (affectsSetting(event, 'defaultConnection')) this.#changed.fire();
      }),
    );
    this.#disposables.add(vscode.workspace.onDidGrantWorkspaceTrust(read));
    this.#disposables.add(vscode.workspace.onDidChangeWorkspaceFolders(read));
    this.#read();
  }

  get profiles(): readonly ConnectionProfile[] {
    return this.#entries.map(({ profile }) => profile);
  }

  get faulty(): readonly FaultyEntry[] {
    return this.#faulty;
  }

  /** What is offered for a file: all but the connections of other folders. */
  profilesFor(uri: vscode.Uri | undefined): readonly ConnectionProfile[] {
    return entriesFor(this.#entries, folderOf(uri)).map(({ profile }) => profile);
  }

  /** @param uri the file that the name stands in or is for: one of its folder's connections comes first */
  find(name: string, uri?: vscode.Uri): ConnectionProfile | undefined {
    return this.entry(name, uri)?.profile;
  }

  /** The same, with where it is written down. */
  entry(name: string, uri?: vscode.Uri): ConnectionEntry | undefined {
    return findEntry(this.#entries, name, folderOf(uri));
  }

  /** The one that the settings name for a file, or the only one there is for it. */
  defaultFor(uri: vscode.Uri | undefined): string | undefined {
    const named = defaultInSettings(uri);
    const found = named === '' ? undefined : this.find(named, uri);
    if (found) return found.name;
    const [only, ...others] = this.profilesFor(uri);
    return others.length === 0 ? only?.name : undefined;
  }

  /** @throws where there is no such connection, the workspace is not trusted, or it was disconnected and is not `wanted` */
  link(name: string, wanted = true): PgLink {
    if (!vscode.workspace.isTrusted) {
      throw new Error(
        vscode.l10n.t('This workspace is not trusted, so nothing connects and nothing runs. Trust it first.'),
      );
    }
    const known = this.#links.get(name);
    if (known) return known.link;
    const entry = this.entry(name);
    if (!entry) {
      throw new Error(vscode.l10n.t('There is no connection "{0}". Add it, or choose another one.', name));
    }
    const own = entry.profile.name;
    if (own !== name) return this.link(own, wanted);
    if (this.#closed.has(name) && !wanted) {
      throw new Error(vscode.l10n.t('The connection "{0}" was disconnected. Connect it first.', name));
    }
    this.#closed.delete(name);
    const link = this.#newLink(entry);
    this.#links.set(name, { link, key: keyOf(entry) });
    // Whoever watches links hears of a new one.
    this.#changed.fire();
    return link;
  }

  /** The link, where it was used before: asking does not connect. */
  existing(name: string): PgLink | undefined {
    return this.#links.get(name)?.link;
  }

  /** Opens it, also where it was disconnected or its password was not given before. Rejects with what to do. */
  async connect(name: string): Promise<PgLink> {
    this.mayAsk(name);
    const link = this.link(name);
    await link.connect();
    await link.refresh();
    return link;
  }

  /** Closes its sessions; workers run on. It stays closed until something is wanted of it. */
  disconnect(name: string): void {
    this.#closed.add(name);
    this.#drop(name);
    this.#changed.fire();
  }

  /** Saves a profile where it was, or in the user's settings when it is new. */
  async save(profile: ConnectionProfile, password: string | undefined, replaces?: string): Promise<void> {
    const before = this.#known(replaces ?? profile.name);
    const origin = before?.origin ?? { kind: 'user' as const };
    if (origin.kind === 'provider') throw providedError(profile.name, origin.name);
    const oldName = before?.ownName ?? profile.name;
    // The name of its folder is not a part of what is written down.
    const ownName = before && profile.name === before.profile.name ? before.ownName : profile.name;
    const written = { ...profile, name: ownName };
    const after: ConnectionEntry = { origin, ownName, profile: written, hidesUsers: false };
    // The user says that it is the same connection still, so its password stays with it.
    const kept = before && password === undefined ? await this.#stored(before) : undefined;
    await changeSettings(origin, (values) => {
      const index = values.findIndex((one) => nameOf(one) === oldName);
      return index < 0 ? [...values, written] : values.with(index, written);
    });
    if (before) await this.#forget(before);
    const store = password ?? kept;
    if (store !== undefined) await this.#keep(after, store);
    this.mayAsk(profile.name);
    this.#drop(profile.name);
    this.#read();
  }

  /** Removes it from where it is written down, and its password. */
  async remove(name: string): Promise<void> {
    const entry = this.#known(name);
    if (!entry) return;
    const { origin, ownName } = entry;
    if (origin.kind === 'provider') throw providedError(name, origin.name);
    await changeSettings(origin, (values) => values.filter((one) => nameOf(one) !== ownName));
    await this.#forget(entry);
    this.#read();
  }

  async setPassword(name: string, password: string): Promise<void> {
    const entry = this.entry(name);
    if (!entry) throw new Error(vscode.l10n.t('There is no connection "{0}". Add it, or choose another one.', name));
    await this.#keep(entry, password);
    this.mayAsk(name);
    this.#drop(name);
  }

  /** Forgets the password, stored or in memory, and closes the sessions that it opened. It is asked for when it is needed. */
  async forgetPassword(name: string): Promise<void> {
    const entry = this.entry(name);
    if (!entry) return;
    await this.#forget(entry);
    this.disconnect(name);
  }

  /** The user wants this connection now, so it may ask for its password again. */
  mayAsk(name: string): void {
    this.#prompts.mayAsk(name);
  }

  /** A copy under another name beside it, a provider's in the user's settings, with its stored password. Gives its name. */
  async duplicate(name: string, copyName: string): Promise<string> {
    const source = this.#known(name);
    if (!source) throw new Error(vscode.l10n.t('There is no connection "{0}". Add it, or choose another one.', name));
    const origin = source.origin.kind === 'provider' ? { kind: 'user' as const } : source.origin;
    const password = await this.#stored(source);
    await changeSettings(origin, (values) => [...values, { ...source.profile, name: copyName }]);
    this.#read();
    const copy = this.#entries.find((one) => one.ownName === copyName && scopeOf(one.origin) === scopeOf(origin));
    if (copy && password !== undefined) await this.#keep(copy, password);
    return copy?.profile.name ?? copyName;
  }

  /** Closes every link; workers run on. */
  async dispose(): Promise<void> {
    this.#disposables.dispose();
    const links = [...this.#links.values()].map(({ link }) => link.dispose());
    this.#links.clear();
    await Promise.allSettled(links);
  }

  /** By the name under which it is known, and no other. */
  #known(name: string): ConnectionEntry | undefined {
    return this.#entries.find(({ profile }) => profile.name === name);
  }

  #newLink(entry: ConnectionEntry): PgLink {
    const { name, database } = entry.profile;
    const link = new PgLink({
      name,
      database: database ?? '',
      connect: () => this.#connect(entry),
      clock: this.clock,
      log: this.log,
      warmSessions: WARM_SESSIONS,
    });
    link.onDidChangeState(() => this.#changed.fire());
    return link;
  }

  async #connect(entry: ConnectionEntry): ReturnType<typeof openClient> {
    const { profile } = entry;
    const { name } = profile;
    const owner = this.#passwords.ownerOf(entry);
    const stored = profile.askPassword === true ? { elsewhere: false } : await this.#find(entry, owner);
    const password = stored.password ?? this.#prompts.remembered(owner);
    let entered: string | undefined;
    try {
      const client = await openClient(profile, {
        ...(password === undefined ? {} : { password: () => Promise.resolve(password) }),
        askPassword: async ({ user, place }) =>
          (entered = this.#prompts.remembered(owner) ?? (await this.#ask(name, owner, user, place, stored.elsewhere))),
        keyPassphrase: (file) =>
          this.#prompts.once(name, owner, vscode.l10n.t('Passphrase of the key {0}', file), `key ${file}`),
        allowPasswordCommand: vscode.workspace.isTrusted,
        log: (message) => this.log.debug(`${name}: ${message}`),
      });
      if (entered !== undefined) await this.#keep(entry, entered);
      return client;
    } catch (error) {
      // What was entered and is wrong is not kept for the next try, which is not to ask before the user wants it.
      if (error instanceof ConnectError && FAULTS_OF_SECRETS.includes(error.reason)) this.#prompts.reject(name, owner);
      throw error;
    }
  }

  #ask(name: string, owner: SecretOwner, user: string, place: string, elsewhere: boolean): Promise<string | undefined> {
    const prompt = elsewhere
      ? vscode.l10n.t(
          'Password of {0} at {1}. The stored one is not sent there: it was entered for another server, another user or a safer connection.',
          user,
          place,
        )
      : vscode.l10n.t('Password of {0} at {1}', user, place);
    return this.#prompts.once(name, owner, prompt);
  }

  /** The provider's password, else the stored one. */
  async #find(
    entry: ConnectionEntry,
    owner: SecretOwner,
  ): Promise<{ readonly password?: string; readonly elsewhere: boolean }> {
    const { origin, ownName } = entry;
    if (origin.kind === 'provider') {
      const password = await this.providers.password(origin.id, ownName);
      if (password !== undefined) return { password, elsewhere: false };
    }
    try {
      return await this.#passwords.get(owner);
    } catch (error) {
      // A keyring that is locked or missing: the user can still enter it.
      this.log.warn(`${entry.profile.name}: VS Code's secret storage could not be read: ${String(error)}`);
      return { elsewhere: false };
    }
  }

  async #stored(entry: ConnectionEntry): Promise<string | undefined> {
    return (await this.#passwords.get(this.#passwords.ownerOf(entry))).password;
  }

  /** Stores it, or has it in memory where it must not or cannot be stored. */
  async #keep(entry: ConnectionEntry, password: string): Promise<void> {
    const owner = this.#passwords.ownerOf(entry);
    if (entry.profile.askPassword === true) {
      this.#prompts.remember(owner, password);
      return;
    }
    try {
      await this.#passwords.set(owner, password);
    } catch (error) {
      this.#prompts.remember(owner, password);
      this.log.warn(
        `The password could not be put into VS Code's secret storage, so it is kept until the window is closed: ${String(error)}`,
      );
    }
  }

  async #forget(entry: ConnectionEntry): Promise<void> {
    const owner = this.#passwords.ownerOf(entry);
    this.#prompts.forget(owner);
    await this.#passwords.forget(owner);
  }

  #drop(name: string): void {
    const known = this.#links.get(name);
    this.#links.delete(name);
    void known?.link.dispose();
  }

  #read(): void {
    const trusted = vscode.workspace.isTrusted;
    const provided = trusted ? [...this.providers.all] : [];
    const sources = [...(trusted ? settingsSources() : []), ...provided.map(({ source }) => source)];
    const { entries, faults } = readEntries(sources, {
      sameName: (name) => vscode.l10n.t('Two connections have the name "{0}". Rename one.', name),
    });
    this.#entries = entries;
    const silent = provided.flatMap(({ source: { origin }, problem }): FaultyEntry[] =>
      problem === undefined ? [] : [{ id: scopeOf(origin), name: providerName(origin), problem, origin }],
    );
    this.#faulty = [...faults, ...silent];
    for (const [name, { key }] of this.#links) {
      const entry = this.entry(name);
      if (!entry || keyOf(entry) !== key) this.#drop(name);
    }
    this.#changed.fire();
  }
}

/** Another text means another connection, whatever its name. */
function keyOf({ origin, profile }: ConnectionEntry): string {
  return JSON.stringify([scopeOf(origin), profile]);
}

function providerName(origin: FaultyEntry['origin']): string {
  return 'name' in origin ? origin.name : '';
}

function providedError(name: string, provider: string): Error {
  return new Error(vscode.l10n.t('“{0}” comes from {1}: change it there.', name, provider));
}
