/** Failures of connecting, in words that say what to do (SQLSTATEs: PostgreSQL, appendix A). */
import type { Settings, Target } from '../conninfo/defaults';
import { ConnectError, type ConnectReason } from '../errors';
import { cutText } from './serverError';
import { IDENTITY_CODE } from './tls';

/** Where and as whom it was tried. */
export interface Attempted {
  readonly target: Target;
  /** The IP address, where the host was looked up. */
  readonly address: string | undefined;
  readonly tls: boolean;
  readonly settings: Pick<Settings, 'user' | 'database' | 'sslmode' | 'sslrootcert'>;
  /** Words for where the password came from, such as a file. */
  readonly passwordSource: string | undefined;
}

/** `db.example.com (10.0.0.7), port 5432`, or the path of a socket. */
export function placeOf(target: Target, address?: string): string {
  if (target.socket) return `the socket ${target.host}/.s.PGSQL.${target.port}`;
  const host = target.host || (target.hostaddr ?? '');
  return `${host}${address !== undefined && address !== host ? ` (${address})` : ''}, port ${target.port}`;
}

/** An error of the network or of the socket. */
export function explainNetwork(
  error: unknown,
  { target, address }: Pick<Attempted, 'target' | 'address'>,
): ConnectError {
  const place = placeOf(target, address);
  const unreachable = (message: string): ConnectError => new ConnectError('unreachable', message, { cause: error });
  const code = codeOf(error);
  switch (code) {
    case 'ECONNREFUSED':
      return target.socket
        ? unreachable(`Nothing listens on ${place}: check that PostgreSQL runs on this computer.`)
        : unreachable(
            `Nothing accepts connections at ${place}: check the host and the port, and that PostgreSQL runs there and listens on that address.`,
          );
    case 'ENOENT':
      return unreachable(
        `There is no ${place.replace(/^the /, '')}: check that PostgreSQL runs on this computer, and the folder and the port.`,
      );
    case 'EACCES':
    case 'EPERM':
      return unreachable(`This user may not use ${place}: check its permissions.`);
    case 'ENOTFOUND':
    case 'ENODATA':
      return unreachable(`The host ${target.host} cannot be found: check its name, and the network or the VPN.`);
    case 'EAI_AGAIN':
      return unreachable(`The host ${target.host} could not be looked up just now: check the network, and try again.`);
    case 'ETIMEDOUT':
      return new ConnectError(
        'timeout',
        `No answer came from ${place}: check the host, the port and the firewalls between.`,
        {
          cause: error,
        },
      );
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return unreachable(`No way leads to ${place}: check the network or the VPN.`);
    default:
      return unreachable(
        `The connection to ${place} was closed before it was established (${textOf(error)}): check that a PostgreSQL server is there, and its log.`,
      );
  }
}

/** An error of the TLS handshake. */
export function explainTls(error: unknown, { target, address, settings }: Attempted): ConnectError {
  if (error instanceof ConnectError) return error;
  const place = placeOf(target, address);
  const tls = (message: string): ConnectError => new ConnectError('tls', message, { cause: error });
  const roots = settings.sslrootcert === undefined ? 'the root certificates' : `"${settings.sslrootcert}"`;
  switch (codeOf(error)) {
    case 'CERT_HAS_EXPIRED':
      return tls(`The certificate of ${place} has expired: the server needs a new one.`);
    case 'CERT_NOT_YET_VALID':
      return tls(`The certificate of ${place} is not valid yet: check the clocks of both computers.`);
    case 'CERT_REVOKED':
      return tls(`The certificate of ${place} has been revoked: the server needs a new one.`);
    case 'UNABLE_TO_GET_CRL':
    case 'CRL_HAS_EXPIRED':
      return tls(
        `The list of revoked certificates does not cover the certificate of ${place}, or has expired: renew the list.`,
      );
    case IDENTITY_CODE:
      return tls(
        `${place} is not who it should be: ${textOf(error)}. Use the name that is in the certificate as the host, or sslmode "verify-ca" where names are not to be compared.`,
      );
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
    case 'CERT_UNTRUSTED':
    case 'INVALID_CA':
      return tls(
        `The certificate of ${place} was issued by an authority that is not among ${roots}: name the right authority's file as "sslrootcert".`,
      );
    default:
      return explainAlert(error, place);
  }
}

/** What OpenSSL says is a line of codes and places with the reason in it. */
function explainAlert(error: unknown, place: string): ConnectError {
  const text = textOf(error).trim();
  const reason = /SSL routines:[^:]*:([^:]+)/.exec(text)?.[1] ?? text;
  const message = /protocol version|unsupported protocol|wrong version/i.test(reason)
    ? `No version of TLS suits both ${place} and this connection (1.2 is the oldest that is used).`
    : `TLS with ${place} failed (${reason}): check the server's certificate, and yours where it asks for one.`;
  return new ConnectError('tls', message, { cause: error });
}

/** An error that the server sent while connecting. */
export function explainServer(error: unknown, attempted: Attempted): ConnectError {
  const { settings } = attempted;
  const message = textOf(error);
  const said = `The server said: ${message}`;
  const make = (reason: ConnectReason, text: string): ConnectError => new ConnectError(reason, text, { cause: error });
  switch (codeOf(error)) {
    case '28P01': {
      const source = attempted.passwordSource === undefined ? '' : ` (it came from ${attempted.passwordSource})`;
      return make(
        'authentication',
        `The server did not accept the password of the user "${settings.user}"${source}: enter it again, and check the user's name. ${said}.`,
      );
    }
    case '28000':
      return explainRefusal(error, attempted, said);
    case '3D000':
      return make(
        'database',
        `The database "${settings.database}" does not exist on the server: correct the name, or create it.`,
      );
    case '55000':
    case '42501':
      return make(
        'database',
        `The database "${settings.database}" does not let the user "${settings.user}" in. ${said}.`,
      );
    case '53300':
      return make(
        'slots',
        `The server has no connection left for the user "${settings.user}": close some, or have max_connections (or the limit of the role or database) raised. ${said}.`,
      );
    case '57P03':
      return make(
        'starting',
        `The server does not take connections just now, for instance because it is starting: try again soon. ${said}.`,
      );
    default:
      return make('server', `The server refused the connection: ${message}.`.replace('..', '.'));
  }
}

/** invalid_authorization_specification: no rule in pg_hba.conf, a role that may not log in, a missing certificate. */
function explainRefusal(error: unknown, { settings, tls }: Attempted, said: string): ConnectError {
  const make = (reason: ConnectReason, text: string): ConnectError => new ConnectError(reason, text, { cause: error });
  if (textOf(error).includes('pg_hba.conf')) {
    const advice = tls
      ? 'ask its administrator for a line in pg_hba.conf'
      : 'set "sslmode" to "require" if it wants TLS, or ask its administrator for a line in pg_hba.conf';
    return make(
      'hba',
      `The server has no rule that lets the user "${settings.user}" into the database "${settings.database}" from this computer ${tls ? 'with' : 'without'} TLS: ${advice}. ${said}.`,
    );
  }
  // The server's words may be in another language; the place in its source is not (auth.c).
  if ((error as { routine?: unknown }).routine === 'ClientAuthentication') {
    return make(
      'tls',
      `The server wants to see a certificate of yours: name its file as "sslcert" and its key as "sslkey". ${said}.`,
    );
  }
  return make(
    'authentication',
    `The server did not let the user "${settings.user}" in: check the user's name, and what it asks for. ${said}.`,
  );
}

/** An error of setting the role or the search path. */
export function explainSetup(
  error: unknown,
  { role, searchPath }: Pick<Settings, 'role' | 'searchPath'>,
): ConnectError {
  const what = [
    ...(role === undefined ? [] : [`the role "${role}"`]),
    ...(searchPath === undefined ? [] : [`the search path "${searchPath}"`]),
  ].join(' and ');
  return new ConnectError(
    'setup',
    `Connected, but ${what} could not be set: ${textOf(error)}. Correct it in the connection.`,
    {
      cause: error,
    },
  );
}

/** The code of a system error, of a TLS error, or a SQLSTATE; '' where there is none. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** Cut, so that what examines it or shows it need not be prepared for megabytes of a server's. */
export function textOf(error: unknown): string {
  return cutText(error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
}
