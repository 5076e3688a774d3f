import { hostname } from 'node:os';
import * as vscode from 'vscode';
import { messageOf } from '../../core/base/errors';
import type { Logger } from '../../core/base/logger';
import type { Approve } from '../../core/postgres/connect/open/approval';
import type { Binding } from '../../core/postgres/connect/open/bindingParts';
import { expandPath, connectEnvironment } from '../../core/postgres/connect/conninfo/environment';
import { connectError, ConnectError, type ConnectReason } from '../../core/postgres/connect/errors';
import type * as OpenCode from '../../core/postgres/connect/open/open';
import type { OpenOptions } from '../../core/postgres/connect/open/open';
import type { ConnectionEntry } from './connectionEntries';
import type { ConnectionProviders } from './connectionProviders';
import { PasswordStore, type SecretOwner, type StoredPassword } from './passwordStore';
import { isInside } from '../base/paths';
import { SecretApprovals } from './secretApprovals';
import { askForApproval, SecretPrompts } from './secretPrompts';
import { passphraseQuestion, passwordQuestion } from '../messages/secretMessages';

/** Reasons that a wrong password or passphrase can have. */
const WRONG_SECRET_REASONS: readonly ConnectReason[] = ['authentication', 'tls'];

/** For this long after an action of the user, a prompt is a response to that action. Milliseconds. */
const USER_ACTION_MS = 60_000;

/** Passwords of connections: from the provider, VS Code's secret storage, or the user. */
export class Credentials {
  readonly #store: PasswordStore;
  readonly #prompts = new SecretPrompts();
  readonly #approvals: SecretApprovals;
  /** When the user last wanted a connection, by name. Milliseconds of the monotonic clock. */
  readonly #wanted = new Map<string, number>();

  readonly #providers: ConnectionProviders;
  readonly #log: Logger;

  constructor(secrets: vscode.SecretStorage, memory: vscode.Memento, providers: ConnectionProviders, log: Logger) {
    this.#providers = providers;
    this.#log = log;

    const { workspaceFile, workspaceFolders } = vscode.workspace;
    // What “localhost” means depends on where this code runs.
    const machine = vscode.env.remoteName === undefined ? '' : hostname();
    this.#store = new PasswordStore(secrets, log, {
      workspace: (workspaceFile ?? workspaceFolders?.[0]?.uri)?.toString() ?? '',
      machine,
    });
    this.#approvals = new SecretApprovals(memory, machine, askForApproval);
  }

  /**
   * Opens a connection with its known secrets and prompts for missing ones. A password that was entered is kept if it is right.
   * @throws ConnectError
   */
  async open(entry: ConnectionEntry, prefer?: OpenOptions['prefer']): ReturnType<typeof OpenCode.openClient> {
    const { profile } = entry;
    let owner: SecretOwner | undefined;
    let changed: StoredPassword['changed'];
    let entered: string | undefined;
    try {
      // pg and the code for connecting are a third of the extension; a window that never connects does not load them.
      const { openClient } = await import('../../core/postgres/connect/open/open');
      const client = await openClient(profile, {
        password: async (binding) => {
          owner = this.#store.ownerOf(entry, binding);
          const found = await this.#find(entry, owner);
          ({ changed } = found);
          return found.password;
        },
        askPassword: async (question, binding) => {
          owner = this.#store.ownerOf(entry, binding);
          return (entered = await this.#prompts.askOnce(profile.name, owner, passwordQuestion(question, changed)));
        },
        prefer,
        ...this.#commonOptions(entry, () => this.#userActs(profile.name)),
      });
      if (entered !== undefined && owner) await this.#keep(entry, owner, entered);
      return client;
    } catch (error) {
      // A wrong secret is not kept for the next attempt, which must not prompt before the user wants the connection.
      if (owner && error instanceof ConnectError && WRONG_SECRET_REASONS.includes(error.reason)) {
        this.#prompts.reject(profile.name, owner);
      }
      throw error;
    } finally {
      this.#wanted.delete(profile.name);
    }
  }

  /**
   * Options to open a connection for a test. {@link keep} keeps a password that was entered; call it once the password is known to be
   * right.
   */
  testOptions(entry: ConnectionEntry): OpenOptions {
    const { name } = entry.profile;
    let changed: StoredPassword['changed'];
    return {
      password: async (binding) => {
        const found = await this.#find(entry, this.#store.ownerOf(entry, binding));
        ({ changed } = found);
        return found.password;
      },
      askPassword: (question, binding) =>
        this.#prompts.ask(name, this.#store.ownerOf(entry, binding), passwordQuestion(question, changed)),
      // The user started the test, so prompts are allowed however long it takes.
      ...this.#commonOptions(entry, () => true),
    };
  }

  /**
   * Allows prompts for the password and for the approval of the user's own secrets: call it when the user tries to use the
   * connection.
   */
  allowPrompts(name: string): void {
    this.allowPasswordPrompt(name);
    this.#approvals.forgetDenials(name);
    this.#wanted.set(name, performance.now());
  }

  /** Allows prompts for the password only: call it when other code, not necessarily the user, wants the connection. */
  allowPasswordPrompt(name: string): void {
    this.#prompts.allow(name);
  }

  /** The password that is stored for a connection and its current target. */
  async stored(entry: ConnectionEntry): Promise<string | undefined> {
    return (await this.#store.get(await this.#ownerOf(entry), entry)).password;
  }

  /** Whether two connections have the same target and the same protection. */
  async sameTarget(first: ConnectionEntry, second: ConnectionEntry): Promise<boolean> {
    const [binding, other] = await Promise.all([this.#bindingOf(first), this.#bindingOf(second)]);
    return binding !== undefined && JSON.stringify(binding) === JSON.stringify(other);
  }

  /** Stores a password for the connection's current target. If it must not or cannot be stored, it is kept in memory. */
  async keep(entry: ConnectionEntry, password: string): Promise<void> {
    await this.#keep(entry, await this.#ownerOf(entry), password);
  }

  /** Forgets the stored password and the secrets in memory. */
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
        `The password could not be stored in VS Code's secret storage, so it is kept until the window is closed: ${messageOf(error)}`,
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
      // Connecting reports why.
      return undefined;
    }
  }

  /** A password that needs no prompt: from the provider, the store, or an earlier prompt. */
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
      // The keyring is locked or missing; the user can still enter the password.
      this.#log.warn(`${profile.name}: VS Code's secret storage could not be read: ${messageOf(error)}`);
      return entered === undefined ? {} : { password: entered };
    }
  }

  #commonOptions(
    entry: ConnectionEntry,
    userActs: () => boolean,
  ): Pick<OpenOptions, 'keyPassphrase' | 'allowPasswordCommand' | 'approve' | 'log'> {
    const { name } = entry.profile;
    const approve: Approve = async (request, ask) => {
      const decision = await this.#approvals.decide(name, request, ask && userActs());
      if (decision === 'unasked' && ask) {
        throw connectError('notApproved', { code: 'connect.approvalNeeded', params: { connection: name } });
      }
      return decision === 'approved';
    };
    return {
      keyPassphrase: (file, binding) =>
        this.#prompts.askOnce(name, this.#store.ownerOf(entry, binding), passphraseQuestion(file), `key ${file}`),
      ...(isDefinedByWorkspace(entry) ? { approve } : {}),
      allowPasswordCommand: vscode.workspace.isTrusted,
      log: (message) => this.#log.debug(`${name}: ${message}`),
    };
  }

  #userActs(name: string): boolean {
    const since = this.#wanted.get(name);
    return since !== undefined && performance.now() - since < USER_ACTION_MS;
  }
}

/** Whether files of the workspace define the target of a connection: its settings, or a service file in one of its folders. */
function isDefinedByWorkspace({ origin, profile }: ConnectionEntry): boolean {
  if (origin.kind === 'workspace' || origin.kind === 'folder') return true;
  const { PGSERVICE, PGSERVICEFILE } = process.env;
  const file = profile.serviceFile ?? PGSERVICEFILE;
  if ((profile.service ?? PGSERVICE ?? '') === '' || file === undefined) return false;
  const folders = vscode.workspace.workspaceFolders?.map(({ uri }) => uri.fsPath) ?? [];
  const path = expandPath(file, connectEnvironment());
  return folders.some((folder) => isInside(path, folder));
}
