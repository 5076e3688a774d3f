import type { JobError } from '../../api';

/** The fields of an ErrorResponse as `pg` exposes them (PostgreSQL, "Error and Notice Message Fields"). */
interface ServerFields {
  readonly code?: string;
  readonly message: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly where?: string | undefined;
  readonly position?: string | undefined;
}

/** SQLSTATE insufficient_resources and configuration_limit_exceeded: no worker slot, of the server or of the session. */
const NO_SLOT = new Set(['53000', '53400']);

/** True for an error that the server sent, false for a connection that broke. */
export function isServerError(error: unknown): error is Error & ServerFields {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code)
  );
}

/** The SQLSTATE of a server's error, or ''. */
export function sqlstateOf(error: unknown): string {
  return isServerError(error) ? (error.code ?? '') : '';
}

/** True where a launch failed for want of a worker slot, so that nothing was started and a later try may succeed. */
export function isNoSlot(error: unknown): boolean {
  return NO_SLOT.has(sqlstateOf(error));
}

/** pg_background adds a line of its own to every context, twice when the error is raised again. */
export function cleanContext(context: string | null | undefined): string | undefined {
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
