import type { JobError } from '../../api';
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
}

/** SQLSTATE insufficient_resources and configuration_limit_exceeded: no worker slot, of the server or of the session. */
const NO_SLOT = new Set(['53000', '53400']);

/** True for an error that the server sent, false for a connection that broke (whose code may look alike: EPIPE). */
export function isServerError(error: unknown): error is Error & ServerFields {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return false;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code);
}

/**
 * True for an error that may have ended the session itself: an administrator, a shutdown, a timeout of idleness. Whether it did
 * shows only when the session is asked again, since a worker's error of the same kind is raised by a session that lives on, and
 * the word FATAL may come in any language.
 */
export function mayEndSession(error: unknown): boolean {
  return isServerError(error) && (/^(57P|08|25P0)/.test(error.code ?? '') || /^(FATAL|PANIC)$/.test(error.severity));
}

/** SQLSTATE crash_shutdown: a process of the server crashed or was killed, upon which the server ends all of them. */
export const CRASH_SHUTDOWN = '57P02';

/** True for a message with which the server ends a session at once: a crash, or an immediate shutdown. It comes as a warning. */
export function isLastWord({ code }: { readonly code?: string | undefined }): boolean {
  return code === CRASH_SHUTDOWN || code === '57P01';
}

/** The SQLSTATE of a server's error, or ''. */
export function sqlstateOf(error: unknown): string {
  return isServerError(error) ? (error.code ?? '') : '';
}

/** True where a launch failed for want of a worker slot, so that nothing was started and a later try may succeed. */
export function isNoSlot(error: unknown): boolean {
  return NO_SLOT.has(sqlstateOf(error));
}

/** SQLSTATE insufficient_privilege (PG_BACKGROUND.md, points 10 and 13). */
const DENIED = '42501';

/** What to say where the server refuses to signal another role's worker; undefined for any other error. */
export function mayNotSignal(error: unknown): Error | undefined {
  if (!isServerError(error) || error.code !== DENIED) return undefined;
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

/** True where a connection could not be opened, or broke, for a reason that may pass by itself. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof ConnectError && TRANSIENT_REASONS.has(error.reason)) return true;
  if (isServerError(error)) {
    // connection_exception, operator_intervention (shutting down, starting up), too_many_connections; not a cancel or a timeout.
    return /^(08|57P0[1-5])/.test(error.code ?? '') || error.code === '53300';
  }
  if ('code' in error && typeof error.code === 'string' && TRANSIENT_CODES.has(error.code)) return true;
  // `pg` says it in words alone.
  return /^(Connection terminated|no answer within|timeout expired)/.test(error.message) || isTransient(error.cause);
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
    ...(at === undefined ? {} : { position: at }),
  };
}

/** SQLSTATE undefined_function and invalid_schema_name: our own call is not understood, so nothing was launched. */
const MOVED = new Set(['42883', '3F000']);

/** True where a launch was not understood, because the extension was moved or dropped since its catalog was read. */
export function isMoved(error: unknown): boolean {
  return MOVED.has(sqlstateOf(error));
}

/** The server does not say who may give the privilege, and how; nor that an extension was changed under us. */
export function withAdvice(error: JobError): JobError {
  if (MOVED.has(error.sqlstate)) {
    return { ...error, hint: 'pg_background was moved or changed in this database meanwhile. Run it again.' };
  }
  if (error.sqlstate !== DENIED || !error.message.includes('pg_background')) return error;
  const hint = 'Your role may not launch workers. Ask an administrator to run GRANT pgbackground_role TO your role.';
  return { hint, ...error };
}
