/** Where a password comes from: given, a command, the environment or the service file, the password file, or the user. */
import { spawn } from 'node:child_process';
import type { ApprovalRequest, Approve, OwnSecret } from './approval';
import type { Binding } from './bindingParts';
import type { Settings, Target } from '../conninfo/defaults';
import { ConnectError } from '../errors';
import { passwordFromFile } from '../conninfo/passfile';
import type { ConnectionProfile } from '../conninfo/profile';
import type { Surroundings } from '../conninfo/environment';

/** A command that takes longer has hung, or waits for somebody at a terminal that is not there. */
export const PASSWORD_COMMAND_MS = 30_000;
/** Output beyond this is not a password. Characters. */
const MOST_OUTPUT = 65_536;

export interface FoundPassword {
  readonly value: string;
  /** For the message about a wrong one. */
  readonly source: string;
}

export interface PasswordHelp {
  readonly surroundings: Surroundings;
  /** The password that is stored for exactly this target. */
  readonly password?: (binding: Binding) => Promise<string | undefined>;
  /** Words for where that password comes from, if not from the stored ones. */
  readonly passwordSource?: string;
  /** Decides about the user's other secrets; undefined: the connection is the user's own, which may use them. */
  readonly approve?: Approve;
  /** False: the profile's password command is not run, because nobody vouches for the profile. */
  readonly allowPasswordCommand?: boolean;
  readonly signal?: AbortSignal;
  readonly log?: (message: string) => void;
}

/** The password for each host, from what needs nobody to answer. */
export class Passwords {
  #stored: Promise<string | undefined> | undefined;
  #common: Promise<FoundPassword | undefined> | undefined;

  readonly #profile: ConnectionProfile;
  readonly #settings: Settings;
  readonly #help: PasswordHelp;
  readonly #binding: Binding;

  constructor(profile: ConnectionProfile, settings: Settings, help: PasswordHelp, binding: Binding) {
    this.#profile = profile;
    this.#settings = settings;
    this.#help = help;
    this.#binding = binding;
  }

  /** What may be used without asking anybody. @throws ConnectError ('passwordCommand') */
  async forTarget(target: Target): Promise<FoundPassword | undefined> {
    if (this.#profile.askPassword) return undefined;
    const stored = await (this.#stored ??= this.#help.password?.(this.#binding) ?? Promise.resolve(undefined));
    if (stored) return { value: stored, source: this.#help.passwordSource ?? 'the stored passwords' };
    const { approve } = this.#help;
    if (approve) {
      const request = await this.#request(target);
      if (request.secrets.length === 0 || !(await approve(request, false))) return undefined;
    }
    return this.#own(target);
  }

  /**
   * The server wants a password and {@link forTarget} found none: the same, after the user has been asked to approve it.
   * `denied`: there is one, and the user does not want it to be used there.
   * @throws ConnectError ('passwordCommand', 'notApproved')
   */
  async afterApproval(target: Target): Promise<FoundPassword | 'denied' | undefined> {
    const { approve } = this.#help;
    if (!approve || this.#profile.askPassword) return undefined;
    const request = await this.#request(target);
    if (request.secrets.length === 0) return undefined;
    return (await approve(request, true)) ? this.#own(target) : 'denied';
  }

  /** What the user would approve. */
  async #request(target: Target): Promise<ApprovalRequest> {
    const secrets: OwnSecret[] = [];
    const { passwordCommand } = this.#profile;
    if (passwordCommand !== undefined && this.#help.allowPasswordCommand !== false) {
      secrets.push({ kind: 'command', command: passwordCommand });
    }
    if (this.#settings.password) secrets.push({ kind: 'parameter', source: this.#settings.password.source });
    if (secrets.length === 0 && (await this.#fromFile(target))) {
      secrets.push({ kind: 'passfile', file: this.#settings.passfile ?? '' });
    }
    return { binding: this.#binding, secrets };
  }

  async #own(target: Target): Promise<FoundPassword | undefined> {
    return (await (this.#common ??= this.#findCommon())) ?? this.#fromFile(target);
  }

  async #fromFile(target: Target): Promise<FoundPassword | undefined> {
    const { passfile, database, user } = this.#settings;
    if (passfile === undefined) return undefined;
    const key = { host: target.host || (target.hostaddr ?? ''), port: target.port, database, user };
    const warn = (message: string): void => this.#help.log?.(message);
    const value = await passwordFromFile(passfile, key, warn, this.#help.surroundings.platform);
    return value ? { value, source: `the file ${passfile}` } : undefined;
  }

  async #findCommon(): Promise<FoundPassword | undefined> {
    const command = this.#profile.passwordCommand;
    if (command !== undefined) {
      if (this.#help.allowPasswordCommand !== false) {
        return { value: await runPasswordCommand(command, this.#help), source: 'the password command' };
      }
      this.#help.log?.('The password command was not run, because the workspace is not trusted.');
    }
    return this.#settings.password;
  }
}

/**
 * Runs a command line in the user's shell, as people write it, and takes the first line it prints. What it prints, and what
 * it complains of, goes nowhere else: either may hold the secret.
 * @throws ConnectError ('passwordCommand' or 'aborted')
 */
export function runPasswordCommand(
  command: string,
  { surroundings, signal }: Pick<PasswordHelp, 'surroundings' | 'signal'>,
  timeoutMs = PASSWORD_COMMAND_MS,
): Promise<string> {
  return new Promise((resolve, reject) => {
    // Its own group of processes, so that what the shell has started ends with it.
    const grouped = surroundings.platform !== 'win32';
    const child = spawn(command, {
      shell: true,
      env: surroundings.env,
      stdio: ['ignore', 'pipe', 'ignore'],
      windowsHide: true,
      detached: grouped,
    });
    let output = '';
    let settled = false;
    const settle = (act: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    const fail = (message: string, reason: 'passwordCommand' | 'aborted' = 'passwordCommand'): void =>
      settle(() => reject(new ConnectError(reason, message)));
    const stop = (): void => {
      try {
        if (grouped && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        else child.kill();
      } catch {
        // It has ended in this moment.
      }
    };
    const timer = setTimeout(() => {
      fail(
        `The password command did not finish within ${timeoutMs / 1000} s: check that it works without asking anything.`,
      );
      stop();
    }, timeoutMs);
    const onAbort = (): void => {
      fail('Connecting was canceled.', 'aborted');
      stop();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      if (output.length < MOST_OUTPUT) output += chunk;
    });
    child.on('error', () => fail('The password command could not be started: check the shell.'));
    child.on('close', (status, killedBy) => {
      const password = (output.split('\n', 1)[0] ?? '').replace(/\r$/, '');
      if (status !== 0) {
        const how = status === null ? `was ended by ${killedBy ?? 'a signal'}` : `failed with status ${status}`;
        fail(`The password command ${how}: run it in a terminal to see why.`);
      } else if (password === '') fail('The password command printed nothing: its first line must be the password.');
      else settle(() => resolve(password));
    });
  });
}
