/** Finds passwords: in the store, a command, the environment, the service file, or the password file. */
import type { Settings, Target } from '../conninfo/defaults';
import type { ConnectEnvironment } from '../conninfo/environment';
import { passwordFromFile } from '../conninfo/passfile';
import type { ConnectionProfile } from '../conninfo/profile';
import type { PasswordOrigin } from '../connectFaults';
import type { ApprovalRequest, Approve, OwnSecret } from './approval';
import type { Binding } from './bindingParts';
import { runPasswordCommand } from './passwordCommand';

export interface FoundPassword {
  readonly value: string;
  /** For the error message if the password is wrong. */
  readonly origin: PasswordOrigin;
}

export interface PasswordHelp {
  readonly environment: ConnectEnvironment;
  /** The password that is stored for exactly this target. */
  readonly password?: (binding: Binding) => Promise<string | undefined>;
  /** Where that password comes from. Default: the store. */
  readonly passwordFrom?: 'store' | 'form';
  /** Decides about the user's other secrets; undefined: the connection is the user's own, which may use them. */
  readonly approve?: Approve;
  /** False: the profile's password command does not run, because its source is not trusted. */
  readonly allowPasswordCommand?: boolean;
  readonly signal?: AbortSignal;
  readonly log?: (message: string) => void;
}

/** The password for each host, from every source but the user. */
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

  /** The password that may be used without asking the user. @throws ConnectError ('passwordCommand') */
  async forTarget(target: Target): Promise<FoundPassword | undefined> {
    if (this.#profile.askPassword) return undefined;
    const stored = await (this.#stored ??= this.#help.password?.(this.#binding) ?? Promise.resolve(undefined));
    if (stored) return { value: stored, origin: { passwordFrom: this.#help.passwordFrom ?? 'store' } };
    const { approve } = this.#help;
    if (approve) {
      const request = await this.#request(target);
      if (request.secrets.length === 0 || !(await approve(request, false))) return undefined;
    }
    return this.#own(target);
  }

  /**
   * Call it if the server wants a password and {@link forTarget} found none: finds a password after asking the user to approve its
   * use. `denied`: one exists, but the user does not allow its use for this target.
   * @throws ConnectError ('passwordCommand', 'notApproved')
   */
  async afterApproval(target: Target): Promise<FoundPassword | 'denied' | undefined> {
    const { approve } = this.#help;
    if (!approve || this.#profile.askPassword) return undefined;
    const request = await this.#request(target);
    if (request.secrets.length === 0) return undefined;
    return (await approve(request, true)) ? this.#own(target) : 'denied';
  }

  /** The secrets for which the user's approval is needed. */
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
    const value = await passwordFromFile(passfile, key, warn, this.#help.environment.platform);
    return value ? { value, origin: { passwordFrom: 'passfile', passwordSource: passfile } } : undefined;
  }

  async #findCommon(): Promise<FoundPassword | undefined> {
    const command = this.#profile.passwordCommand;
    if (command !== undefined) {
      if (this.#help.allowPasswordCommand !== false) {
        return { value: await runPasswordCommand(command, this.#help), origin: { passwordFrom: 'command' } };
      }
      this.#help.log?.('The password command was not run, because the workspace is not trusted.');
    }
    const { password } = this.#settings;
    return (
      password && { value: password.value, origin: { passwordFrom: 'parameter', passwordSource: password.source } }
    );
  }
}
