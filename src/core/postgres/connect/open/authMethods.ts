/**
 * What a server may ask for before a password, or a proof of one, goes to it (PostgreSQL, libpq, `require_auth` and
 * `channel_binding`; fe-auth.c, check_expected_areq).
 */
import { ConnectError } from '../errors';
import type { ChannelBinding } from '../conninfo/profile';

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

/**
 * Why nothing may be answered to this request, or, for `none`, why the connection is not used.
 * @param bound whether the method binds the password to the connection
 */
export function requestProblem(policy: AuthPolicy, method: AuthMethod, bound = false): ConnectError | undefined {
  const { requireAuth } = policy;
  if (requireAuth !== undefined && !parseRequireAuth(requireAuth)(method)) {
    const asked = method === 'none' ? 'did not ask who we are' : `asked for the method "${method}"`;
    return unsafe(
      `The server ${asked}, which "requireAuth" (${requireAuth}) does not accept: have its pg_hba.conf corrected, or change "requireAuth".`,
    );
  }
  if (policy.channelBinding === 'require' && !bound) {
    return unsafe(
      'The server does not bind the password to the connection, as "channelBinding": "require" asks: it needs TLS and a password kept as scram-sha-256. Correct the server, or set "prefer".',
    );
  }
  if (method === 'password' && !policy.secure && !policy.allowCleartextPassword) {
    return unsafe(
      'The server asks for the password itself over a connection that is not encrypted, so it was not sent: set "sslmode" to "require" or stronger, or let the server ask for scram-sha-256.',
    );
  }
  return undefined;
}

export function unsafe(message: string): ConnectError {
  return new ConnectError('unsafe', message);
}
