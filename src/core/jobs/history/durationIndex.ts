import { sqlFingerprint } from '../../sql/normalizedSql';
import type { Job, JobRecord } from '../job';
import { MAX_RUNS, usualDuration, type UsualDuration } from './usualDuration';

/**
 * Fingerprints that records of older versions lack are computed from this much SQL per {@link PERIOD_MS}, so that a long history does not
 * block a redraw: the rows of running jobs are redrawn every second. UTF-16 units.
 */
const MAX_READ_PER_PERIOD = 500_000;
const PERIOD_MS = 1000;

interface Run {
  readonly id: string;
  readonly queuedAt: number;
  readonly durationMs: number;
}

/** Successful runs by connection and normalized SQL. */
export class DurationIndex {
  /** The runs of each key, oldest first. */
  readonly #runs = new Map<string, Run[]>();
  /** The key of each job that is in {@link #runs}. */
  readonly #keys = new Map<string, string>();
  /** Records of older versions, whose fingerprints are computed when they are needed. */
  readonly #unread = new Map<string, JobRecord>();
  /** The fingerprints of jobs that have none in their records. */
  readonly #computed = new Map<string, string>();
  readonly #now: () => number;
  #periodStart = -Infinity;
  #read = 0;

  /** @param now monotonic, milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Adds a job if it succeeded and its duration is known. Other jobs and known ones are ignored. */
  add({ id, state, record }: Job): void {
    if (state !== 'succeeded' || this.#keys.has(id) || !isMeasured(record)) return;
    if (record.fingerprint === undefined) this.#unread.set(id, record);
    else this.#insert(record, record.fingerprint);
  }

  remove(id: string): void {
    const key = this.#keys.get(id);
    this.#unread.delete(id);
    this.#computed.delete(id);
    this.#keys.delete(id);
    if (key === undefined) return;
    const left = (this.#runs.get(key) ?? []).filter((run) => run.id !== id);
    if (left.length > 0) this.#runs.set(key, left);
    else this.#runs.delete(key);
  }

  /** The usual duration of the runs that were requested before this job; undefined if there are too few. */
  usual({ id, record }: Job): UsualDuration | undefined {
    this.#readMore();
    if (record.durable?.cut === true) return undefined;
    const fingerprint = this.#fingerprint(id, record);
    if (fingerprint === undefined) return undefined;
    const runs = this.#runs.get(keyOf(record, fingerprint)) ?? [];
    const durations: number[] = [];
    for (let at = runs.length - 1; at >= 0 && durations.length < MAX_RUNS; at--) {
      const run = runs[at];
      if (run && run.id !== id && run.queuedAt <= record.queuedAt) durations.push(run.durationMs);
    }
    return usualDuration(durations);
  }

  /** Undefined if it is not known yet and cannot be computed in this period. */
  #fingerprint(id: string, { fingerprint, request }: JobRecord): string | undefined {
    let known = fingerprint ?? this.#computed.get(id);
    if (known !== undefined || !this.#mayRead()) return known;
    this.#read += request.sql.length;
    this.#computed.set(id, (known = sqlFingerprint(request.sql)));
    return known;
  }

  #mayRead(): boolean {
    const now = this.#now();
    if (now - this.#periodStart >= PERIOD_MS) {
      this.#periodStart = now;
      this.#read = 0;
    }
    return this.#read < MAX_READ_PER_PERIOD;
  }

  #readMore(): void {
    for (const [id, record] of this.#unread) {
      const fingerprint = this.#fingerprint(id, record);
      if (fingerprint === undefined) return;
      this.#unread.delete(id);
      this.#insert(record, fingerprint);
    }
  }

  #insert(record: JobRecord, fingerprint: string): void {
    const { id, queuedAt, launchedAt, finishedAt } = record;
    if (launchedAt === undefined || finishedAt === undefined) return;
    const key = keyOf(record, fingerprint);
    const runs = this.#runs.get(key) ?? [];
    let at = runs.length;
    while (at > 0 && (runs[at - 1]?.queuedAt ?? 0) > queuedAt) at--;
    runs.splice(at, 0, { id, queuedAt, durationMs: Math.max(0, finishedAt - launchedAt) });
    this.#runs.set(key, runs);
    this.#keys.set(id, key);
  }
}

/**
 * Not a durable job of another role, with a part of its SQL only, or whose end was recorded later than it came, because its keeper had
 * ended: only those have a reason.
 */
function isMeasured({ durable, reason }: JobRecord): boolean {
  return durable === undefined || (durable.own && durable.cut !== true && reason === undefined);
}

function keyOf({ connection }: JobRecord, fingerprint: string): string {
  return `${fingerprint}:${connection}`;
}
