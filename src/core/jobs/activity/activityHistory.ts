import type { ActiveWorker, ActivitySnapshot } from '../ports';
import { workKindOf, type ActivitySample, type WorkKind } from './workKind';

/** How many samples of each worker are kept. */
const MAX_SAMPLES = 60;
/** Snapshots that follow a sample within this time are not sampled: while workers are launched, there are 25 per second. Milliseconds. */
const SAMPLE_MS = 900;
/** How long others must have waited for a worker until it is reported. Milliseconds. */
const BLOCKING_MS = 5_000;

interface Known {
  readonly samples: ActivitySample[];
  /** The kind that is shown. */
  kind: WorkKind | undefined;
  /** Since when each process has waited for the worker. */
  readonly waiters: Map<number, number>;
}

/**
 * What the workers of one server did, sampled from the snapshots that are taken anyway, about once per second. It has no clock: a worker
 * that was not watched has a gap in its samples. A worker is forgotten once a snapshot does not show it.
 */
export class ActivityHistory {
  #workers = new Map<string, Known>();

  /** Adds a snapshot. @returns it, with what its samples show about each worker */
  add(snapshot: ActivitySnapshot): ActivitySnapshot {
    const before = this.#workers;
    this.#workers = new Map();
    const workers = snapshot.workers.map((worker): ActiveWorker => {
      const key = keyOf(worker);
      const known: Known = before.get(key) ?? { samples: [], kind: undefined, waiters: new Map() };
      this.#workers.set(key, known);
      sample(known, worker, snapshot.at);
      const blocking = blockedFor(known, worker, snapshot.at);
      return {
        ...worker,
        ...(known.kind === undefined ? {} : { kind: known.kind }),
        ...(blocking.length === 0 ? {} : { blocking }),
      };
    });
    return { ...snapshot, workers };
  }

  /** The newest samples of a worker, oldest first. */
  of(worker: Pick<ActiveWorker, 'pid' | 'backendStart'>): readonly ActivitySample[] {
    return this.#workers.get(keyOf(worker))?.samples ?? [];
  }
}

function keyOf({ pid, backendStart }: Pick<ActiveWorker, 'pid' | 'backendStart'>): string {
  return `${pid}:${backendStart}`;
}

function sample(known: Known, worker: ActiveWorker, at: number): void {
  const { samples } = known;
  const last = samples.at(-1);
  if (last && at - last.at < SAMPLE_MS) return;
  const { waitEventType, waitEvent, blockers } = worker;
  const kind = workKindOf(worker);
  samples.push({
    at,
    kind,
    ...(waitEventType === undefined ? {} : { waitEventType }),
    ...(waitEvent === undefined ? {} : { waitEvent }),
    blockers: blockers.map(({ pid }) => pid),
  });
  if (samples.length > MAX_SAMPLES) samples.shift();
  known.kind = calmKind(known.kind, samples);
}

/**
 * The kind to show: one that the last two samples have. Until there was such a pair, two of the last three, because a worker may alternate.
 * What was shown before stays until then, so that the row does not flicker.
 */
function calmKind(shown: WorkKind | undefined, samples: readonly ActivitySample[]): WorkKind | undefined {
  const [third, second, last] = [samples.at(-3)?.kind, samples.at(-2)?.kind, samples.at(-1)?.kind];
  if (last === second) return last;
  if (shown === undefined && third !== undefined && (third === last || third === second)) return third;
  return shown;
}

/** The processes that have waited for the worker in each snapshot for more than a moment. */
function blockedFor({ waiters }: Known, { blocks = [] }: ActiveWorker, at: number): number[] {
  for (const pid of waiters.keys()) if (!blocks.includes(pid)) waiters.delete(pid);
  for (const pid of blocks) if (!waiters.has(pid)) waiters.set(pid, at);
  return blocks.filter((pid) => at - (waiters.get(pid) ?? at) >= BLOCKING_MS);
}
