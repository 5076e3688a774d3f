import type { ActivitySample } from '../activity/workKind';
import { QUEUE_FULL } from '../queueFull';
import type { JobFault } from '../faults';
import { blockerText } from '../blockerText';
import type { ActiveWorker } from '../ports';

/** Waits that a cancel does not interrupt: they prove nothing about the SQL. */
const UNINTERRUPTED: ReadonlySet<string> = new Set(['IO', 'LWLock']);

/** A worker that never waits in this many samples is computing. */
const MIN_SAMPLES = 3;

type Waiting = ActiveWorker | ActivitySample;

/** Whether the worker waits for something that a cancel would have interrupted. */
function isCaught({ waitEventType = '', waitEvent }: Waiting): boolean {
  return waitEvent !== undefined && waitEvent !== QUEUE_FULL && !UNINTERRUPTED.has(waitEventType);
}

/**
 * Why a worker that was asked to stop is still running, derived from `pg_stat_activity` (PostgreSQL, "The Cumulative Statistics System",
 * wait events).
 *
 * @param worker undefined if the server no longer shows it; null if the server could not be asked
 * @param earlier samples since the cancel: one that is computing now may have caught the cancel before
 */
export function stuckReasonOf(worker: ActiveWorker | undefined | null, earlier: readonly Waiting[] = []): JobFault {
  if (worker === null) return { code: 'jobs.stuckUnknown' };
  if (!worker) return { code: 'jobs.stuckEnding' };
  const { waitEventType = '', waitEvent, state } = worker;
  // A cancel interrupts waits for locks, too: the SQL caught it, continued, and now waits.
  if (waitEventType === 'Lock') return onLock(worker);
  if (waitEvent === QUEUE_FULL) return { code: 'jobs.stuckOnQueue' };
  // A cancel interrupts these waits, so the SQL caught it and continued.
  if (isCaught(worker)) return { code: 'jobs.stuckCatchesCancel', params: { wait: `${waitEventType}/${waitEvent}` } };
  const caught = earlier.findLast(isCaught);
  if (caught) {
    const params = { wait: `${caught.waitEventType ?? ''}/${caught.waitEvent ?? ''}` };
    return { code: 'jobs.stuckCaughtCancel', params };
  }
  if (waitEvent !== undefined) return { code: 'jobs.stuckInWait', params: { wait: `${waitEventType}/${waitEvent}` } };
  if (state !== 'active') return { code: 'jobs.stuckUnknown' };
  const samples = [...earlier, worker];
  const computes = samples.length >= MIN_SAMPLES && samples.every((sample) => sample.waitEvent === undefined);
  return computes ? { code: 'jobs.stuckComputing', params: { samples: samples.length } } : { code: 'jobs.stuckOnCpu' };
}

function onLock({ blockers: [blocker] }: ActiveWorker): JobFault {
  if (!blocker) return { code: 'jobs.stuckOnLock', params: {} };
  return { code: 'jobs.stuckOnLock', params: { blocker: blockerText(blocker) } };
}
