import { isIP } from 'node:net';
import { lookup } from 'node:dns/promises';
import type { ConnectionOptions } from 'node:tls';
import type { Client } from 'pg';
import type { ReachedPlace } from '../../../jobs/serverIdentity';
import { connectEnvironment } from '../conninfo/environment';
import { resolveSettings, type Settings, type Target } from '../conninfo/defaults';
import type { ConnectionProfile, SslMode } from '../conninfo/profile';
import type { Endpoint, PasswordOrigin } from '../connectFaults';
import { connectError, ConnectError } from '../errors';
import type { Approve } from './approval';
import { attempt, AttemptError } from './attempt';
import { allHostsFailed, bothTransportsFailed, transportsOf, type HostFailure, type Transport } from './attemptOrder';
import { bindingOf } from './binding';
import type { Binding } from './bindingParts';
import { canceledError, describeEndpoint, endpointOf, networkError } from './connectErrors';
import { Passwords, type FoundPassword } from './passwords';
import { noteReached, preferredAddressFirst, preferredFirst } from './reached';
import { tlsOptions, type TlsHelp } from './tls';

export interface OpenOptions {
  /** The stored password, which takes precedence over all others; undefined if there is none. */
  readonly password?: (binding: Binding) => Promise<string | undefined>;
  /** Where the password of {@link password} comes from. Default: the store. */
  readonly passwordFrom?: 'store' | 'form';
  /** Asks the user when the server wants a password and none was found; undefined if the user gives none. */
  readonly askPassword?: (question: PasswordQuestion, binding: Binding) => Promise<string | undefined>;
  /** Asks for the passphrase of the client's key. */
  readonly keyPassphrase?: (keyFile: string, binding: Binding) => Promise<string | undefined>;
  /**
   * Decides whether the user's other secrets (password command, environment, service file, password file, client key) may be used.
   * Undefined: the connection is the user's own, which may use them.
   */
  readonly approve?: Approve;
  /** False: the profile's password command does not run, because its source is not trusted. */
  readonly allowPasswordCommand?: boolean;
  /** Used if neither the profile nor the environment names the application. */
  readonly applicationName?: string;
  readonly signal?: AbortSignal;
  /** Replaces this process's environment. */
  readonly env?: NodeJS.ProcessEnv;
  readonly log?: (message: string) => void;
  /** The host and address to try before the others, if the profile still has them. */
  readonly prefer?: ReachedPlace | undefined;
}

export interface PasswordQuestion {
  readonly user: string;
  readonly endpoint: Endpoint;
}

/** An open connection, and how it was opened. */
export interface OpenedConnection {
  readonly client: Client;
  readonly user: string;
  readonly sslmode: SslMode;
  readonly target: Target;
  /** The IP address; undefined for a socket. */
  readonly address: string | undefined;
  /** What was verified of the server's certificate; undefined without TLS. */
  readonly verified: 'nothing' | 'chain' | 'chain and name' | undefined;
  /** Where the password came from; undefined without one. */
  readonly password: PasswordOrigin | undefined;
  /** Whether the server asked for the password. If not, it was not sent. */
  readonly passwordUsed: boolean;
}

/**
 * Opens a connection as libpq would with the same parameters: hosts in turn, each address of a host in turn, with or without
 * TLS by sslmode (PostgreSQL, libpq, "Database Connection Control Functions"). Values are returned as the server's text. Later errors
 * of the connection are logged and never thrown into the process.
 * @throws ConnectError
 */
export async function openClient(profile: ConnectionProfile, options: OpenOptions = {}): Promise<Client> {
  return (await openConnection(profile, options)).client;
}

/** {@link openClient}, with details on how the connection was opened. @throws ConnectError */
export async function openConnection(profile: ConnectionProfile, options: OpenOptions = {}): Promise<OpenedConnection> {
  const environment = connectEnvironment(options.env);
  const settings = await resolveSettings(profile, environment, options.applicationName);
  // From the settings that are used: reading them a second time may give others.
  const binding = await bindingOf(settings, environment);
  const passwords = new Passwords(profile, settings, { environment, ...options }, binding);
  const opened = await new Opening(settings, passwords, options, binding).run();
  const how = opened.verified === undefined ? 'without TLS' : `with TLS, ${opened.verified} verified`;
  noteReached(opened.client, opened.target, opened.address);
  options.log?.(`Connected to ${describeEndpoint(endpointOf(opened.target, opened.address))} ${how}.`);
  return opened;
}

class Opening {
  readonly #failures: HostFailure[] = [];
  /** What the user entered; all hosts share it. */
  #entered: FoundPassword | undefined;

  readonly #settings: Settings;
  readonly #passwords: Passwords;
  readonly #options: OpenOptions;
  readonly #binding: Binding;

  constructor(settings: Settings, passwords: Passwords, options: OpenOptions, binding: Binding) {
    this.#settings = settings;
    this.#passwords = passwords;
    this.#options = options;
    this.#binding = binding;
  }

  async run(): Promise<OpenedConnection> {
    const { targetSessionAttrs, loadBalanceHosts, targets } = this.#settings;
    const order = preferredFirst(loadBalanceHosts === 'random' ? shuffle(targets) : targets, this.#options.prefer);
    // A standby if one is available; a second round accepts any server.
    const rounds =
      targetSessionAttrs === 'prefer-standby'
        ? [this.#settings, { ...this.#settings, targetSessionAttrs: 'any' as const }]
        : [this.#settings];
    for (const settings of rounds) {
      for (const target of order) {
        const opened = await this.#tryHost(settings, target);
        if (opened) return opened;
      }
    }
    throw allHostsFailed(this.#failures);
  }

  /** Undefined if the next host is to be tried. */
  async #tryHost(settings: Settings, target: Target): Promise<OpenedConnection | undefined> {
    const addresses = preferredAddressFirst(await this.#addressesOf(target), target, this.#options.prefer);
    for (const address of addresses) {
      const outcome = await this.#tryAddress(settings, target, address);
      if (outcome === 'nextHost') return undefined;
      if (outcome !== 'nextAddress') return outcome;
    }
    return undefined;
  }

  async #tryAddress(
    settings: Settings,
    target: Target,
    address: string | undefined,
  ): Promise<OpenedConnection | 'nextAddress' | 'nextHost'> {
    const earlier: { transport: Transport; error: ConnectError }[] = [];
    const transports = transportsOf(settings.sslmode, target);
    for (const [i, transport] of transports.entries()) {
      try {
        return await this.#tryTransport(settings, target, address, transport);
      } catch (failure) {
        if (!(failure instanceof AttemptError)) throw failure;
        const { stage, error } = failure;
        this.#options.log?.(error.message);
        if (stage === 'network' || stage === 'notNow' || stage === 'unwanted') {
          this.#failures.push({ error, address });
          return stage === 'network' ? 'nextAddress' : 'nextHost';
        }
        const mayTryOther = stage === 'server' || (transport === 'tls' && (stage === 'tls' || stage === 'noTls'));
        if (i === transports.length - 1 || !mayTryOther) throw bothTransportsFailed([...earlier, { transport, error }]);
        // "prefer" expects servers without TLS, so that is no failure.
        if (stage !== 'noTls') earlier.push({ transport, error });
      }
    }
    return 'nextAddress';
  }

  async #tryTransport(
    settings: Settings,
    target: Target,
    address: string | undefined,
    transport: Transport,
  ): Promise<OpenedConnection> {
    const tls = transport === 'tls' ? await this.#tls(settings, target) : undefined;
    const { signal, log } = this.#options;
    const common = { settings, target, address, tls, ...(signal ? { signal } : {}), ...(log ? { log } : {}) };
    const withPassword = async (password: FoundPassword | undefined): Promise<OpenedConnection> => ({
      ...(await attempt({ ...common, password })),
      user: settings.user,
      sslmode: settings.sslmode,
      target,
      address,
      verified: tls && verification(settings, tls),
      password: password?.origin,
    });
    try {
      return await withPassword(this.#entered ?? (await this.#passwords.forTarget(target)));
    } catch (error) {
      if (!(error instanceof AttemptError) || error.stage !== 'needsPassword') throw error;
      // The user may take long to answer, so the question is asked between two attempts, as psql does.
      const own = await this.#passwords.afterApproval(target);
      if (own !== undefined && own !== 'denied') return withPassword(own);
      const question = { user: settings.user, endpoint: endpointOf(target) };
      const value = await this.#options.askPassword?.(question, this.#binding);
      if (!value) throw own === 'denied' ? new AttemptError('final', deniedError(settings)) : error;
      this.#entered = { value, origin: { passwordFrom: 'prompt' } };
      return withPassword(this.#entered);
    }
  }

  async #tls(settings: Settings, target: Target): Promise<ConnectionOptions> {
    const { keyPassphrase, approve, log, env } = this.#options;
    const binding = this.#binding;
    const help: TlsHelp = {
      environment: connectEnvironment(env),
      ...(keyPassphrase ? { keyPassphrase: (file) => keyPassphrase(file, binding) } : {}),
      ...(approve ? { mayUseKey: (file) => approve({ binding, secrets: [{ kind: 'clientKey', file }] }, true) } : {}),
      ...(log ? { log } : {}),
    };
    try {
      return await tlsOptions(settings, target, help);
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      // An unusable file is a TLS failure: "prefer" continues without TLS.
      throw new AttemptError(error.reason === 'notApproved' ? 'final' : 'tls', error);
    }
  }

  /** The addresses of a host, in the system's order; a single undefined for a socket. Empty if the lookup fails. */
  async #addressesOf(target: Target): Promise<readonly (string | undefined)[]> {
    if (target.socket) return [undefined];
    if (target.hostaddr !== undefined) return [target.hostaddr];
    if (isIP(target.host) !== 0) return [target.host];
    try {
      const found = await this.#bounded(target, lookup(target.host, { all: true }));
      return found.map(({ address }) => address);
    } catch (cause) {
      if (cause instanceof ConnectError && cause.reason === 'aborted') throw cause;
      const error = cause instanceof ConnectError ? cause : networkError(cause, { target, address: undefined });
      this.#options.log?.(error.message);
      this.#failures.push({ error, address: undefined });
      return [];
    }
  }

  /** Limits a lookup by the timeout and the abort signal. A lookup cannot be interrupted, so it is abandoned. */
  #bounded<T>(target: Target, work: Promise<T>): Promise<T> {
    const { signal } = this.#options;
    const { connectTimeoutMs } = this.#settings;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(canceledError());
      if (signal?.aborted) onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
      const onTimeout = (): void =>
        reject(connectError('timeout', { code: 'connect.lookupTimeout', params: { host: target.host } }));
      const timer = connectTimeoutMs === 0 ? undefined : setTimeout(onTimeout, connectTimeoutMs);
      work.then(resolve, reject).finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      });
    });
  }
}

function deniedError({ user }: Settings): ConnectError {
  return connectError('notApproved', { code: 'connect.notApproved', params: { user } });
}

function verification({ sslmode }: Settings, { rejectUnauthorized }: ConnectionOptions): OpenedConnection['verified'] {
  if (rejectUnauthorized !== true) return 'nothing';
  return sslmode === 'verify-full' ? 'chain and name' : 'chain';
}

function shuffle<T>(items: readonly T[]): T[] {
  const mixed = [...items];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [mixed[i], mixed[j]] = [mixed[j] as T, mixed[i] as T];
  }
  return mixed;
}
