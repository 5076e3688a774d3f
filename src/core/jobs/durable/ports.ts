/** Durable jobs as the server records them, and the interface through which the engine reaches them. */
import type { Writable } from 'node:stream';
import type { RunRequest } from '../../../api';
import type { Disposable } from '../../base/disposable';
import type { Fault } from '../../base/fault';
import type { BatchOptions, SharedSession } from '../batches/batchPart';
import type { ServerIdentity } from '../serverIdentity';

export type DurableState = 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled' | 'unknown';

/** Why a job is in its state, if the server has no error of its own. */
export type DurableReason =
  'no_slot' | 'not_launched' | 'never_began' | 'keeper_lost' | 'worker_lost' | 'outcome_expired' | 'batch_stopped';

/** A durable job. Times are those of the server, as text in UTC. int8 values are texts. */
export interface DurableRecord {
  readonly id: string;
  readonly owner: string;
  /** The owner is the role that reads it. */
  readonly own: boolean;
  readonly label: string;
  readonly sql: string;
  /** Only the beginning of the SQL, or of a part of the error, was read. */
  readonly cut: boolean;
  readonly state: DurableState;
  readonly reason: DurableReason | null;
  /** The commit log proves the outcome. */
  readonly gated: boolean;
  /** The record was made in this cluster, and not restored from another one. */
  readonly here: boolean;
  readonly queuedAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly keeperPid: number | null;
  readonly keeperStart: string | null;
  readonly workerPid: number | null;
  readonly workerStart: string | null;
  readonly workerXid: string | null;
  readonly commandTag: string | null;
  readonly rowCount: string | null;
  readonly progress: { readonly pct: number | null; readonly message: string | null } | null;
  readonly error: DurableError | null;
  readonly columns: readonly DurableColumn[] | null;
  readonly folded: boolean;
  readonly unlogged: boolean;
  readonly rowsTable: string | null;
  readonly rowsOid: number | null;
  readonly rowsState: 'pending' | 'stored' | 'lost' | null;
  readonly rowsError: string | null;
  readonly cancelRequested: boolean;
  readonly canceledBy: string | null;
  readonly seen: boolean;
  /** Never purged automatically. */
  readonly pinned: boolean;
  /** The limits and settings of the request; anything, because the owner can write it. */
  readonly requested: unknown;
  /** The place in a batch. */
  readonly batch: DurableBatch | null;
  /** Label and state of the job because of which this one was never launched; anything, as above. */
  readonly stoppedBy: unknown;
}

export interface DurableColumn {
  readonly name: string;
  readonly type: string;
  readonly typeOid?: number;
}

/** The place of a job in a batch. */
export interface DurableBatch {
  /** Equal for all jobs of the batch. */
  readonly key: string;
  readonly index: number;
  /** The id of the job after which the batch runs. */
  readonly after: string | null;
  /** What the statements have in common, and the session that they share; anything, as above. */
  readonly options: unknown;
}

/** A request for a statement of a batch. */
export interface DurableStatement extends RunRequest {
  readonly label: string;
  readonly session?: SharedSession;
}

/** How a batch runs. */
export interface DurableBatchOptions extends BatchOptions {
  /** The id of the job after which it runs. */
  readonly after?: string;
}

/** Facts about a durable job that other jobs do not have. */
export interface DurableFacts {
  /** On the server. */
  readonly id: string;
  /** The role that launched it, and whether it is the role of the connection. */
  readonly owner: string;
  readonly own: boolean;
  /** The commit log proves the outcome. */
  readonly proven: boolean;
  /** Someone has seen the outcome. */
  readonly seen: boolean;
  /** Long texts are cut. */
  readonly cut?: boolean;
  readonly keeperPid?: number;
  readonly keeperStart?: string;
  readonly xid?: string;
  readonly rows?: 'pending' | 'stored' | 'lost';
}

/** The complete error of a worker. There is no position: PL/pgSQL cannot read it. */
export interface DurableError {
  readonly sqlstate: string;
  readonly message: string;
  readonly detail: string | null;
  readonly hint: string | null;
  readonly context: string | null;
  readonly schema: string | null;
  readonly table: string | null;
  readonly column: string | null;
  readonly constraint: string | null;
  readonly datatype: string | null;
}

/**
 * `requested`: the keeper will cancel the worker, within seconds. `unreachable`: there is no keeper, and no worker that the role may
 * signal; the job may have ended. Undefined: there is no such job.
 */
export type CancelAnswer = 'canceled' | 'signaled' | 'requested' | 'unreachable' | 'finished' | undefined;

/** The payload of the notification that the setup was removed. Others are the id of a job. */
export const SETUP_CHANGED = 'setup';

/** Records, with what is needed to interpret them. */
export interface DurableList {
  /** Identifies the records among those of all databases: ids of jobs are unique below it. */
  readonly key: string;
  /** The server's clock, in the format of the records. */
  readonly now: string;
  readonly server?: ServerIdentity;
  readonly jobs: readonly DurableRecord[];
  /** There may be older finished jobs, which were not read: all from this id on were. */
  readonly from?: string;
}

/** Where the rows of a job are. */
export type StoredRows = Pick<DurableRecord, 'id' | 'rowsTable' | 'rowsOid' | 'rowsState'>;

/**
 * The durable jobs of one database, as the role of one connection sees them. Everything that reads or changes records throws the fault
 * `durable.notSetUp` if the setup was removed.
 */
export interface DurableServer {
  /**
   * Checks the setup, and asks the server for notifications. Call it after each connect.
   * @returns why durable jobs cannot be used
   */
  open(): Promise<Fault | undefined>;
  /** All jobs that have not ended, and the newest others, with the whole of their batches, oldest first. Long texts are cut. */
  list(): Promise<DurableList>;
  /** The jobs with these ids, as far as they exist. @param whole do not cut long texts */
  read(ids: readonly string[], whole?: boolean): Promise<DurableList>;
  /** Writes the outcome of jobs whose keeper has ended, as far as the server knows it. */
  resolve(): Promise<void>;
  /**
   * Launches a job.
   * @returns its id, and what cannot be kept or proved
   * @throws with the reason if nothing was launched, or if it is not known whether it was
   */
  launch(request: RunRequest & { readonly label: string }): Promise<{ id: string; notices: readonly Fault[] }>;
  /**
   * Launches a batch.
   * @returns the ids of its jobs, in order, and what cannot be kept or proved
   * @throws as {@link launch}; also if one of the statements cannot be run as it is written
   */
  launchBatch(
    statements: readonly DurableStatement[],
    options: DurableBatchOptions,
  ): Promise<{ ids: readonly string[]; notices: readonly Fault[] }>;
  /** Requests that a job is canceled. Never kills its worker. */
  cancel(id: string): Promise<CancelAnswer>;
  /** Notes that someone has seen how the jobs ended. */
  markSeen(ids: readonly string[]): Promise<void>;
  /** Pins or unpins a job. @returns false if there is no such job */
  pin(id: string, pinned: boolean): Promise<boolean>;
  /**
   * Copies the rows in the text format of COPY. Rejects if the connection is lost, or something else is in the place of the rows.
   * @param open called once the table of rows is verified, with the columns that the result has in addition to those of the record
   */
  copyRows(rows: StoredRows, open: (added: readonly DurableColumn[]) => Promise<Writable>): Promise<void>;
  /** @param listener gets the payload, which any role can choose */
  onNotify(listener: (payload: string) => void): Disposable;
}
