import { QUEUE_FULL } from '../queueFull';

/**
 * What a backend does, as far as `pg_stat_activity` shows it:
 * - `cpu`: it does not wait, so it computes (or waits for a CPU)
 * - `reading`, `writing`: it waits for files
 * - `lock`: it waits for a lock that another transaction holds
 * - `queue`: its queue is full, so it waits until its rows and messages are read
 * - `transaction`: its transaction is open, but no statement runs
 * - `idle`: no statement runs
 * - `waiting`: it waits for anything else
 */
export type WorkKind = 'cpu' | 'reading' | 'writing' | 'lock' | 'queue' | 'waiting' | 'transaction' | 'idle';

/** What a worker did when a snapshot was taken. */
export interface ActivitySample {
  /** When the snapshot was requested, by our monotonic clock, in milliseconds. */
  readonly at: number;
  /** Undefined if the role may not see it. */
  readonly kind: WorkKind | undefined;
  readonly waitEventType?: string;
  readonly waitEvent?: string;
  /** The processes that it waited for. */
  readonly blockers: readonly number[];
}

/** The columns of `pg_stat_activity` that show what a backend does. */
export interface BackendState {
  readonly state?: string;
  readonly waitEventType?: string;
  readonly waitEvent?: string;
}

/** Names of I/O events that write, in all versions of the server: BufFileWrite, WALSync, DataFileExtend … */
const WRITES = /write|sync|flush|extend|truncate|replace|copyfilecopy/i;
/** The names of I/O events that read, and of waits for a read: DataFileRead, DataFilePrefetch, AioIoCompletion … */
const READS = /read|prefetch|^aio/i;
/** Waits of other types that are waits for files. PostgreSQL 18 waits for the I/O of others as BufferIo, older versions as BufferIO. */
const OTHER_READS = /^(IPC|LWLock)\/BufferIO$/i;
const OTHER_WRITES = /^LWLock\/WALWrite(Lock)?$/i;

/** @returns undefined if the role may not see what the backend does, or the server does not show it */
export function workKindOf({ state, waitEventType, waitEvent = '' }: BackendState): WorkKind | undefined {
  if (state === undefined || state === '') return undefined;
  // With track_activities = off, the server only shows waits. One without a wait may compute or be idle.
  if (state === 'disabled' && (waitEventType === undefined || waitEventType === '')) return undefined;
  if (state.startsWith('idle in transaction')) return 'transaction';
  if (state === 'idle') return 'idle';
  if (waitEventType === undefined || waitEventType === '') return 'cpu';
  if (waitEventType === 'Lock') return 'lock';
  if (waitEvent === QUEUE_FULL) return 'queue';
  const event = `${waitEventType}/${waitEvent}`;
  if (OTHER_READS.test(event)) return 'reading';
  if (OTHER_WRITES.test(event)) return 'writing';
  if (waitEventType !== 'IO') return 'waiting';
  if (WRITES.test(waitEvent)) return 'writing';
  return READS.test(waitEvent) ? 'reading' : 'waiting';
}
