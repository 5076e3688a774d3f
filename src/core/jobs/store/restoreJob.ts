import type { JobFault } from '../faults';
import type { Job } from '../job';
import { isFinal } from '../states';

/** The result of restoring a job. */
export type RestoredAs = 'final' | 'held' | 'detached' | 'lost';

/**
 * Determines the state of a job from an earlier session (docs/internals/design.md), and moves the job to it.
 *
 * - Not launched yet: `held`, it waits until the user resumes it.
 * - A worker was attached: `detached`, only the server's activity view shows it.
 * - The launch was sent, but no worker was reported: `lost`, because another launch could run the SQL twice.
 *
 * @param now milliseconds since 1970
 */
export function restoreJob(job: Job, now: number): RestoredAs {
  const { state, pid, launchSentAt } = job.record;
  if (isFinal(state)) return 'final';
  if (pid !== undefined) {
    detach(job);
    return 'detached';
  }
  const held = { held: true, reason: { code: 'jobs.heldReloaded' } satisfies JobFault };
  if (state === 'queued') {
    job.update(held, { durable: true });
    return 'held';
  }
  if (launchSentAt === undefined && state === 'launching') {
    job.transition('requeue', held);
    return 'held';
  }
  if (launchSentAt === undefined && state === 'canceling') {
    job.transition('cancelSettled', { finishedAt: now, reason: CANCELED });
    return 'lost';
  }
  job.transition('lose', { finishedAt: now, reason: RELOADED_DURING_LAUNCH });
  return 'lost';
}

const CANCELED: JobFault = { code: 'jobs.canceledBeforeLaunch' };
const RELOADED_DURING_LAUNCH: JobFault = { code: 'jobs.reloadedDuringLaunch' };
const RELOADED: JobFault = { code: 'jobs.reloaded' };

function detach(job: Job): void {
  const facts = { sessionLost: true, reason: RELOADED };
  switch (job.state) {
    case 'launching':
    case 'running':
    case 'reading':
      job.transition('detach', facts);
      break;
    case 'canceling':
      // Its grace window ended with the window that measured it.
      if (job.record.cancel?.signaledAt === undefined) job.transition('resumeDetached', facts);
      else job.transition('graceOver', facts);
      break;
    default:
      job.update(facts, { durable: true });
  }
}
