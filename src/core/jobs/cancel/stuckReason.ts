import type { JobError } from '../../../api';
import type { ActiveWorker, ActivitySnapshot } from '../ports';

/** Why a worker that was asked to stop still runs, as far as the server shows. */
export type WhyRunning =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'gone' }
  /** Waits for a lock, and whose. */
  | { readonly kind: 'lock'; readonly blocker?: string }
  /** Its queue is full and nobody reads. */
  | { readonly kind: 'queue' }
  /** It waits somewhere that a cancel reaches, so it has caught the cancel and goes on. */
  | { readonly kind: 'swallowed'; readonly wait: string }
  /** On CPU: code that does not check for interrupts, or that catches the cancel between its steps. */
  | { readonly kind: 'cpu' };

/** PG_BACKGROUND.md, points 5 and 11: what a full queue, and a busy loop, look like. */
export const QUEUE_FULL = 'MessageQueuePutMessage';

/**
 * Reads the reason out of `pg_stat_activity` (PostgreSQL, "The Cumulative Statistics System", wait events).
 * @param worker undefined where the server no longer shows it; null where the server could not be asked
 */
export function whyStillRunning(worker: ActiveWorker | undefined | null): WhyRunning {
  if (worker === null) return { kind: 'unknown' };
  if (!worker) return { kind: 'gone' };
  if (worker.waitEventType === 'Lock') {
    const [blocker] = worker.blockers;
    if (!blocker) return { kind: 'lock' };
    const who = [`pid ${blocker.pid}`, blocker.user, blocker.application].filter(Boolean).join(', ');
    return { kind: 'lock', blocker: who };
  }
  if (worker.waitEvent === QUEUE_FULL) return { kind: 'queue' };
  if (worker.waitEvent !== undefined)
    return { kind: 'swallowed', wait: `${worker.waitEventType ?? ''}/${worker.waitEvent}` };
  return worker.state === 'active' ? { kind: 'cpu' } : { kind: 'unknown' };
}

/** The same in one English sentence, for the job's record and the log. */
export function describeWhy(why: WhyRunning): string {
  switch (why.kind) {
    case 'gone':
      return 'The server no longer shows the worker; its end is being read.';
    case 'lock':
      return why.blocker ? `It waits for a lock held by ${why.blocker}.` : 'It waits for a lock.';
    case 'queue':
      return 'It waits to write rows or messages to a full queue that nobody reads.';
    case 'swallowed':
      return `It waits on ${why.wait}, which a cancel reaches: its SQL catches the cancel (an EXCEPTION block) and goes on.`;
    case 'cpu':
      return 'It is on CPU: its code does not check for interrupts, or catches the cancel and goes on.';
    case 'unknown':
      return 'The server does not show why.';
  }
}

/** SQLSTATE configuration_limit_exceeded: `pg_background.max_workers` of the session. */
const SESSION_LIMIT = '53400';

/** Why a job waits for a worker slot (PG_BACKGROUND.md, point 9). */
export function noSlotReason(error: JobError, snapshot: ActivitySnapshot | undefined): string {
  if (error.sqlstate === SESSION_LIMIT) {
    return `The session may launch no more workers (pg_background.max_workers): ${error.message}. It is tried again by itself.`;
  }
  // Other roles' processes may be hidden from ours, so there are at least so many.
  const slots = snapshot
    ? ` (max_worker_processes: at least ${snapshot.slotsUsed} of ${snapshot.slotsTotal} in use, ${Math.max(0, snapshot.slotsTotal - snapshot.slotsUsed)} free at most)`
    : '';
  return `The server has no free worker slot${slots}: ${error.message}. It is tried again by itself.`;
}
