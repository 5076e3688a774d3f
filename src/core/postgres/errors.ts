import type { JobError } from '../../api';
import { FaultError, faultOf, isTextFault } from '../base/fault';
import { WHOLE, type HasWholeTexts } from '../jobs/wholeText';
import {
  isConnectionException,
  isEncodingError,
  isOperatorIntervention,
  isSqlstate,
  isTransactionTimeout,
  SQLSTATE,
} from '../base/sqlstate';
import { errorOfFault, type RecordedError } from '../jobs/errors';
import { ConnectError, type ConnectReason } from './connect/errors';
import type { ServerFault } from './faults';

/** The fields of an ErrorResponse as `pg` exposes them (PostgreSQL, "Error and Notice Message Fields"). */
interface ServerFields {
  readonly code?: string;
  readonly message: string;
  readonly severity: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly where?: string | undefined;
  readonly position?: string | undefined;
  readonly schema?: string | undefined;
  readonly table?: string | undefined;
  readonly column?: string | undefined;
  readonly constraint?: string | undefined;
  /** The function in the server's source that raised the error. Never translated. */
  readonly routine?: string | undefined;
  /** The server's source file. */
  readonly file?: string | undefined;
}

/** No worker slot is free: of the server, or of the session. */
const NO_SLOT = new Set<string>([SQLSTATE.insufficientResources, SQLSTATE.configurationLimitExceeded]);

/** Whether the server sent the error. False for a broken connection, whose code can have the form of a SQLSTATE (EPIPE). */
export function isServerError(error: unknown): error is Error & ServerFields {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return false;
  // An error of pg's parser has all fields, also those that the server did not send. Not `instanceof DatabaseError`: that would load pg
  // with the extension.
  if ('routine' in error) return true;
  return typeof error.code === 'string' && isSqlstate(error.code);
}

/**
 * Whether an error may have ended the session itself: an administrator, a shutdown, or an idle timeout. Only another query shows
 * whether it did: a worker's error of the same kind is raised in a session that continues to work, and the word FATAL may be
 * translated.
 */
export function mayEndSession(error: unknown): boolean {
  if (!isServerError(error)) return false;
  const sqlstate = sqlstateOf(error);
  return (
    isOperatorIntervention(sqlstate) ||
    isConnectionException(sqlstate) ||
    isTransactionTimeout(sqlstate) ||
    /^(FATAL|PANIC)$/.test(error.severity)
  );
}

/** Whether a notice announces that the server ends the session at once: after a crash, or for an immediate shutdown. */
export function isTerminationNotice({ code }: { readonly code?: string | undefined }): boolean {
  return code === SQLSTATE.crashShutdown || code === SQLSTATE.adminShutdown;
}

/** The SQLSTATE of a server's error, or ''. */
export function sqlstateOf(error: unknown): string {
  return isServerError(error) ? (error.code ?? '') : '';
}

/** Whether a launch failed because no worker slot was free. Nothing was started, and a retry may succeed. */
export function isNoSlot(error: unknown): boolean {
  return NO_SLOT.has(sqlstateOf(error));
}

/** The error for the user if the server refused to signal another role's worker; undefined for any other error. */
export function signalDenied(error: unknown): FaultError<ServerFault> | undefined {
  if (!isServerError(error) || error.code !== SQLSTATE.insufficientPrivilege) return undefined;
  const { message, detail } = error;
  return new FaultError<ServerFault>(
    { code: 'server.signalDenied', params: { message, ...(detail ? { detail } : {}) } },
    { cause: error },
  );
}

/** Reasons that may disappear without the user. */
const TRANSIENT_REASONS = new Set<ConnectReason>(['unreachable', 'timeout', 'starting', 'slots']);
/** Node's error codes for a network or a process that is unavailable. */
const TRANSIENT_CODES = new Set(
  'ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH ENETDOWN ENOTFOUND EAI_AGAIN ENOENT'.split(
    ' ',
  ),
);

/** An open connection was lost: closed by the server or the network, or because the server did not answer. A retry may succeed. */
export class ConnectionGoneError extends FaultError<ServerFault> {
  constructor(cause: unknown) {
    super({ code: 'server.connectionLost', cause: faultOf(cause) }, { cause });
  }
}

/** The error with which a connection is closed if the server does not answer. */
export function noAnswerError(ms: number): FaultError<ServerFault> {
  return new FaultError<ServerFault>({ code: 'server.noAnswer', params: { seconds: ms / 1000 } });
}

/** Whether a connection could not be opened, or was lost, for a reason that may disappear without the user. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof ConnectionGoneError) return true;
  if (error instanceof ConnectError && TRANSIENT_REASONS.has(error.reason)) return true;
  if (isServerError(error)) {
    const sqlstate = sqlstateOf(error);
    return (
      isConnectionException(sqlstate) || isOperatorIntervention(sqlstate) || sqlstate === SQLSTATE.tooManyConnections
    );
  }
  if ('code' in error && typeof error.code === 'string' && TRANSIENT_CODES.has(error.code)) return true;
  return isTransient(error.cause);
}

/** Longer contexts are left as they are: splitting one would need as much memory again for its lines. UTF-16 code units. */
const MAX_CONTEXT = 1_000_000;

/** Removes the line that pg_background adds to each context; it adds another one when an error is raised again. */
export function cleanContext(context: string | null | undefined): string | undefined {
  if (context && context.length > MAX_CONTEXT) return context;
  const lines = (context ?? '').split('\n').filter((line) => line !== '' && !/^background worker, pid \d+$/.test(line));
  return lines.length === 0 ? undefined : lines.join('\n');
}

/**
 * An error as the record of a job stores it.
 * @param position converts the server's position (1-based code points) to a UTF-16 offset in the user's text
 */
export function toJobError(error: unknown, position?: (codePoint: number) => number | undefined): RecordedError {
  if (!isServerError(error)) {
    const fault = faultOf(error);
    return isTextFault(fault) ? { sqlstate: '', message: fault.params.text } : errorOfFault(fault);
  }
  const context = cleanContext(error.where);
  const offset = error.position === undefined ? undefined : position?.(Number(error.position));
  return {
    sqlstate: error.code ?? '',
    message: error.message,
    ...(error.detail ? { detail: error.detail } : {}),
    ...(error.hint ? { hint: error.hint } : {}),
    ...(context === undefined ? {} : { context }),
    ...objectsOf(error),
    ...wholeTextsOf(error),
    ...(offset === undefined ? {} : { position: offset }),
  };
}

/** The full texts of an error or a notice of `pg`, if the object itself has only their beginnings (see {@link ./client/longMessage}). */
export function wholeTextsOf(message: object): HasWholeTexts {
  const whole = (message as HasWholeTexts)[WHOLE];
  return whole ? { [WHOLE]: whole } : {};
}

/** The database objects that an error names. */
function objectsOf({
  schema,
  table,
  column,
  constraint,
}: ServerFields): Pick<JobError, 'schema' | 'table' | 'column' | 'constraint'> {
  return {
    ...(schema ? { schema } : {}),
    ...(table ? { table } : {}),
    ...(column ? { column } : {}),
    ...(constraint ? { constraint } : {}),
  };
}

/**
 * Whether the server itself raised an error for an interrupt: a cancel or a timeout, and not an error with the same SQLSTATE that SQL
 * raised or another server sent. Undefined if the error does not name the routine.
 */
export function isInterrupt(error: unknown): boolean | undefined {
  return isServerError(error) && error.routine ? error.routine === 'ProcessInterrupts' : undefined;
}

/** Whether the server could not send or receive a text because it is not valid in its encoding, or cannot be converted. */
export function isNotText(error: unknown): boolean {
  return isEncodingError(sqlstateOf(error));
}

/** The server does not know the function that we called, so nothing was launched. */
const MOVED = new Set<string>([SQLSTATE.undefinedFunction, SQLSTATE.invalidSchemaName]);

/** Whether the server did not know our functions, because the extension was moved or dropped after they were looked up. */
export function isMoved(error: unknown): boolean {
  return MOVED.has(sqlstateOf(error));
}

/**
 * The error of a failed launch, with the cause that the server does not mention: a missing privilege and how to grant it, or an
 * extension that was moved. A parameter that may not be set has the same SQLSTATE as a function that may not be called, but another
 * routine.
 */
export function toLaunchError(cause: unknown): RecordedError {
  const error = toJobError(cause);
  const params = { message: error.message };
  if (MOVED.has(error.sqlstate))
    return { ...error, fault: { code: 'server.extensionMoved', params } satisfies ServerFault };
  const isDenied =
    isServerError(cause) && error.sqlstate === SQLSTATE.insufficientPrivilege && cause.routine === 'aclcheck_error';
  return isDenied ? { ...error, fault: { code: 'server.launchDenied', params } satisfies ServerFault } : error;
}
