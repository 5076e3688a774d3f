import { QUEUE_FULL } from '../queueFull';
import type { JobFault } from '../faults';
import type { ActiveWorker } from '../ports';

/**
 * Why a worker that was asked to stop is still running, derived from `pg_stat_activity` (PostgreSQL, "The Cumulative Statistics System",
 * wait events).
 *
 * @param worker undefined if the server no longer shows it; null if the server could not be asked
 */
export function stuckReasonOf(worker: ActiveWorker | undefined | null): JobFault {
  if (worker === null) return { code: 'jobs.stuckUnknown' };
  if (!worker) return { code: 'jobs.stuckEnding' };
  const { waitEventType = '', waitEvent, state } = worker;
  // A cancel interrupts waits for locks, too: the SQL caught it, continued, and now waits.
  if (waitEventType === 'Lock') return onLock(worker);
  if (waitEvent === QUEUE_FULL) return { code: 'jobs.stuckOnQueue' };
  // A cancel interrupts every other wait, so the SQL caught it and continued.
  if (waitEvent !== undefined) {
    return { code: 'jobs.stuckCatchesCancel', params: { wait: `${waitEventType}/${waitEvent}` } };
  }
  return state === 'active' ? { code: 'jobs.stuckOnCpu' } : { code: 'jobs.stuckUnknown' };
}

function onLock({ blockers: [blocker] }: ActiveWorker): JobFault {
  if (!blocker) return { code: 'jobs.stuckOnLock', params: {} };
  const { pid, user, application } = blocker;
  return {
    code: 'jobs.stuckOnLock',
    params: { blocker: [`pid ${pid}`, user, application].filter(Boolean).join(', ') },
  };
}
