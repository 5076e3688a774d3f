import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Client } from 'pg';
import type { ReachedPlace } from '../../../jobs/serverIdentity';
import type { Approve } from './approval';
import { attempt, AttemptError } from './attempt';
import { bindingOf } from './binding';
import type { Binding } from './bindingParts';
import { resolveSettings, type Settings, type Target } from '../conninfo/defaults';
import { ConnectError } from '../errors';
import { explainNetwork, placeOf } from './connectErrors';
import { Passwords, type FoundPassword } from './passwords';
import type { ConnectionProfile, SslMode } from '../conninfo/profile';
import { noteReached, preferredAddressFirst, preferredFirst } from './reached';
import { surroundingsOf } from '../conninfo/environment';
import { tlsOptions, type TlsHelp } from './tls';

export interface OpenOptions {
  /** The stored password; undefined where there is none. Comes before all others. */
  readonly password?: (binding: Binding) => Promise<string | undefined>;
  /** Words for where that password comes from, if not from the stored ones. */
  readonly passwordSource?: string;
  /** Asks the user, when the server wants a password and none was found; undefined where the user gives none. */
  readonly askPassword?: (question: PasswordQuestion, binding: Binding) => Promise<string | undefined>;
  /** Asks for the passphrase of the client's key. */
  readonly keyPassphrase?: (keyFile: string, binding: Binding) => Promise<string | undefined>;
  /**
   * Decides whether the user's other secrets (password command, environment, service file, password file, client key) may be used;
   * undefined: the connection is the user's own, which may use them.
   */
  readonly approve?: Approve;
  /** False: the profile's password command is not run, because nobody vouches for the profile. */
  readonly allowPasswordCommand?: boolean;
  /** Where neither the profile nor the environment names the application. */
  readonly applicationName?: string;
  readonly signal?: AbortSignal;
  /** In place of this process's environment. */
  readonly env?: NodeJS.ProcessEnv;
  readonly log?: (message: string) => void;
  /** The host and address to be tried before the others, if the profile still has them. */
  readonly prefer?: ReachedPlace | undefined;
}

export interface PasswordQuestion {
  readonly user: string;
  readonly place: string;
}

/** An open connection and what became of the choices. */
export interface OpenedConnection {
  readonly client: Client;
  readonly user: string;
  readonly sslmode: SslMode;
  readonly target: Target;
  /** The IP address; undefined for a socket. */
  readonly address: string | undefined;
  /** What was verified of the server's certificate; undefined without TLS. */
  readonly verified: 'nothing' | 'chain' | 'chain and name' | undefined;
  /** Words for where the password came from; undefined where there was none. */
  readonly passwordSource: string | undefined;
  /** The server asked for the password. Otherwise it was not sent, whatever there was. */
  readonly passwordUsed: boolean;
}

/**
 * Opens a connection as libpq would with the same parameters: hosts in turn, each address of a host in turn, with or without
 * TLS by sslmode (PostgreSQL, libpq, "Database Connection Control Functions"). Values come as the server's text; an error of
 * the connection later is logged and never thrown into the process.
 * @throws ConnectError
 */
export async function openClient(profile: ConnectionProfile, options: OpenOptions = {}): Promise<Client> {
  return (await openConnection(profile, options)).client;
}

/** {@link openClient}, with what is known about the way there. @throws ConnectError */
export async function openConnection(profile: ConnectionProfile, options: OpenOptions = {}): Promise<OpenedConnection> {
  const surroundings = surroundingsOf(options.env);
  const settings = await resolveSettings(profile, surroundings, options.applicationName);
  // From the very settings that are used: what is read a second time may have changed.
  const binding = await bindingOf(settings, surroundings);
  const passwords = new Passwords(profile, settings, { surroundings, ...options }, binding);
  const opened = await new Opening(settings, passwords, options, binding).run();
  const how = opened.verified === undefined ? 'without TLS' : `with TLS, ${opened.verified} verified`;
  noteReached(opened.client, opened.target, opened.address);
  options.log?.(`Connected to ${placeOf(opened.target, opened.address)} ${how}.`);
  return opened;
}

function denied({ user }: Settings): ConnectError {
  return new ConnectError(
    'notApproved',
    `The server asks for the password of the user "${user}". You did not allow this connection to use your own passwords: connect again to be asked once more, or enter a password for it.`,
  );
}

type Way = 'tls' | 'plain';

interface Failure {
  readonly way: Way;
  readonly told: ConnectError;
}

/** Which of the encrypted and the plain connection is tried, in order. */
function waysOf(sslmode: SslMode, target: Target): readonly Way[] {
  // The kernel guards a socket; libpq never encrypts there, whatever sslmode says.
  if (target.socket || sslmode === 'disable') return ['plain'];
  if (sslmode === 'allow') return ['plain', 'tls'];
  return sslmode === 'prefer' ? ['tls', 'plain'] : ['tls'];
}

class Opening {
  readonly #failures: { readonly told: ConnectError; readonly address: string | undefined }[] = [];
  #asked: FoundPassword | undefined;

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
    // A standby if there is one: a second round takes whatever there is.
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
    throw this.#summary();
  }

  /** Undefined where the next host is to be tried. */
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
    const before: Failure[] = [];
    const ways = waysOf(settings.sslmode, target);
    for (const [i, way] of ways.entries()) {
      try {
        return await this.#tryWay(settings, target, address, way);
      } catch (error) {
        if (!(error instanceof AttemptError)) throw error;
        const { stage, told } = error;
        this.#options.log?.(told.message);
        if (stage === 'network') {
          this.#failures.push({ told, address });
          return 'nextAddress';
        }
        if (stage === 'notNow' || stage === 'unwanted') {
          this.#failures.push({ told, address });
          return 'nextHost';
        }
        const another = stage === 'server' || (way === 'tls' && (stage === 'tls' || stage === 'noTls'));
        if (i === ways.length - 1 || !another) throw together([...before, { way, told }]);
        // That a server has no TLS is what "prefer" expects, and no failure.
        if (stage !== 'noTls') before.push({ way, told });
      }
    }
    return 'nextAddress';
  }

  async #tryWay(settings: Settings, target: Target, address: string | undefined, way: Way): Promise<OpenedConnection> {
    const tls = way === 'tls' ? await this.#tls(settings, target) : undefined;
    const { signal, log } = this.#options;
    const common = { settings, target, address, tls, ...(signal ? { signal } : {}), ...(log ? { log } : {}) };
    const withPassword = async (password: FoundPassword | undefined): Promise<OpenedConnection> => ({
      ...(await attempt({ ...common, password })),
      user: settings.user,
      sslmode: settings.sslmode,
      target,
      address,
      verified: tls && verification(settings, tls),
      passwordSource: password?.source,
    });
    try {
      return await withPassword(this.#asked ?? (await this.#passwords.forTarget(target)));
    } catch (error) {
      if (!(error instanceof AttemptError) || error.stage !== 'needsPassword') throw error;
      // The user may take long, so that happens between two attempts, as with psql.
      const own = await this.#passwords.afterApproval(target);
      if (own !== undefined && own !== 'denied') return withPassword(own);
      const question = { user: settings.user, place: placeOf(target) };
      const value = await this.#options.askPassword?.(question, this.#binding);
      if (!value) throw own === 'denied' ? new AttemptError('final', denied(settings)) : error;
      this.#asked = { value, source: 'what was entered' };
      return withPassword(this.#asked);
    }
  }

  async #tls(settings: Settings, target: Target): Promise<ConnectionOptions> {
    const { keyPassphrase, approve, log, env } = this.#options;
    const binding = this.#binding;
    const help: TlsHelp = {
      surroundings: surroundingsOf(env),
      ...(keyPassphrase ? { keyPassphrase: (file) => keyPassphrase(file, binding) } : {}),
      ...(approve ? { mayUseKey: (file) => approve({ binding, secrets: [{ kind: 'clientKey', file }] }, true) } : {}),
      ...(log ? { log } : {}),
    };
    try {
      return await tlsOptions(settings, target, help);
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      // Files that cannot be used are a failure of TLS: "prefer" goes on without.
      throw new AttemptError(error.reason === 'notApproved' ? 'final' : 'tls', error);
    }
  }

  /** The addresses of a host, in the system's order; one undefined for a socket. */
  async #addressesOf(target: Target): Promise<readonly (string | undefined)[]> {
    if (target.socket) return [undefined];
    if (target.hostaddr !== undefined) return [target.hostaddr];
    if (isIP(target.host) !== 0) return [target.host];
    try {
      const found = await this.#bounded(target, lookup(target.host, { all: true }));
      return found.map(({ address }) => address);
    } catch (error) {
      if (error instanceof ConnectError && error.reason === 'aborted') throw error;
      const told = error instanceof ConnectError ? error : explainNetwork(error, { target, address: undefined });
      this.#options.log?.(told.message);
      this.#failures.push({ told, address: undefined });
      return [];
    }
  }

  /** Looking up a name cannot be interrupted, so it is left behind. */
  #bounded<T>(target: Target, work: Promise<T>): Promise<T> {
    const { signal } = this.#options;
    const { connectTimeoutMs } = this.#settings;
    return new Promise((resolve, reject) => {
      const canceled = (): void => reject(new ConnectError('aborted', 'Connecting was canceled.'));
      if (signal?.aborted) canceled();
      signal?.addEventListener('abort', canceled, { once: true });
      const late = (): void =>
        reject(
          new ConnectError(
            'timeout',
            `Looking up the host ${target.host} took too long: check the network, and try again.`,
          ),
        );
      const timer = connectTimeoutMs === 0 ? undefined : setTimeout(late, connectTimeoutMs);
      work.then(resolve, reject).finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', canceled);
      });
    });
  }

  /** When no host was left. */
  #summary(): ConnectError {
    const [first] = this.#failures;
    if (!first) return new ConnectError('unreachable', 'There was no host to connect to.');
    const cause = this.#failures.map(({ told }) => told);
    // The addresses of one host fail alike: once is enough, then without saying which.
    const messages = [
      ...new Set(this.#failures.map(({ told, address }) => told.message.replace(` (${address ?? ''})`, ''))),
    ];
    const reason = cause.find((told) => told.reason === 'sessionAttrs')?.reason ?? first.told.reason;
    const [only = '', ...others] = messages;
    const message = others.length === 0 ? only : `No server could be used. ${messages.join(' ')}`;
    // One failure alone keeps its address.
    return cause.length === 1 ? first.told : new ConnectError(reason, message, { cause });
  }
}

/** The failures with and without TLS as one. */
function together(failures: readonly Failure[]): ConnectError {
  const [first, second] = failures;
  if (!first) return new ConnectError('unreachable', 'There was no way to connect.');
  if (!second || first.told.reason === second.told.reason) return first.told;
  // What is wrong with TLS explains why the server then found no rule for us without it.
  const reason = second.told.reason === 'hba' ? first.told.reason : second.told.reason;
  const said = failures.map(({ way, told }) => `${way === 'tls' ? 'With TLS' : 'Without TLS'}: ${told.message}`);
  return new ConnectError(reason, said.join(' '), { cause: failures.map(({ told }) => told) });
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
