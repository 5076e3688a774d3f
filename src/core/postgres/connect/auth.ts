/**
 * What a server may ask for before a password, or a proof of one, goes to it (PostgreSQL, libpq, `require_auth` and
 * `channel_binding`; fe-auth.c, check_expected_areq). `pg` answers whatever it is asked; this stands before it.
 */
import type { EventEmitter } from 'node:events';
import { ConnectError } from './errors';
import type { ChannelBinding } from './profile';

/** Ways in which a server asks who one is; `none`: it does not ask. */
export type AuthMethod = 'password' | 'md5' | 'scram-sha-256' | 'none';

const METHODS: readonly string[] = ['password', 'md5', 'gss', 'sspi', 'scram-sha-256', 'oauth', 'none'];

/** @returns which methods are accepted @throws ConnectError ('profile') */
export function parseRequireAuth(text: string): (method: AuthMethod) => boolean {
  const parts = text.split(',').map((part) => part.trim());
  const negative = parts[0]?.startsWith('!') ?? false;
  const fault = (message: string): ConnectError => new ConnectError('profile', `"requireAuth" ${message}`);
  const names = parts.map((part) => {
    const name = part.replace(/^!/, '');
    if (part.startsWith('!') !== negative) throw fault('mixes methods with and without "!": use one kind.');
    if (!METHODS.includes(name)) {
      throw fault(`has "${name}", which is not a method: use ${METHODS.map((method) => `"${method}"`).join(', ')}.`);
    }
    return name;
  });
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw fault(`names "${twice}" twice.`);
  return (method) => names.includes(method) !== negative;
}

export interface AuthPolicy {
  /** TLS, or a socket of this computer: nobody listens. */
  readonly secure: boolean;
  readonly tls: boolean;
  readonly allowCleartextPassword: boolean;
  readonly channelBinding: ChannelBinding;
  readonly requireAuth: string | undefined;
}

/** Watches one connection's authentication. Make it before `connect()`, so that it hears each message before `pg` does. */
export class AuthGuard {
  /** What the server asked for; undefined while it has not asked. */
  method: AuthMethod | undefined;
  #bound = false;
  #proven = false;
  #violation: ConnectError | undefined;
  readonly #accepts: ((method: AuthMethod) => boolean) | undefined;

  constructor(
    connection: EventEmitter,
    private readonly policy: AuthPolicy,
  ) {
    this.#accepts = policy.requireAuth === undefined ? undefined : parseRequireAuth(policy.requireAuth);
    connection.on('authenticationCleartextPassword', () => (this.method = 'password'));
    connection.on('authenticationMD5Password', () => (this.method = 'md5'));
    connection.on('authenticationSASL', ({ mechanisms }: { mechanisms: readonly string[] }) => {
      this.method = 'scram-sha-256';
      this.#bound = policy.tls && policy.channelBinding !== 'disable' && mechanisms.includes('SCRAM-SHA-256-PLUS');
    });
    connection.on('authenticationSASLFinal', () => (this.#proven = true));
    connection.on('authenticationOk', () => (this.#violation = this.#problemAtTheEnd()));
  }

  /** Before the answer goes out. @throws ConnectError ('unsafe') where none may */
  checkRequest(): void {
    const problem = this.#problemOf(this.method ?? 'none');
    if (problem) throw problem;
  }

  /** Once connected. @throws ConnectError ('unsafe') where the server let us in without what was asked of it */
  checkOutcome(): void {
    if (this.#violation) throw this.#violation;
  }

  #problemOf(method: AuthMethod): ConnectError | undefined {
    if (this.#accepts && !this.#accepts(method)) {
      const asked = method === 'none' ? 'did not ask who we are' : `asked for the method "${method}"`;
      return unsafe(`The server ${asked}, which "requireAuth" (${this.policy.requireAuth ?? ''}) does not accept.`);
    }
    if (this.policy.channelBinding === 'require' && !this.#bound) {
      return unsafe(
        'The server does not bind the password to the connection, as "channelBinding": "require" asks: it needs TLS and a password kept as scram-sha-256. Correct the server, or set "prefer".',
      );
    }
    if (method === 'password' && !this.policy.secure && !this.policy.allowCleartextPassword) {
      return unsafe(
        'The server asks for the password itself over a connection that is not encrypted, so it was not sent: set "sslmode" to "require" or stronger, or let the server ask for scram-sha-256.',
      );
    }
    return undefined;
  }

  #problemAtTheEnd(): ConnectError | undefined {
    if (this.method === undefined) return this.#problemOf('none');
    if (this.method === 'scram-sha-256' && !this.#proven) {
      return unsafe('The server did not prove that it knows the password, so it may not be the one it should be.');
    }
    return undefined;
  }
}

function unsafe(message: string): ConnectError {
  return new ConnectError('unsafe', message);
}
