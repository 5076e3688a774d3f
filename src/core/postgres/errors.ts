import type { JobError } from '../../api';
import { WHOLE, type HasWholeTexts } from '../jobs/wholeText';
import { DatabaseError } from 'pg';
import {
  isConnectionException,
  isEncodingError,
  isOperatorIntervention,
  isSqlstate,
  isTransactionTimeout,
  SQLSTATE,
} from '../base/sqlstate';
import { ConnectError } from './connect/errors';

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
  /** The function of the server's source that raised it: never translated. */
  readonly routine?: string | undefined;
  /** The server's source file. */
  readonly file?: string | undefined;
}

/** No worker slot is free: of the server, or of the session. */
const NO_SLOT = new Set<string>([SQLSTATE.insufficientResources, SQLSTATE.configurationLimitExceeded]);

/** Whether the server sent the error. False for a broken connection, whose code can have the form of a SQLSTATE (EPIPE). */
export function isServerError(error: unknown): error is Error & ServerFields {
  if (error instanceof DatabaseError) return true;
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return false;
  return typeof error.code === 'string' && isSqlstate(error.code);
}

/**
 * True for an error that may have ended the session itself: an administrator, a shutdown, a timeout of idleness. Whether it did
 * shows only when the session is asked again, since a worker's error of the same kind is raised by a session that lives on, and
 * the word FATAL may come in any language.
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

/** True for a message with which the server ends a session at once: a crash, or an immediate shutdown. It comes as a warning. */
export function isTerminationNotice({ code }: { readonly code?: string | undefined }): boolean {
  return code === SQLSTATE.crashShutdown || code === SQLSTATE.adminShutdown;
}

/** The SQLSTATE of a server's error, or ''. */
export function sqlstateOf(error: unknown): string {
  return isServerError(error) ? (error.code ?? '') : '';
}

/** True where a launch failed for want of a worker slot, so that nothing was started and a later try may succeed. */
export function isNoSlot(error: unknown): boolean {
  return NO_SLOT.has(sqlstateOf(error));
}

/** What to say where the server refuses to signal another role's worker; undefined for any other error. */
export function signalDenied(error: unknown): Error | undefined {
  if (!isServerError(error) || error.code !== SQLSTATE.insufficientPrivilege) return undefined;
  const detail = error.detail ? ` ${error.detail}` : '';
  return new Error(
    `Your role may not cancel this worker (${error.message}).${detail} Ask for membership in its role, or in pg_signal_backend.`,
    { cause: error },
  );
}

/** Reasons for which a server that could be reached before may be reached again. */
const TRANSIENT_REASONS = new Set<string>(['unreachable', 'timeout', 'starting', 'slots']);
/** What Node says of a network or a process that is away. */
const TRANSIENT_CODES = new Set(
  'ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH ENETDOWN ENOTFOUND EAI_AGAIN ENOENT'.split(
    ' ',
  ),
);

/** A connection that was open is gone: ended by the server, cut off, or silent for too long. Trying again may work. */
export class ConnectionGoneError extends Error {
  override readonly name = 'ConnectionGoneError';
}

/** True where a connection could not be opened, or broke, for a reason that may pass by itself. */
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

/** UTF-16 units. */
const LONG_CONTEXT = 1_000_000;

/** pg_background adds a line of its own to every context, twice when the error is raised again. */
export function cleanContext(context: string | null | undefined): string | undefined {
  // Not of a flood: splitting it would take as much memory again for each of its lines.
  if (context && context.length > LONG_CONTEXT) return context;
  const lines = (context ?? '').split('\n').filter((line) => line !== '' && !/^background worker, pid \d+$/.test(line));
  return lines.length === 0 ? undefined : lines.join('\n');
}

/**
 * An error of the server as a job keeps it.
 * @param position turns the server's 1-based code point into a UTF-16 offset in the user's text
 */
export function toJobError(error: unknown, position?: (codePoint: number) => number | undefined): JobError {
  if (!isServerError(error)) return { sqlstate: '', message: error instanceof Error ? error.message : String(error) };
  const context = cleanContext(error.where);
  const at = error.position === undefined ? undefined : position?.(Number(error.position));
  return {
    sqlstate: error.code ?? '',
    message: error.message,
    ...(error.detail ? { detail: error.detail } : {}),
    ...(error.hint ? { hint: error.hint } : {}),
    ...(context === undefined ? {} : { context }),
    ...objectsOf(error),
    ...wholeTextsOf(error),
    ...(at === undefined ? {} : { position: at }),
  };
}

/** The texts of which an error or a notice of `pg` has only the beginning ({@link ./longMessage}). */
export function wholeTextsOf(message: object): HasWholeTexts {
  const whole = (message as HasWholeTexts)[WHOLE];
  return whole ? { [WHOLE]: whole } : {};
}

/** What an error is about, as far as the server names it. */
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
 * Whether the server's own code for interrupts raised an error: a cancel or a timeout, not an error of the same SQLSTATE that SQL
 * raised or another server sent. Undefined if the error does not name the routine.
 */
export function isInterrupt(error: unknown): boolean | undefined {
  return isServerError(error) && error.routine ? error.routine === 'ProcessInterrupts' : undefined;
}

/** True if the server could not send a text because it is not valid in its encoding, or cannot be converted. */
export function isNotText(error: unknown): boolean {
  return isEncodingError(sqlstateOf(error));
}

/** The server does not know the function that we called, so nothing was launched. */
const MOVED = new Set<string>([SQLSTATE.undefinedFunction, SQLSTATE.invalidSchemaName]);

/** True where a launch was not understood, because the extension was moved or dropped since its catalog was read. */
export function isMoved(error: unknown): boolean {
  return MOVED.has(sqlstateOf(error));
}

/**
 * A launch's error as a job keeps it. The server does not say who may give the privilege, and how; nor that an extension was changed
 * under us. A parameter that may not be set has the same SQLSTATE as a function that may not be called, but another routine.
 */
export function toLaunchError(cause: unknown): JobError {
  const error = toJobError(cause);
  if (MOVED.has(error.sqlstate)) {
    return { ...error, hint: 'pg_background was moved or changed in this database meanwhile. Run it again.' };
  }
  if (!isServerError(cause) || error.sqlstate !== SQLSTATE.insufficientPrivilege || cause.routine !== 'aclcheck_error')
    return error;
  const hint = 'Your role may not launch workers. Ask an administrator to run GRANT pgbackground_role TO your role.';
  return { hint, ...error };
}
