import { hostname } from 'node:os';
import * as vscode from 'vscode';
import type { Logger } from '../../core/base/logger';
import type { Approve } from '../../core/postgres/connect/open/approval';
import type { Binding } from '../../core/postgres/connect/open/bindingParts';
import { expandPath, surroundingsOf } from '../../core/postgres/connect/conninfo/environment';
import { ConnectError, type ConnectReason } from '../../core/postgres/connect/errors';
import type * as OpenCode from '../../core/postgres/connect/open/open';
import type { OpenOptions } from '../../core/postgres/connect/open/open';
import type { ConnectionEntry } from './connectionEntries';
import type { ConnectionProviders } from './connectionProviders';
import { PasswordStore, type SecretOwner, type StoredPassword } from './passwordStore';
import { isInside } from '../base/paths';
import { Prompts } from './secretPrompts';
import { SecretApprovals } from './secretApprovals';
import { askForApproval, notApprovedText, passwordQuestion } from './secretWords';

/** A wrong password or passphrase can be the reason of these. */
const FAULTS_OF_SECRETS: readonly ConnectReason[] = ['authentication', 'tls'];

/** So long after an action of the user a question is an answer to it. Milliseconds. */
const USER_ACTS_MS = 60_000;

/** Passwords of connections: from their provider, VS Code's secret storage, or the user. */
export class Credentials {
  readonly #store: PasswordStore;
  readonly #prompts = new Prompts();
  readonly #approvals: SecretApprovals;
  /** When the user last wanted a connection, by name; by the monotonic clock, in milliseconds. */
  readonly #wanted = new Map<string, number>();

  readonly #providers: ConnectionProviders;
  readonly #log: Logger;

  constructor(secrets: vscode.SecretStorage, memory: vscode.Memento, providers: ConnectionProviders, log: Logger) {
    this.#providers = providers;
    this.#log = log;

    const { workspaceFile, workspaceFolders } = vscode.workspace;
    // What "localhost" is depends on where this runs.
    const machine = vscode.env.remoteName === undefined ? '' : hostname();
    this.#store = new PasswordStore(secrets, log, {
      workspace: (workspaceFile ?? workspaceFolders?.[0]?.uri)?.toString() ?? '',
      machine,
    });
    this.#approvals = new SecretApprovals(memory, machine, askForApproval);
  }

  /** Opens a connection with what is known for it, asking for the rest; what was entered and proves right is kept. */
  async open(entry: ConnectionEntry, prefer?: OpenOptions['prefer']): ReturnType<typeof OpenCode.openClient> {
    const { profile } = entry;
    let owner: SecretOwner | undefined;
    let changed: StoredPassword['changed'];
    let entered: string | undefined;
    try {
      // pg and all about connecting is a third of the extension; a window that connects to nothing does without.
      const { openClient } = await import('../../core/postgres/connect/open/open');
      const client = await openClient(profile, {
        password: async (binding) => {
          owner = this.#store.ownerOf(entry, binding);
          const found = await this.#find(entry, owner);
          ({ changed } = found);
          return found.password;
        },
        askPassword: async ({ user, place }, binding) => {
          owner = this.#store.ownerOf(entry, binding);
          return (entered = await this.#prompts.once(profile.name, owner, passwordQuestion(user, place, changed)));
        },
        prefer,
        ...this.#common(entry, () => this.#userActs(profile.name)),
      });
      if (entered !== undefined && owner) await this.#keep(entry, owner, entered);
      return client;
    } catch (error) {
      // What was entered and is wrong is not kept for the next try, which is not to ask before the user wants it.
      if (owner && error instanceof ConnectError && FAULTS_OF_SECRETS.includes(error.reason)) {
        this.#prompts.reject(profile.name, owner);
      }
      throw error;
    } finally {
      this.#wanted.delete(profile.name);
    }
  }

  /** How it is opened to be examined. What the user enters is kept by {@link keep}, once it has proved right. */
  optionsFor(entry: ConnectionEntry): OpenOptions {
    const { name } = entry.profile;
    let changed: StoredPassword['changed'];
    return {
      password: async (binding) => {
        const found = await this.#find(entry, this.#store.ownerOf(entry, binding));
        ({ changed } = found);
        return found.password;
      },
      askPassword: ({ user, place }, binding) =>
        this.#prompts.ask(name, this.#store.ownerOf(entry, binding), passwordQuestion(user, place, changed)),
      // The user has just asked for the examination, however long it takes.
      ...this.#common(entry, () => true),
    };
  }

  /** The user wants this connection now, so it may ask for its password, and for the use of the user's own secrets. */
  mayAsk(name: string): void {
    this.mayAskPassword(name);
    this.#approvals.askAgain(name);
    this.#wanted.set(name, performance.now());
  }

  /** Somebody wants this connection now, perhaps other code: it may ask for its password again, and for nothing else. */
  mayAskPassword(name: string): void {
    this.#prompts.mayAsk(name);
  }

  /** The password that is stored for a connection as it stands, and where it leads. */
  async stored(entry: ConnectionEntry): Promise<string | undefined> {
    return (await this.#store.get(await this.#ownerOf(entry), entry)).password;
  }

  /** Whether two connections lead to the same target, protected in the same way. */
  async sameTarget(one: ConnectionEntry, other: ConnectionEntry): Promise<boolean> {
    const [first, second] = await Promise.all([this.#bindingOf(one), this.#bindingOf(other)]);
    return first !== undefined && JSON.stringify(first) === JSON.stringify(second);
  }

  /** Stores it for the target to which the connection leads now, or has it in memory where it must not or cannot be stored. */
  async keep(entry: ConnectionEntry, password: string): Promise<void> {
    await this.#keep(entry, await this.#ownerOf(entry), password);
  }

  /** Stored or in memory. */
  async forget(entry: ConnectionEntry): Promise<void> {
    const owner = this.#store.ownerOf(entry, undefined);
    this.#prompts.forget(owner);
    await this.#store.forget(owner);
  }

  async #keep(entry: ConnectionEntry, owner: SecretOwner, password: string): Promise<void> {
    if (entry.profile.askPassword === true) {
      this.#prompts.remember(owner, password);
      return;
    }
    try {
      await this.#store.set(owner, password);
    } catch (error) {
      this.#prompts.remember(owner, password);
      this.#log.warn(
        `The password could not be put into VS Code's secret storage, so it is kept until the window is closed: ${String(error)}`,
      );
    }
  }

  async #ownerOf(entry: ConnectionEntry): Promise<SecretOwner> {
    return this.#store.ownerOf(entry, await this.#bindingOf(entry));
  }

  /** Undefined if the profile cannot be resolved, for example because its service is missing. */
  async #bindingOf({ profile }: ConnectionEntry): Promise<Binding | undefined> {
    const { resolveBinding } = await import('../../core/postgres/connect/open/binding');
    try {
      return await resolveBinding(profile);
    } catch {
      // Whoever connects sees why.
      return undefined;
    }
  }

  /** What needs nobody to answer: the provider's, the stored one, what was entered before. */
  async #find(entry: ConnectionEntry, owner: SecretOwner): Promise<StoredPassword> {
    const { origin, ownName, profile } = entry;
    if (profile.askPassword === true) return {};
    if (origin.kind === 'provider') {
      const password = await this.#providers.password(origin.id, ownName);
      if (password !== undefined) return { password };
    }
    const entered = this.#prompts.remembered(owner);
    try {
      const stored = await this.#store.get(owner, entry);
      return stored.password === undefined && entered !== undefined ? { ...stored, password: entered } : stored;
    } catch (error) {
      // A keyring that is locked or missing: the user can still enter it.
      this.#log.warn(`${profile.name}: VS Code's secret storage could not be read: ${String(error)}`);
      return entered === undefined ? {} : { password: entered };
    }
  }

  #common(
    entry: ConnectionEntry,
    userActs: () => boolean,
  ): Pick<OpenOptions, 'keyPassphrase' | 'allowPasswordCommand' | 'approve' | 'log'> {
    const { name } = entry.profile;
    const approve: Approve = async (request, ask) => {
      const decision = await this.#approvals.decide(name, request, ask && userActs());
      if (decision === 'unasked' && ask) throw new ConnectError('notApproved', notApprovedText(name));
      return decision === 'approved';
    };
    return {
      keyPassphrase: (file, binding) => {
        const question = vscode.l10n.t('Passphrase of the key {0}', file);
        return this.#prompts.once(name, this.#store.ownerOf(entry, binding), question, `key ${file}`);
      },
      ...(comesFromWorkspace(entry) ? { approve } : {}),
      allowPasswordCommand: vscode.workspace.isTrusted,
      log: (message) => this.#log.debug(`${name}: ${message}`),
    };
  }

  #userActs(name: string): boolean {
    const since = this.#wanted.get(name);
    return since !== undefined && performance.now() - since < USER_ACTS_MS;
  }
}

/** Whether files of the workspace decide where a connection leads: its settings, or a service file in one of its folders. */
function comesFromWorkspace({ origin, profile }: ConnectionEntry): boolean {
  if (origin.kind === 'workspace' || origin.kind === 'folder') return true;
  const { PGSERVICE, PGSERVICEFILE } = process.env;
  const file = profile.serviceFile ?? PGSERVICEFILE;
  if ((profile.service ?? PGSERVICE ?? '') === '' || file === undefined) return false;
  const folders = vscode.workspace.workspaceFolders?.map(({ uri }) => uri.fsPath) ?? [];
  const path = expandPath(file, surroundingsOf());
  return folders.some((folder) => isInside(path, folder));
}
