import { hostname } from 'node:os';
import * as vscode from 'vscode';
import type { Logger } from '../core/jobs/ports';
import { ConnectError, type ConnectReason } from '../core/postgres/connect/errors';
import type * as OpenCode from '../core/postgres/connect/open';
import type { OpenOptions } from '../core/postgres/connect/open';
import type { ConnectionEntry } from './connectionEntries';
import type { ConnectionProviders } from './connectionProviders';
import { PasswordStore } from './passwordStore';
import { Prompts } from './prompts';

/** A wrong password or passphrase can be the reason of these. */
const FAULTS_OF_SECRETS: readonly ConnectReason[] = ['authentication', 'tls'];

interface Stored {
  readonly password?: string;
  /** There is one, but it must not be sent there. */
  readonly elsewhere: boolean;
}

/** Passwords of connections: from their provider, VS Code's secret storage, or the user. */
export class Credentials {
  readonly #store: PasswordStore;
  readonly #prompts = new Prompts();

  constructor(
    secrets: vscode.SecretStorage,
    private readonly providers: ConnectionProviders,
    private readonly log: Logger,
  ) {
    const { workspaceFile, workspaceFolders } = vscode.workspace;
    this.#store = new PasswordStore(secrets, log, {
      workspace: (workspaceFile ?? workspaceFolders?.[0]?.uri)?.toString() ?? '',
      // What "localhost" is depends on where this runs.
      machine: vscode.env.remoteName === undefined ? '' : hostname(),
    });
  }

  /** Opens a connection with what is known for it, asking for the rest; what was entered and proves right is kept. */
  async open(entry: ConnectionEntry, prefer?: OpenOptions['prefer']): ReturnType<typeof OpenCode.openClient> {
    const { profile } = entry;
    const owner = this.#store.ownerOf(entry);
    const { password, elsewhere } = profile.askPassword === true ? { elsewhere: false } : await this.#find(entry);
    let entered: string | undefined;
    try {
      // pg and all about connecting is a third of the extension; a window that connects to nothing does without.
      const { openClient } = await import('../core/postgres/connect/open');
      const client = await openClient(profile, {
        ...(password === undefined ? {} : { password: () => Promise.resolve(password) }),
        askPassword: async ({ user, place }) =>
          (entered = await this.#prompts.once(profile.name, owner, question(user, place, elsewhere))),
        prefer,
        ...this.#common(entry),
      });
      if (entered !== undefined) await this.keep(entry, entered);
      return client;
    } catch (error) {
      // What was entered and is wrong is not kept for the next try, which is not to ask before the user wants it.
      if (error instanceof ConnectError && FAULTS_OF_SECRETS.includes(error.reason)) {
        this.#prompts.reject(profile.name, owner);
      }
      throw error;
    }
  }

  /** How it is opened to be examined. What the user enters is kept by {@link keep}, once it has proved right. */
  optionsFor(entry: ConnectionEntry): OpenOptions {
    const { name } = entry.profile;
    const owner = this.#store.ownerOf(entry);
    return {
      password: async () => (await this.#find(entry)).password,
      askPassword: ({ user, place }) => this.#prompts.ask(name, owner, question(user, place, false)),
      ...this.#common(entry),
    };
  }

  /** The user wants this connection now, so it may ask for its password again. */
  mayAsk(name: string): void {
    this.#prompts.mayAsk(name);
  }

  /** The password that is stored for a connection as it stands. */
  async stored(entry: ConnectionEntry): Promise<string | undefined> {
    return (await this.#store.get(this.#store.ownerOf(entry))).password;
  }

  /** Stores it, or has it in memory where it must not or cannot be stored. */
  async keep(entry: ConnectionEntry, password: string): Promise<void> {
    const owner = this.#store.ownerOf(entry);
    if (entry.profile.askPassword === true) {
      this.#prompts.remember(owner, password);
      return;
    }
    try {
      await this.#store.set(owner, password);
    } catch (error) {
      this.#prompts.remember(owner, password);
      this.log.warn(
        `The password could not be put into VS Code's secret storage, so it is kept until the window is closed: ${String(error)}`,
      );
    }
  }

  /** Stored or in memory. */
  async forget(entry: ConnectionEntry): Promise<void> {
    const owner = this.#store.ownerOf(entry);
    this.#prompts.forget(owner);
    await this.#store.forget(owner);
  }

  /** What needs nobody to answer: the provider's, the stored one, what was entered before. */
  async #find(entry: ConnectionEntry): Promise<Stored> {
    const { origin, ownName, profile } = entry;
    const owner = this.#store.ownerOf(entry);
    if (origin.kind === 'provider') {
      const password = await this.providers.password(origin.id, ownName);
      if (password !== undefined) return { password, elsewhere: false };
    }
    const entered = this.#prompts.remembered(owner);
    try {
      const stored = await this.#store.get(owner);
      return stored.password === undefined && entered !== undefined ? { ...stored, password: entered } : stored;
    } catch (error) {
      // A keyring that is locked or missing: the user can still enter it.
      this.log.warn(`${profile.name}: VS Code's secret storage could not be read: ${String(error)}`);
      return { ...(entered === undefined ? {} : { password: entered }), elsewhere: false };
    }
  }

  #common(entry: ConnectionEntry): Pick<OpenOptions, 'keyPassphrase' | 'allowPasswordCommand' | 'log'> {
    const { name } = entry.profile;
    const owner = this.#store.ownerOf(entry);
    return {
      keyPassphrase: (file) =>
        this.#prompts.once(name, owner, vscode.l10n.t('Passphrase of the key {0}', file), `key ${file}`),
      allowPasswordCommand: vscode.workspace.isTrusted,
      log: (message) => this.log.debug(`${name}: ${message}`),
    };
  }
}

function question(user: string, place: string, elsewhere: boolean): string {
  if (!elsewhere) return vscode.l10n.t('Password of {0} at {1}', user, place);
  return vscode.l10n.t(
    'Password of {0} at {1}. The stored one is not sent there: it was entered for another server, another user or a safer connection.',
    user,
    place,
  );
}
