/** Turns the errors of the network, of TLS, and of the server into connect errors (SQLSTATEs: PostgreSQL, appendix A). */
import { ProtocolError } from '../../client/framing';
import { messageOf } from '../../../base/errors';
import { SQLSTATE } from '../../../base/sqlstate';
import type { Settings, Target } from '../conninfo/defaults';
import type { Endpoint, PasswordOrigin } from '../connectFaults';
import { connectError, ConnectError } from '../errors';
import { CertificateNameError } from './certificateIdentity';
import { cutText } from './serverError';

/** One attempt: where it went, and as which user. */
export interface Attempted {
  readonly target: Target;
  /** The IP address, if the host was looked up. */
  readonly address: string | undefined;
  readonly tls: boolean;
  readonly settings: Pick<Settings, 'user' | 'database' | 'sslmode' | 'sslrootcert'>;
  /** Undefined without a password. */
  readonly password: PasswordOrigin | undefined;
}

/** The endpoint of a target, for the parameters of a fault. */
export function endpointOf(target: Target, address?: string): Endpoint {
  const { port } = target;
  if (target.socket) return { host: target.host, port, socket: `${target.host}/.s.PGSQL.${port}` };
  const host = target.host || (target.hostaddr ?? '');
  return { host, port, ...(address === undefined || address === host ? {} : { address }) };
}

/** An endpoint as text for the log. */
export function describeEndpoint({ host, port, address, socket }: Endpoint): string {
  return socket ?? `${host}:${port}${address === undefined ? '' : ` (${address})`}`;
}

/** An error of the network or of a Unix socket. */
export function networkError(cause: unknown, { target, address }: Pick<Attempted, 'target' | 'address'>): ConnectError {
  const params = endpointOf(target, address);
  const { host } = target;
  if (cause instanceof ProtocolError) return new ConnectError('unreachable', cause.fault, { cause });
  switch (codeOf(cause)) {
    case 'ECONNREFUSED':
      return connectError('unreachable', { code: 'connect.refused', params }, { cause });
    case 'ENOENT':
      return connectError('unreachable', { code: 'connect.socketMissing', params }, { cause });
    case 'EACCES':
    case 'EPERM':
      return connectError('unreachable', { code: 'connect.accessDenied', params }, { cause });
    case 'ENOTFOUND':
    case 'ENODATA':
      return connectError('unreachable', { code: 'connect.hostUnknown', params: { host } }, { cause });
    case 'EAI_AGAIN':
      return connectError('unreachable', { code: 'connect.lookupFailed', params: { host } }, { cause });
    case 'ETIMEDOUT':
      return connectError('timeout', { code: 'connect.noResponse', params }, { cause });
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return connectError('unreachable', { code: 'connect.hostUnreachable', params }, { cause });
    default:
      return connectError(
        'unreachable',
        { code: 'connect.closedEarly', params: { ...params, detail: shortMessageOf(cause) } },
        { cause },
      );
  }
}

/** An error of the TLS handshake. */
export function tlsError(cause: unknown, { target, address, settings }: Attempted): ConnectError {
  if (cause instanceof ConnectError) return cause;
  const params = endpointOf(target, address);
  if (cause instanceof CertificateNameError) {
    const { names, expected } = cause;
    return connectError(
      'tls',
      {
        code: 'connect.certificateForOtherHost',
        params: {
          ...params,
          ...(names === undefined ? {} : { names: cutText(names) }),
          ...(expected === undefined ? {} : { expected }),
        },
      },
      { cause },
    );
  }
  switch (codeOf(cause)) {
    case 'CERT_HAS_EXPIRED':
      return connectError('tls', { code: 'connect.certificateExpired', params }, { cause });
    case 'CERT_NOT_YET_VALID':
      return connectError('tls', { code: 'connect.certificateNotYetValid', params }, { cause });
    case 'CERT_REVOKED':
      return connectError('tls', { code: 'connect.certificateRevoked', params }, { cause });
    case 'UNABLE_TO_GET_CRL':
    case 'CRL_HAS_EXPIRED':
      return connectError('tls', { code: 'connect.revocationListInsufficient', params }, { cause });
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
    case 'CERT_UNTRUSTED':
    case 'INVALID_CA': {
      const { sslrootcert: rootFile } = settings;
      return connectError(
        'tls',
        {
          code: 'connect.certificateUntrusted',
          params: { ...params, ...(rootFile === undefined ? {} : { rootFile }) },
        },
        { cause },
      );
    }
    default:
      return alertError(cause, params);
  }
}

/** OpenSSL's message is a line of codes and source locations that contains the reason. */
function alertError(cause: unknown, params: Endpoint): ConnectError {
  const text = shortMessageOf(cause).trim();
  const detail = /SSL routines:[^:]*:([^:]+)/.exec(text)?.[1] ?? text;
  return /protocol version|unsupported protocol|wrong version/i.test(detail)
    ? connectError('tls', { code: 'connect.tlsNoCommonVersion', params }, { cause })
    : connectError('tls', { code: 'connect.tlsFailed', params: { ...params, detail } }, { cause });
}

/** An error response of the server before the connection was ready. */
export function serverError(cause: unknown, attempted: Attempted): ConnectError {
  const { user, database } = attempted.settings;
  const serverMessage = shortMessageOf(cause);
  const params = { user, database, serverMessage };
  switch (codeOf(cause)) {
    case SQLSTATE.invalidPassword:
      return connectError(
        'authentication',
        { code: 'connect.passwordRejected', params: { user, serverMessage, ...attempted.password } },
        { cause },
      );
    case SQLSTATE.invalidAuthorizationSpecification:
      return authorizationError(cause, attempted);
    case SQLSTATE.invalidCatalogName:
      return connectError('database', { code: 'connect.databaseUnknown', params: { database } }, { cause });
    case SQLSTATE.objectNotInPrerequisiteState:
    case SQLSTATE.insufficientPrivilege:
      return connectError('database', { code: 'connect.databaseDenied', params }, { cause });
    case SQLSTATE.tooManyConnections:
      return connectError('slots', { code: 'connect.noConnectionSlot', params }, { cause });
    case SQLSTATE.cannotConnectNow:
      return connectError('starting', { code: 'connect.serverNotReady', params }, { cause });
    default:
      return connectError('server', { code: 'connect.serverError', params: { serverMessage } }, { cause });
  }
}

/** invalid_authorization_specification: no line in pg_hba.conf, a role without LOGIN, or a missing certificate. */
function authorizationError(cause: unknown, { settings, tls }: Attempted): ConnectError {
  const { user, database } = settings;
  const serverMessage = shortMessageOf(cause);
  const params = { user, database, serverMessage };
  if (serverMessage.includes('pg_hba.conf')) {
    return connectError('hba', { code: 'connect.hbaRejected', params: { ...params, tls } }, { cause });
  }
  // The message may be in another language; the routine of the server's source (auth.c) is not.
  if ((cause as { routine?: unknown }).routine === 'ClientAuthentication') {
    return connectError('tls', { code: 'connect.certificateRequired', params }, { cause });
  }
  return connectError('authentication', { code: 'connect.loginRejected', params }, { cause });
}

/** An error of setting the role or the search path. */
export function setupError(cause: unknown, { role, searchPath }: Pick<Settings, 'role' | 'searchPath'>): ConnectError {
  return connectError(
    'setup',
    {
      code: 'connect.setupFailed',
      params: {
        ...(role === undefined ? {} : { role }),
        ...(searchPath === undefined ? {} : { searchPath }),
        serverMessage: shortMessageOf(cause),
      },
    },
    { cause },
  );
}

export function canceledError(): ConnectError {
  return connectError('aborted', { code: 'connect.canceled' });
}

/** The code of a system error or of a TLS error, or a SQLSTATE; '' without one. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** An error's message without its full stop, cut to a length that is safe to show and to search. */
export function shortMessageOf(error: unknown): string {
  return cutText(messageOf(error)).replace(/\.$/, '');
}
