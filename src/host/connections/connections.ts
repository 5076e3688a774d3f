import * as vscode from 'vscode';
import type { Clock } from '../../core/base/clock';
import type { Disposable } from '../../core/base/disposable';
import { Emitter } from '../../core/base/emitter';
import type { ServerLinks } from '../../core/jobs/ports';
import type { Logger } from '../../core/base/logger';
import type { OpenOptions } from '../../core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import type { LinkOptions, PgServerLink } from '../../core/postgres/server/serverLink';
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
import {
  changeSettings,
  defaultInSettings,
  folderOf,
  replaceDefault,
  settingsSources,
  type SettingsOrigin,
} from './connectionSettings';
import { Credentials } from './credentials';
import { Disposables } from '../base/disposables';
import { FirstConnections } from './firstConnections';
import { LinkRegistry } from './linkRegistry';
import { affectsSetting } from '../base/settings';

/** The settings that define a connection; those of a folder count as the workspace's. */
export type Scope = 'user' | 'workspace';

/** The connections of the settings and of other extensions, their passwords, and the links to their servers. */
export class Connections implements ServerLinks {
  readonly providers: ConnectionProviders;
  readonly #links: LinkRegistry;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #disposables = new Disposables();
  readonly #credentials: Credentials;
  #entries: readonly ConnectionEntry[] = [];
  #faulty: readonly FaultyEntry[] = [];

  readonly #durable: Emitter<readonly [string, PgServerLink]>;
  readonly #renamed = new vscode.EventEmitter<{ readonly from: string; readonly to: string }>();
  readonly #first: FirstConnections;

  /** Fires when the user has renamed a connection. */
  readonly onDidRename = this.#renamed.event;

  /** Fires when the list of connections, or the state of a link, has changed. */
  readonly onDidChange = this.#changed.event;

  constructor(
    secrets: vscode.SecretStorage,
    memory: vscode.Memento,
    workspaceMemory: vscode.Memento,
    clock: Clock,
    log: Logger,
  ) {
    this.#durable = new Emitter(log);
    this.providers = this.#disposables.add(new ConnectionProviders(log));
    this.#credentials = new Credentials(secrets, memory, this.providers, log);
    this.#first = new FirstConnections(workspaceMemory);
    this.#links = new LinkRegistry({
      clock,
      log,
      open: (entry, prefer) => this.#credentials.open(entry, prefer),
      changed: () => this.#changed.fire(),
      durable: (name, link) => this.#durable.emit([name, link]),
    });
    this.#disposables.add(this.#changed);
    this.#disposables.add(this.#renamed);
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

  onDurable(listener: (connection: string, link: PgServerLink) => void): Disposable {
    return this.#durable.add(([name, link]) => listener(name, link));
  }

  get profiles(): readonly ConnectionProfile[] {
    return this.#entries.map(({ profile }) => profile);
  }

  get faulty(): readonly FaultyEntry[] {
    return this.#faulty;
  }

  /** The connections for a file: all but those of other folders. */
  profilesFor(uri: vscode.Uri | undefined): readonly ConnectionProfile[] {
    return entriesFor(this.#entries, folderOf(uri)).map(({ profile }) => profile);
  }

  /** @param uri the file that uses the name: connections of its folder come first */
  find(name: string, uri?: vscode.Uri): ConnectionProfile | undefined {
    return this.entry(name, uri)?.profile;
  }

  /** The same, with its origin. */
  entry(name: string, uri?: vscode.Uri): ConnectionEntry | undefined {
    return findEntry(this.#entries, name, folderOf(uri));
  }

  /**
   * The default connection for a file: the one in the settings or, if they name none, the oldest one (see {@link FirstConnections}).
   * Undefined if there are no connections, or the settings name one that does not exist: then nothing is guessed.
   */
  defaultFor(uri: vscode.Uri | undefined): string | undefined {
    const named = defaultInSettings(uri);
    if (named !== '') return this.find(named, uri)?.name;
    return this.#first.first(this.profilesFor(uri).map(({ name }) => name));
  }

  /** The default connection for API calls: the one in the settings, or the only one. Unlike {@link defaultFor}, never the oldest. */
  get defaultForCode(): string | undefined {
    const named = defaultInSettings(undefined);
    const found = named === '' ? undefined : this.find(named);
    if (found) return found.name;
    const [only, ...others] = this.profiles;
    return others.length === 0 ? only?.name : undefined;
  }

  /** The default connection in the settings for a file, if it does not exist. */
  missingDefault(uri: vscode.Uri | undefined): string | undefined {
    const named = defaultInSettings(uri);
    return named === '' || this.find(named, uri) ? undefined : named;
  }

  /** @throws Error if the workspace is not trusted, the connection does not exist, or it was disconnected and is not `wanted` */
  link(name: string, wanted = true): PgServerLink {
    checkTrust();
    const existing = this.#links.get(name);
    if (existing) return existing;
    const entry = this.#existing(name);
    const knownName = entry.profile.name;
    if (knownName !== name) return this.link(knownName, wanted);
    if (this.#links.isDisconnected(name) && !wanted) {
      throw new Error(vscode.l10n.t('The connection “{0}” was disconnected. Connect it first.', name));
    }
    return this.#links.add(entry);
  }

  /**
   * Opens a session for one request, separate from those of the link. The caller ends it.
   * @param database default: the connection's
   * @throws Error if the workspace is not trusted, or the connection does not exist; ConnectError
   */
  openSession(name: string, database?: string): ReturnType<LinkOptions['connect']> {
    checkTrust();
    const entry = this.#existing(name);
    const profile = database === undefined ? entry.profile : { ...entry.profile, database };
    return this.#credentials.open({ ...entry, profile });
  }

  /** The link, if it exists. Never connects. */
  existing(name: string): PgServerLink | undefined {
    return this.#links.get(name);
  }

  /** Connects, even if the connection was disconnected or its password was not entered before. @throws the error of connecting */
  async connect(name: string): Promise<PgServerLink> {
    this.allowPrompts(name);
    const link = this.link(name);
    await link.connect();
    await link.refresh();
    return link;
  }

  /** Closes the sessions; workers keep running. The connection stays closed until it is wanted again. */
  disconnect(name: string): void {
    this.#links.disconnect(name);
  }

  /** The settings that define a connection; undefined for a provider's connection. */
  scopeOf(name: string): Scope | undefined {
    const kind = this.#known(name)?.origin.kind;
    return kind === 'folder' ? 'workspace' : kind === 'provider' ? undefined : kind;
  }

  /**
   * Saves a profile.
   * @param replaces the name of the connection that the user edited, if it was not the API that saved the profile
   * @param scope default: the connection's present scope, or the user's settings for a new connection
   */
  async save(
    profile: ConnectionProfile,
    password: string | undefined,
    replaces?: string,
    scope?: Scope,
  ): Promise<void> {
    const before = this.#known(replaces ?? profile.name);
    const old = before?.origin;
    if (old?.kind === 'provider') throw providedError(profile.name, old.name);
    const stays = old !== undefined && (scope === undefined || scope === this.scopeOf(before?.profile.name ?? ''));
    const origin: SettingsOrigin = stays ? old : { kind: scope ?? 'user' };
    const oldName = before?.ownName ?? profile.name;
    // A folder's name is appended only outside of its settings.
    const ownName = before && profile.name === before.profile.name ? before.ownName : profile.name;
    const written = { ...profile, name: ownName };
    const after: ConnectionEntry = { origin, ownName, profile: written, hidesUsers: false };
    const kept = before && password === undefined ? await this.#credentials.stored(before) : undefined;
    // If the user edits a connection, it keeps its password. If other code changes it, the target must be the same.
    const keepsPassword = replaces !== undefined || (before && (await this.#credentials.sameTarget(before, after)));
    if (old && !stays) await changeSettings(old, (values) => values.filter((value) => nameOf(value) !== oldName));
    await changeSettings(origin, (values) => {
      const index = values.findIndex((value) => nameOf(value) === oldName);
      return index < 0 ? [...values, written] : values.with(index, written);
    });
    if (before) await this.#credentials.forget(before);
    const store = password ?? (keepsPassword === true ? kept : undefined);
    if (store !== undefined) await this.#credentials.keep(after, store);
    this.allowPasswordPrompt(profile.name);
    this.#links.drop(profile.name);
    if (before && profile.name !== before.profile.name) {
      const { name } = profile;
      this.#first.rename(before.profile.name, name);
      this.#renamed.fire({ from: before.profile.name, to: name });
      await replaceDefault(defaultNamesOf(before), name);
    }
    this.#read();
  }

  /** Removes a connection's definition and its password. */
  async remove(name: string): Promise<void> {
    const entry = this.#known(name);
    if (!entry) return;
    const { origin, ownName } = entry;
    if (origin.kind === 'provider') throw providedError(name, origin.name);
    await changeSettings(origin, (values) => values.filter((value) => nameOf(value) !== ownName));
    await this.#credentials.forget(entry);
    this.#read();
    // It may have hidden another connection of that name.
    if (this.#known(name)) return;
    this.#first.forget(name);
    await replaceDefault(defaultNamesOf(entry), undefined);
    this.#read();
  }

  async setPassword(name: string, password: string): Promise<void> {
    const entry = this.#existing(name);
    await this.#credentials.keep(entry, password);
    this.allowPrompts(name);
    this.#links.drop(name);
  }

  /** Forgets the password, stored or in memory. Open sessions stay open: see {@link disconnect}. */
  async forgetPassword(name: string): Promise<void> {
    const entry = this.#known(name);
    if (entry) await this.#credentials.forget(entry);
  }

  /** The password that is stored for a connection and its current target. */
  async storedPassword(name: string): Promise<string | undefined> {
    const entry = this.#known(name);
    return entry && this.#credentials.stored(entry);
  }

  /**
   * Options to open a profile, saved or not, for a test: with its known secrets and prompts for missing ones. {@link keepEntered} keeps a
   * password that was entered; call it once the password is known to be right.
   */
  testOptions(profile: ConnectionProfile): OpenOptions {
    this.allowPrompts(profile.name);
    return this.#credentials.testOptions(this.#entryOf(profile));
  }

  /** Keeps a password that the user entered: in the store, or in memory if the profile has `askPassword`. */
  async keepEntered(profile: ConnectionProfile, password: string): Promise<void> {
    await this.#credentials.keep(this.#entryOf(profile), password);
  }

  /**
   * Allows prompts for the password and for the approval of the user's own secrets: call it when the user tries to use the
   * connection.
   */
  allowPrompts(name: string): void {
    this.#credentials.allowPrompts(name);
  }

  /** Allows prompts for the password only: call it when other code, not necessarily the user, wants the connection. */
  allowPasswordPrompt(name: string): void {
    this.#credentials.allowPasswordPrompt(name);
  }

  /**
   * Copies a connection and its stored password, in the same settings; a provider's connection is copied to the user's settings.
   * @returns the name of the copy
   */
  async duplicate(name: string, copyName: string): Promise<string> {
    const source = this.#known(name);
    if (!source) throw unknownConnectionError(name);
    const origin = source.origin.kind === 'provider' ? { kind: 'user' as const } : source.origin;
    const password = await this.#credentials.stored(source);
    await changeSettings(origin, (values) => [...values, { ...source.profile, name: copyName }]);
    this.#read();
    const copy = this.#entries.find((entry) => entry.ownName === copyName && scopeOf(entry.origin) === scopeOf(origin));
    if (copy && password !== undefined) await this.#credentials.keep(copy, password);
    return copy?.profile.name ?? copyName;
  }

  /** Closes all links; workers keep running. */
  async dispose(): Promise<void> {
    this.#disposables.dispose();
    await this.#links.dispose();
  }

  /** The connection with exactly this name. */
  #known(name: string): ConnectionEntry | undefined {
    return this.#entries.find(({ profile }) => profile.name === name);
  }

  #existing(name: string): ConnectionEntry {
    const entry = this.entry(name);
    if (!entry) throw unknownConnectionError(name);
    return entry;
  }

  /** The entry of a profile that may not be saved yet. A password stored for its name is used only for the same target. */
  #entryOf(profile: ConnectionProfile): ConnectionEntry {
    const known = this.#known(profile.name);
    const fresh = { origin: { kind: 'user' as const }, ownName: profile.name, hidesUsers: false };
    return { ...(known ?? fresh), profile };
  }

  #read(): void {
    const trusted = vscode.workspace.isTrusted;
    const provided = trusted ? [...this.providers.all] : [];
    const sources = [...(trusted ? settingsSources() : []), ...provided.map(({ source }) => source)];
    const { entries, faults } = readEntries(sources);
    this.#entries = entries;
    this.#first.note(this.profiles.map(({ name }) => name));
    const failedProviders = provided.flatMap(({ source: { origin }, fault }): FaultyEntry[] =>
      fault === undefined ? [] : [{ id: scopeOf(origin), name: providerName(origin), fault, origin }],
    );
    this.#faulty = [...faults, ...failedProviders];
    this.#links.dropChanged((name) => this.entry(name));
    this.#changed.fire();
  }
}

function checkTrust(): void {
  if (vscode.workspace.isTrusted) return;
  throw new Error(
    vscode.l10n.t('This workspace is not trusted, so nothing connects and nothing runs. Trust the workspace first.'),
  );
}

/** The names that settings may use for a default connection. */
function defaultNamesOf({ origin, ownName, profile }: ConnectionEntry): Parameters<typeof replaceDefault>[0] {
  return { name: profile.name, ownName, folder: origin.kind === 'folder' ? origin.uri : undefined };
}

function providerName(origin: FaultyEntry['origin']): string {
  return 'name' in origin ? origin.name : '';
}

function providedError(name: string, provider: string): Error {
  return new Error(vscode.l10n.t('“{0}” comes from {1}. Change it there.', name, provider));
}

export function unknownConnectionError(name: string): Error {
  return new Error(vscode.l10n.t('There is no connection “{0}”. Add it, or choose another one.', name));
}
