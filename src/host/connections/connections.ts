import * as vscode from 'vscode';
import type { Clock } from '../../core/base/clock';
import type { ServerLinks } from '../../core/jobs/ports';
import { profileText } from '../messages/profileMessages';
import type { Logger } from '../../core/base/logger';
import type { OpenOptions } from '../../core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import { PgServerLink } from '../../core/postgres/server/serverLink';
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
import { affectsSetting } from '../base/settings';

/** Whose settings a connection stands in; those of a folder count as the workspace's. */
export type Scope = 'user' | 'workspace';

/** Sessions kept open beside the running ones, so that a launch finds one. */
const WARM_SESSIONS = 2;

/** The connections of the settings and of other extensions, their passwords, and the links to their servers. */
export class Connections implements ServerLinks {
  readonly providers: ConnectionProviders;
  readonly #links = new Map<string, { link: PgServerLink; key: string }>();
  /** Disconnected by the user: only what the user wants there opens them again. */
  readonly #closed = new Set<string>();
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #disposables = new Disposables();
  readonly #credentials: Credentials;
  #entries: readonly ConnectionEntry[] = [];
  #faulty: readonly FaultyEntry[] = [];

  readonly #renamed = new vscode.EventEmitter<{ readonly from: string; readonly to: string }>();
  readonly #first: FirstConnections;

  /** Fires when the user has given a connection another name. */
  readonly onDidRename = this.#renamed.event;

  /** Fires when the list, or the state of a link, has changed. */
  readonly onDidChange = this.#changed.event;

  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(
    secrets: vscode.SecretStorage,
    memory: vscode.Memento,
    workspaceMemory: vscode.Memento,
    clock: Clock,
    log: Logger,
  ) {
    this.#clock = clock;
    this.#log = log;

    this.providers = this.#disposables.add(new ConnectionProviders(log));
    this.#credentials = new Credentials(secrets, memory, this.providers, log);
    this.#first = new FirstConnections(workspaceMemory);
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

  /**
   * The one that the settings name for a file; if they name none, the one that has been there for longest (see {@link FirstConnections}).
   * Undefined if there is none, or the settings name one that is not there: then nothing is guessed.
   */
  defaultFor(uri: vscode.Uri | undefined): string | undefined {
    const named = defaultInSettings(uri);
    if (named !== '') return this.find(named, uri)?.name;
    return this.#first.first(this.profilesFor(uri).map(({ name }) => name));
  }

  /** The default for code: one that the settings name, or the only one. Which connection came first decides nothing here. */
  get defaultForCode(): string | undefined {
    const named = defaultInSettings(undefined);
    const found = named === '' ? undefined : this.find(named);
    if (found) return found.name;
    const [only, ...others] = this.profiles;
    return others.length === 0 ? only?.name : undefined;
  }

  /** The default that the settings name for a file, although there is no such connection. */
  missingDefault(uri: vscode.Uri | undefined): string | undefined {
    const named = defaultInSettings(uri);
    return named === '' || this.find(named, uri) ? undefined : named;
  }

  /** @throws where there is no such connection, the workspace is not trusted, or it was disconnected and is not `wanted` */
  link(name: string, wanted = true): PgServerLink {
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
  existing(name: string): PgServerLink | undefined {
    return this.#links.get(name)?.link;
  }

  /** Opens it, also where it was disconnected or its password was not given before. Rejects with what to do. */
  async connect(name: string): Promise<PgServerLink> {
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

  /** Whose settings a connection stands in; undefined where it is in none. */
  scopeOf(name: string): Scope | undefined {
    const kind = this.#known(name)?.origin.kind;
    return kind === 'folder' ? 'workspace' : kind === 'provider' ? undefined : kind;
  }

  /** Saves a profile in a scope; without one where it was, or in the user's settings when it is new. */
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
    // The name of its folder is not a part of what is written down.
    const ownName = before && profile.name === before.profile.name ? before.ownName : profile.name;
    const written = { ...profile, name: ownName };
    const after: ConnectionEntry = { origin, ownName, profile: written, hidesUsers: false };
    const kept = before && password === undefined ? await this.#credentials.stored(before) : undefined;
    // A user who edits a connection says that it is still the same. Other code does not say so.
    const stillIts = replaces !== undefined || (before && (await this.#credentials.sameTarget(before, after)));
    if (old && !stays) await changeSettings(old, (values) => values.filter((one) => nameOf(one) !== oldName));
    await changeSettings(origin, (values) => {
      const index = values.findIndex((one) => nameOf(one) === oldName);
      return index < 0 ? [...values, written] : values.with(index, written);
    });
    if (before) await this.#credentials.forget(before);
    const store = password ?? (stillIts === true ? kept : undefined);
    if (store !== undefined) await this.#credentials.keep(after, store);
    this.mayAskPassword(profile.name);
    this.#drop(profile.name);
    if (before && profile.name !== before.profile.name) {
      const { name } = profile;
      this.#first.rename(before.profile.name, name);
      this.#renamed.fire({ from: before.profile.name, to: name });
      await replaceDefault(defaultNamesOf(before), name);
    }
    this.#read();
  }

  /** Removes it from where it is written down, and its password. */
  async remove(name: string): Promise<void> {
    const entry = this.#known(name);
    if (!entry) return;
    const { origin, ownName } = entry;
    if (origin.kind === 'provider') throw providedError(name, origin.name);
    await changeSettings(origin, (values) => values.filter((one) => nameOf(one) !== ownName));
    await this.#credentials.forget(entry);
    this.#read();
    // Another one of that name may have been hidden by it.
    if (this.#known(name)) return;
    this.#first.forget(name);
    await replaceDefault(defaultNamesOf(entry), undefined);
    this.#read();
  }

  async setPassword(name: string, password: string): Promise<void> {
    const entry = this.entry(name);
    if (!entry) throw new Error(vscode.l10n.t('There is no connection "{0}". Add it, or choose another one.', name));
    await this.#credentials.keep(entry, password);
    this.mayAsk(name);
    this.#drop(name);
  }

  /** Forgets the password, stored or in memory. Sessions that are open stay open: see {@link disconnect}. */
  async forgetPassword(name: string): Promise<void> {
    const entry = this.#known(name);
    if (entry) await this.#credentials.forget(entry);
  }

  /** The password that is stored for a connection as it stands. */
  async storedPassword(name: string): Promise<string | undefined> {
    const entry = this.#known(name);
    return entry && this.#credentials.stored(entry);
  }

  /**
   * How a profile is opened to be examined: with what is known for it, and asking for the rest. What the user enters is kept
   * by {@link keepEntered}, once it has proved right.
   */
  examineOptions(profile: ConnectionProfile): OpenOptions {
    this.mayAsk(profile.name);
    return this.#credentials.testOptions(this.#entryOf(profile));
  }

  /** Keeps a password that was entered, as the profile wants it. */
  async keepEntered(profile: ConnectionProfile, password: string): Promise<void> {
    await this.#credentials.keep(this.#entryOf(profile), password);
  }

  /** The user wants this connection now, so it may ask for its password, and for the use of the user's own secrets. */
  mayAsk(name: string): void {
    this.#credentials.allowPrompts(name);
  }

  /** Somebody wants this connection now, perhaps other code: it may ask for its password again, and for nothing else. */
  mayAskPassword(name: string): void {
    this.#credentials.allowPasswordPrompt(name);
  }

  /** A copy under another name beside it, a provider's in the user's settings, with its stored password. Gives its name. */
  async duplicate(name: string, copyName: string): Promise<string> {
    const source = this.#known(name);
    if (!source) throw new Error(vscode.l10n.t('There is no connection "{0}". Add it, or choose another one.', name));
    const origin = source.origin.kind === 'provider' ? { kind: 'user' as const } : source.origin;
    const password = await this.#credentials.stored(source);
    await changeSettings(origin, (values) => [...values, { ...source.profile, name: copyName }]);
    this.#read();
    const copy = this.#entries.find((one) => one.ownName === copyName && scopeOf(one.origin) === scopeOf(origin));
    if (copy && password !== undefined) await this.#credentials.keep(copy, password);
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

  #newLink(entry: ConnectionEntry): PgServerLink {
    const { name, database } = entry.profile;
    const link = new PgServerLink({
      name,
      database: database ?? '',
      connect: (prefer) => this.#credentials.open(entry, prefer),
      clock: this.#clock,
      log: this.#log,
      warmSessions: WARM_SESSIONS,
    });
    link.onDidChangeState(() => this.#changed.fire());
    return link;
  }

  /** A profile as it may be saved soon: what is stored for its name counts only where it leads to the same place. */
  #entryOf(profile: ConnectionProfile): ConnectionEntry {
    const known = this.#known(profile.name);
    const fresh = { origin: { kind: 'user' as const }, ownName: profile.name, hidesUsers: false };
    return { ...(known ?? fresh), profile };
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
      invalid: profileText,
      sameName: (name) => vscode.l10n.t('Two connections have the name "{0}". Rename one.', name),
      ignored: (field) =>
        vscode.l10n.t(
          '“{0}” is ignored here, because it decides who receives passwords. Move the connection to your user settings to use it.',
          field,
        ),
    });
    this.#entries = entries;
    this.#first.note(this.profiles.map(({ name }) => name));
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

/** The names by which settings may call a connection their default. */
function defaultNamesOf({ origin, ownName, profile }: ConnectionEntry): Parameters<typeof replaceDefault>[0] {
  return { name: profile.name, ownName, folder: origin.kind === 'folder' ? origin.uri : undefined };
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
