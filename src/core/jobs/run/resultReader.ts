import { Writable } from 'node:stream';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { faultOf, type Fault } from '../../base/fault';
import { WorkerFailedError, type RecordedError } from '../errors';
import type { JobFault } from '../faults';
import { findWorker } from '../findWorker';
import type { Job } from '../job';
import { bareTag, rowsOfTag } from '../outcome';
import type { ActivitySnapshot, JobFiles, RowPlan, RowSink, ServerLink, WorkerHandle, WorkerSession } from '../ports';
import { compareServers, serverOfSnapshot } from '../serverIdentity';

/** A connection over which no rows arrive for this long although its worker is gone is dead. Milliseconds. */
const STALLED_MS = 30_000;

/** The result of reading: the rows, and why they could not be kept; or the worker's error. */
export type ReadResult =
  | { readonly rows: number; readonly tag: string; readonly problem?: Fault }
  | { readonly error: RecordedError; readonly interrupted?: boolean; readonly unreadable?: boolean };

export interface ReaderContext {
  readonly job: Job;
  readonly session: WorkerSession;
  readonly worker: WorkerHandle;
  readonly link: ServerLink;
  readonly files: JobFiles;
  readonly clock: Clock;
}

/** Reads the rows, messages, and errors of one worker, and stores the rows. */
export class ResultReader {
  #reading = false;

  readonly #context: ReaderContext;

  constructor(context: ReaderContext) {
    this.#context = context;
  }

  /** Whether rows are being read. */
  get reading(): boolean {
    return this.#reading;
  }

  /**
   * Reads the worker's result; consumes the worker's handle. Rejects if the session is lost.
   * @param options `keepRows: false` reads only the messages and the error
   */
  async read(plan: RowPlan, { keepRows = true } = {}): Promise<ReadResult> {
    const { job } = this.#context;
    if (job.state === 'running') job.transition('read');
    this.#reading = true;
    const stall = this.#watchStall();
    try {
      if (!keepRows || plan.mode === 'none') return withTag(await this.#readInto(discard(), plan), plan.tag);
      return plan.mode === 'tag' ? await this.#readTag(plan) : await this.#readRows(plan);
    } finally {
      this.#reading = false;
      stall.dispose();
      job.save();
    }
  }

  async #readTag(plan: RowPlan): Promise<ReadResult> {
    const last = collectTag();
    const read = await this.#readInto(last.stream, plan);
    if ('error' in read) return read;
    return { ...read, tag: bareTag(last.text()), rows: rowsOfTag(last.text()) };
  }

  async #readRows(plan: RowPlan): Promise<ReadResult> {
    const { job, files, clock } = this.#context;
    const noteColumns = (columns: RowPlan['columns']): void => job.update({ columns }, { durable: false });
    let sink: RowSink;
    try {
      sink = await files.createRows(job.id, plan.columns, plan.mode === 'unfold', noteColumns);
    } catch (error) {
      const read = withTag(await this.#readInto(discard(), plan), plan.tag);
      return 'error' in read ? read : { ...read, problem: notKept(error) };
    }
    // Only now, because listeners open the rows as soon as the job has columns.
    if (job.record.columns === undefined) noteColumns(plan.columns);
    try {
      const read = await this.#readInto(sink.stream, plan);
      if ('error' in read) return read;
      return { ...read, tag: plan.tag, rows: read.rows - (sink.notRows?.() ?? 0) };
    } finally {
      const rows = await sink.finish();
      job.update({ rows }, { durable: false });
      if (rows.fault !== undefined) await job.addWarning(rows.fault, clock.now());
    }
  }

  async #readInto(sink: Writable, plan: RowPlan): Promise<RowsRead> {
    const { session, worker } = this.#context;
    try {
      const { rows, sinkError } = await session.read(worker, plan, sink);
      return { rows, ...(sinkError ? { problem: notKept(sinkError) } : {}) };
    } catch (error) {
      if (!(error instanceof WorkerFailedError)) throw error;
      const { interrupted, unreadable } = error;
      return { error: error.error, unreadable, ...(interrupted === undefined ? {} : { interrupted }) };
    }
  }

  /**
   * Detects a dead connection, which delivers neither rows nor an end. The session is destroyed if the server answers and no longer shows
   * the worker, and still nothing arrives. A server that does not answer at all is waited for.
   */
  #watchStall(): Disposable {
    const { session, clock, link } = this.#context;
    const idle = (ms: number): boolean => session.reading && session.idleMs() > ms;
    let timer: Disposable | undefined;
    /** When the server first reported that the worker has ended although nothing arrives. Monotonic milliseconds. */
    let suspectedAt: number | undefined;
    const check = (): void => {
      timer = clock.after(STALLED_MS / 2, check);
      if (!idle(STALLED_MS)) {
        suspectedAt = undefined;
        return;
      }
      link.refresh().then(
        (snapshot) => {
          if (!idle(STALLED_MS) || this.#mayShowWorker(snapshot)) return;
          // Server and session may both have just recovered: the rows have until the next check to arrive.
          if (suspectedAt !== undefined && idle(clock.monotonic() - suspectedAt)) session.destroy();
          suspectedAt ??= clock.monotonic();
        },
        () => undefined,
      );
    };
    timer = clock.after(STALLED_MS, check);
    return { dispose: () => timer?.dispose() };
  }

  /** False if the worker's server no longer shows the worker. A snapshot of another server proves nothing. */
  #mayShowWorker(snapshot: ActivitySnapshot): boolean {
    const { record } = this.#context.job;
    const { server } = record;
    if (server !== undefined && compareServers(server, serverOfSnapshot(snapshot)) === 'other') return true;
    return findWorker(snapshot, record) !== undefined;
  }
}

type RowsRead = { readonly rows: number; readonly problem?: Fault } | Extract<ReadResult, { error: unknown }>;

function withTag(read: RowsRead, tag: string): ReadResult {
  return 'error' in read ? read : { ...read, tag };
}

function notKept(error: unknown): JobFault {
  return { code: 'jobs.rowsNotKept', cause: faultOf(error) };
}

export function discard(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

/** More than the longest command tag. Bytes. */
const TAG_BYTES = 200;

/** If the last statement returns no rows, the tags of all statements arrive, one per row. Keeps the last one. */
function collectTag(): { readonly stream: Writable; text(): string } {
  let text = '';
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text = (text + chunk.subarray(-TAG_BYTES).toString('utf8')).slice(-TAG_BYTES);
      done();
    },
  });
  return { stream, text: () => text.split('\n').findLast((line) => line !== '') ?? '' };
}
