/**
 * Which authentication methods a server may request before a password, or a proof of one, is sent (PostgreSQL, libpq, `require_auth`
 * and `channel_binding`; fe-auth.c, check_expected_areq).
 */
import type { ConnectFault } from '../connectFaults';
import { connectError, type ConnectError } from '../errors';
import type { ChannelBinding } from '../conninfo/profile';

/** Authentication methods; `none`: the server does not request authentication. */
export type AuthMethod = 'password' | 'md5' | 'scram-sha-256' | 'none';

const METHODS: readonly string[] = ['password', 'md5', 'gss', 'sspi', 'scram-sha-256', 'oauth', 'none'];

/** @returns a function that checks whether a method is accepted @throws ConnectError ('profile') */
export function parseRequireAuth(text: string): (method: AuthMethod) => boolean {
  const parts = text.split(',').map((part) => part.trim());
  const negative = parts[0]?.startsWith('!') ?? false;
  const invalid = (fault: ConnectFault): ConnectError => connectError('profile', { ...fault, field: 'requireAuth' });
  const names = parts.map((part) => {
    const name = part.replace(/^!/, '');
    if (part.startsWith('!') !== negative) throw invalid({ code: 'connect.requireAuthMixed' });
    if (!METHODS.includes(name)) {
      throw invalid({ code: 'connect.requireAuthUnknown', params: { method: name, methods: METHODS } });
    }
    return name;
  });
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw invalid({ code: 'connect.requireAuthTwice', params: { method: twice } });
  return (method) => names.includes(method) !== negative;
}

export interface AuthPolicy {
  /** TLS, or a Unix socket: the traffic cannot be intercepted. */
  readonly secure: boolean;
  readonly tls: boolean;
  readonly allowCleartextPassword: boolean;
  readonly channelBinding: ChannelBinding;
  readonly requireAuth: string | undefined;
}

/**
 * The reason not to answer an authentication request or, for `none`, not to use the connection; undefined if it is acceptable.
 * @param bound whether the method binds the password to the connection
 */
export function requestProblem(policy: AuthPolicy, method: AuthMethod, bound = false): ConnectError | undefined {
  const { requireAuth } = policy;
  if (requireAuth !== undefined && !parseRequireAuth(requireAuth)(method)) {
    return unsafe(
      method === 'none'
        ? { code: 'connect.noAuthenticationRequest', params: { requireAuth } }
        : { code: 'connect.requireAuthViolated', params: { method, requireAuth } },
    );
  }
  if (policy.channelBinding === 'require' && !bound) {
    return unsafe({ code: 'connect.channelBindingMissing' });
  }
  if (method === 'password' && !policy.secure && !policy.allowCleartextPassword) {
    return unsafe({ code: 'connect.cleartextPassword' });
  }
  return undefined;
}

export function unsafe(fault: ConnectFault): ConnectError {
  return connectError('unsafe', fault);
}
