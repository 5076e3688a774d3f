/** What `ServerLink.inspect` returns about one worker. Times are seconds before now, by the server's clock. */
import type { ServerIdentity } from '../serverIdentity';
import type { BackendState } from './workKind';

export interface InspectRequest {
  readonly pid: number;
  readonly backendStart: string;
  /** The server that runs it, if known. */
  readonly server?: ServerIdentity;
}

/** A predefined role whose members may see what this role may not. */
export type NeededRole = 'pg_read_all_stats' | 'pg_monitor';

export interface WorkerInspection extends BackendState {
  readonly user?: string;
  readonly database?: string;
  readonly query?: string;
  readonly statementSeconds?: number;
  readonly transactionSeconds?: number;
  /** The server's explanation of the wait event (PostgreSQL 17 and later). */
  readonly waitDescription?: string;
  readonly parallel: readonly ParallelWorker[];
  readonly progress: readonly StatementProgress[];
  /** Locks that it holds or awaits, the awaited ones first, then the strongest; at most 50. */
  readonly locks: readonly WorkerLock[];
  /** All locks, including those that were not returned. */
  readonly lockCount: number;
  /** PostgreSQL 18 and later. */
  readonly io?: WorkerIo;
  /** Temporary files in the default tablespace; `missing`: the role may not see them. */
  readonly tempFiles?: TempFiles | { readonly missing: NeededRole };
  /** The processes that it waits for, directly or not, in the order in which they were found; empty unless it waits for a lock. */
  readonly chain: readonly BlockingProcess[];
  /** Further processes that those of the chain, or the worker, wait for. */
  readonly chainMore?: number;
  /** The role that queries, for the text of a GRANT. */
  readonly role: string;
}

export interface ParallelWorker extends BackendState {
  readonly pid: number;
}

/** A row of one of the server's `pg_stat_progress_…` views. */
export interface StatementProgress {
  /** The name of the view without `pg_stat_progress_`. */
  readonly view: string;
  /** The columns of the view without ids, in its order. */
  readonly columns: readonly (readonly [name: string, value: string])[];
  /** The table or index that it is about. */
  readonly relation?: string;
}

export interface WorkerLock {
  /** `relation`, `transactionid`, `advisory` … */
  readonly type: string;
  readonly mode: string;
  readonly granted: boolean;
  /** What is locked: the name of a relation, or ids. */
  readonly target: string;
}

export interface WorkerIo {
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Pages that were in shared buffers. */
  readonly hits: number;
}

export interface TempFiles {
  readonly files: number;
  readonly bytes: number;
}

/** A process of a blocking chain. */
export interface BlockingProcess extends BackendState {
  /** 0 for a prepared transaction, which has no process. */
  readonly pid: number;
  /** Undefined if the role may not see it, or for a prepared transaction. */
  readonly backendStart?: string;
  /** The processes of the chain that wait for this one, the worker included. */
  readonly blocks: readonly number[];
  readonly backendType?: string;
  readonly user?: string;
  readonly application?: string;
  readonly database?: string;
  readonly query?: string;
  /** Since when it has been in its state. */
  readonly stateSeconds?: number;
  readonly transactionSeconds?: number;
  /** The lock that the waiting process needs, as far as this process holds it. */
  readonly held?: WorkerLock;
  readonly awaited?: WorkerLock;
  /** Name of the prepared transaction. */
  readonly prepared?: string;
  /** It waits, directly or not, for itself. */
  readonly cycle?: boolean;
}

/** A session or worker that can be canceled or terminated. */
export interface SignaledBlocker {
  readonly pid: number;
  readonly backendStart: string;
  readonly backendType: 'client backend' | 'pg_background';
}
