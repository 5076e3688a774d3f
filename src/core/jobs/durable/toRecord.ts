/** Shows the record of a durable job on the server as a job. Pure. */
import * as v from 'valibot';
import type { JobState, RunRequest } from '../../../api';
import type { Fault } from '../../base/fault';
import { BATCH_PART, type BatchPart } from '../batches/batchPart';
import type { RecordedError } from '../errors';
import type { JobFault } from '../faults';
import type { CancelRecord, JobRecord, JobSource } from '../job';
import type { Column, RowsKept } from '../ports';
import type { ServerIdentity } from '../serverIdentity';
import { faultySetting } from '../settingNames';
import { boundFacts } from '../textBudget';
import type { DurableJobFault } from './faults';
import type { DurableError, DurableRecord } from './ports';

/** What only this window knows about a durable job. */
export interface LocalFacts {
  /** The request, if it was launched here. */
  readonly request?: RunRequest;
  readonly source?: JobSource;
  readonly notify?: true;
  /** A cancel that was requested here. */
  readonly cancel?: CancelRecord;
  /** The grace window of that cancel has passed. */
  readonly unresponsive?: boolean;
  /** The columns as they were read, if the record does not have them. */
  readonly columns?: readonly Column[];
  readonly rows?: RowsKept;
}

/** Where a record was read. */
export interface ReadFrom {
  /** The id of the job in this extension. */
  readonly id: string;
  readonly connection: string;
  readonly server?: ServerIdentity;
  /** Milliseconds to add to times of the server to get those of this computer. */
  readonly clockOffset: number;
}

export function hasEnded({ state, here }: Pick<DurableRecord, 'state' | 'here'>): boolean {
  return (state !== 'queued' && state !== 'running') || !here;
}

export function toRecord(durable: DurableRecord, from: ReadFrom, local: LocalFacts = {}): JobRecord {
  const { id, connection, server, clockOffset } = from;
  const { label, workerPid, workerStart, rowCount, commandTag, progress, error } = durable;
  // A role can record times for its own jobs that are no dates here, such as infinity.
  const time = (text: string | null): number | undefined => {
    const at = Date.parse(text ?? '');
    return Number.isNaN(at) ? undefined : at + clockOffset;
  };
  const launchedAt = time(durable.startedAt);
  const finishedAt = time(durable.finishedAt) ?? (hasEnded(durable) ? time(durable.queuedAt) : undefined);
  const reason = reasonOf(durable);
  const columns = local.columns ?? columnsOf(durable);
  const { source, notify, cancel, rows } = local;
  const batch = batchOf(durable, id);
  return boundFacts<JobRecord>({
    version: 1,
    id,
    label,
    request: local.request ?? requestOf(durable, connection),
    connection,
    owner: '',
    state: stateOf(durable, local),
    // The statements of a batch are queued within a millisecond.
    queuedAt: (time(durable.queuedAt) ?? 0) + (batch?.index ?? 0) / 1000,
    noticeCount: 0,
    sessionLost: false,
    held: false,
    durable: factsOf(durable),
    ...(workerPid === null ? {} : { pid: workerPid }),
    ...(workerStart === null ? {} : { backendStart: workerStart }),
    ...(server && { server }),
    ...(batch && { batch }),
    ...(launchedAt === undefined ? {} : { launchedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(launchedAt === undefined || finishedAt === undefined ? {} : { serverMs: finishedAt - launchedAt }),
    ...(typeof progress?.pct === 'number' && { progress: { pct: progress.pct, message: progress.message ?? '' } }),
    ...(rowCount === null ? {} : { rowCount: Number(rowCount) }),
    ...(commandTag === null ? {} : { commandTag }),
    ...(error && { error: errorOf(error) }),
    ...(reason && { reason }),
    ...(columns && { columns }),
    ...(rows && { rows }),
    ...(source && { source }),
    ...(notify && { notify }),
    ...(cancel && { cancel }),
  });
}

function stateOf(durable: DurableRecord, { cancel, unresponsive }: LocalFacts): JobRecord['state'] {
  if (!hasEnded(durable)) {
    if (unresponsive === true) return 'unresponsive';
    if (cancel || durable.cancelRequested) return 'canceling';
  }
  switch (durable.state) {
    case 'queued':
      // A keeper launches it at once, unless it waits for the others of its batch.
      return !durable.here ? 'finished' : durable.batch ? 'queued' : 'launching';
    case 'running':
      return durable.here ? 'running' : 'finished';
    case 'unknown':
      return 'finished';
    default:
      return durable.state;
  }
}

function reasonOf({
  state,
  reason,
  here,
  gated,
  rowsState,
  rowsError,
  canceledBy,
  own,
  stoppedBy,
}: DurableRecord): Fault | undefined {
  const fault = ((): DurableJobFault | JobFault | undefined => {
    if (!here && (state === 'queued' || state === 'running')) return { code: 'durableJobs.otherCluster' };
    switch (reason) {
      case 'no_slot':
        return { code: 'durableJobs.noSlot' };
      case 'not_launched':
        return { code: 'durableJobs.notLaunched' };
      case 'never_began':
        return { code: 'durableJobs.neverBegan' };
      case 'keeper_lost':
        return { code: gated ? 'durableJobs.keeperLost' : 'durableJobs.keeperLostUnproven' };
      case 'worker_lost':
        return { code: 'durableJobs.workerLost' };
      case 'outcome_expired':
        return { code: 'durableJobs.outcomeExpired' };
      case 'batch_stopped':
        return { code: 'jobs.batchStopped', params: causeOf(stoppedBy) };
      case null:
        return state === 'canceled' && !own && canceledBy !== null
          ? { code: 'durableJobs.canceledBy', params: { role: canceledBy } }
          : undefined;
    }
  })();
  if (state === 'succeeded' && rowsState === 'lost') {
    return { code: 'durableJobs.rowsNotKept', params: { message: rowsError ?? '' }, ...(fault && { cause: fault }) };
  }
  return fault;
}

/** The job because of which another one was never launched, as the owner recorded it. */
function causeOf(stoppedBy: unknown): { readonly label: string; readonly state: JobState } {
  const { label, state } = (typeof stoppedBy === 'object' && stoppedBy !== null ? stoppedBy : {}) as Record<
    string,
    unknown
  >;
  return {
    label: typeof label === 'string' ? label : '',
    state: state === 'failed' || state === 'canceled' ? state : 'finished',
  };
}

/** The place in a batch. What the owner recorded may be anything: then the job is listed alone. */
function batchOf({ id, batch, own, owner }: DurableRecord, ownId: string): BatchPart | undefined {
  if (!batch || typeof batch.options !== 'object') return undefined;
  // Another role could use the same key.
  const key = own ? batch.key : `${batch.key}-${owner}`;
  const prefix = ownId.slice(0, ownId.length - id.length);
  const { success, output } = v.safeParse(BATCH_PART, {
    ...batch.options,
    id: batch.after === null ? `${prefix}b${key}` : prefix + batch.after,
    index: batch.index,
  });
  return success ? (output as BatchPart) : undefined;
}

function factsOf(durable: DurableRecord): NonNullable<JobRecord['durable']> {
  const { keeperPid, keeperStart, workerXid, rowsState, own, seen, cut } = durable;
  return {
    id: durable.id,
    owner: durable.owner,
    own,
    proven: durable.gated,
    seen,
    ...(cut && { cut }),
    ...(keeperPid === null ? {} : { keeperPid }),
    ...(keeperStart === null ? {} : { keeperStart }),
    ...(workerXid === null ? {} : { xid: workerXid }),
    ...(rowsState === null ? {} : { rows: rowsState }),
  };
}

/** The columns once the rows can be read. Those of a folded result are known with its first row only. */
function columnsOf({ columns, rowsState, folded }: DurableRecord): readonly Column[] | undefined {
  if (rowsState !== 'stored') return undefined;
  return folded ? [] : (columns ?? []);
}

function errorOf(error: DurableError): RecordedError {
  const { sqlstate, message } = error;
  const fields = ['detail', 'hint', 'context', 'schema', 'table', 'column', 'constraint'] as const;
  const given = fields.flatMap((field) => (error[field] === null ? [] : [[field, error[field]] as const]));
  return { sqlstate, message, ...Object.fromEntries(given) };
}

/** The request, as its owner recorded it: it may contain anything. */
function requestOf({ sql, label, requested }: DurableRecord, connection: string): RunRequest {
  const { statementTimeoutMs, workerTimeoutMs, settings, into, readOnly } = (
    typeof requested === 'object' && requested !== null ? requested : {}
  ) as Record<string, unknown>;
  const limit = (value: unknown): value is number => typeof value === 'number' && value >= 0;
  return {
    sql,
    label,
    connection,
    durable: true,
    ...(limit(statementTimeoutMs) && { statementTimeoutMs }),
    ...(limit(workerTimeoutMs) && { workerTimeoutMs }),
    ...(typeof into === 'string' && { into }),
    ...(readOnly === true && { readOnly }),
    ...(settings !== undefined &&
      faultySetting(settings) === undefined && { settings: settings as RunRequest['settings'] }),
  } as RunRequest;
}
