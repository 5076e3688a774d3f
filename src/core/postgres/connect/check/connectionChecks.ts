/** Checks of the connection itself: why it failed, its encryption, and pooling proxies. Pure: facts in, results out. */
import type { ConnectError, ConnectReason } from '../errors';
import { EDIT, ENTER_PASSWORD, result, RETRY, type CheckResult, type Fix } from './checkResult';
import type { ServerFacts, TlsFacts } from './facts';

const DAY_MS = 86_400_000;
/** A certificate that expires within this many days gets a warning. */
const EXPIRES_SOON_DAYS = 30;

/** The field that is the most likely cause of a failure. */
const FIELD_OF: Readonly<Partial<Record<ConnectReason, CheckResult['field'] & string>>> = {
  unreachable: 'host',
  timeout: 'host',
  tls: 'sslmode',
  hba: 'sslmode',
  unsafe: 'sslmode',
  noPassword: 'password',
  authentication: 'password',
  passwordCommand: 'passwordCommand',
  database: 'database',
  sessionAttrs: 'targetSessionAttrs',
};

/** The result for a connection that could not be opened, or that failed during the test. */
export function checkFailure({ reason, fault }: ConnectError): CheckResult {
  const id = reason === 'tls' || reason === 'hba' ? 'tls' : 'reachable';
  const outcome = { code: 'check.notConnected', params: { reason }, cause: fault } as const;
  const field = FIELD_OF[reason];
  const failure = result(id, 'error', outcome, ...fixesFor(reason));
  return field === undefined ? failure : { ...failure, field };
}

function fixesFor(reason: ConnectReason): readonly Fix[] {
  switch (reason) {
    case 'noPassword':
    case 'authentication':
      return [ENTER_PASSWORD, EDIT];
    case 'starting':
    case 'slots':
    case 'aborted':
      return [RETRY];
    case 'unreachable':
    case 'timeout':
      return [EDIT, RETRY];
    default:
      return [EDIT];
  }
}

export interface TlsContext {
  readonly verified: 'nothing' | 'chain' | 'chain and name' | undefined;
  readonly sslmode: string;
  /** A Unix socket, or an address of this computer: the traffic cannot be intercepted. */
  readonly local: boolean;
}

/** Checks the encryption. @param now milliseconds since 1970 */
export function checkTls(
  tls: TlsFacts | undefined,
  { verified, sslmode, local }: TlsContext,
  now: number,
): CheckResult {
  if (!tls) {
    return local
      ? result('tls', 'ok', { code: 'check.localWithoutTls' })
      : result('tls', 'warning', { code: 'check.notEncrypted', params: { sslmode } }, EDIT);
  }
  const { protocol, cipher, subject } = tls;
  const certificate = { protocol, cipher, subject, validTo: new Date(tls.validTo).toISOString().slice(0, 10) };
  const days = Math.floor((tls.validTo - now) / DAY_MS);
  if (days < 0) {
    return result('tls', 'warning', { code: 'check.certificateExpired', params: { ...certificate, sslmode } });
  }
  if (days < EXPIRES_SOON_DAYS) {
    return result('tls', 'warning', { code: 'check.certificateExpiresSoon', params: { ...certificate, days } });
  }
  if (verified === 'nothing' && !local) {
    return result('tls', 'warning', { code: 'check.serverNotVerified', params: certificate }, EDIT);
  }
  const params = { ...certificate, verified: verified ?? 'nothing' } as const;
  return result('tls', 'ok', { code: 'check.encrypted', params });
}

/**
 * Checks for a pooling proxy.
 * @param sharedBackend two of our sessions shared one server process, as with transaction pooling
 * @param keyPid the process id in the connection's BackendKeyData; a proxy invents its own
 */
export function checkPooler(facts: ServerFacts, keyPid: number | null, sharedBackend: boolean): CheckResult {
  if (sharedBackend) return result('pooler', 'error', { code: 'check.transactionPooler' }, EDIT);
  if (keyPid !== null && keyPid !== facts.backendPid) return result('pooler', 'info', { code: 'check.sessionPooler' });
  return result('pooler', 'ok', { code: 'check.noPooler' });
}
