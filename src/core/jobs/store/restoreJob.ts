import type { Job } from '../job';
import { isFinal } from '../states';

/**
 * Decides what a job of an earlier life is now (DESIGN: history and reload), and moves it there.
 *
 * - Not launched yet: `held`, it waits for the user's word.
 * - A worker was attached: `detached`, only the server's activity view can tell about it.
 * - The launch was sent, but nobody heard of a worker: `lost`, since launching again could run it twice.
 */
export function takeUp(job: Job, now: number): 'final' | 'held' | 'detached' | 'lost' {
  const { record } = job;
  if (isFinal(record.state)) return 'final';
  if (record.pid !== undefined) {
    adopt(job);
    return 'detached';
  }
  if (record.state === 'queued') {
    job.note({ held: true, reason: 'VS Code was reloaded before its turn came.' });
    return 'held';
  }
  if (record.launchSentAt === undefined && record.state === 'launching') {
    job.apply('noSlot', { held: true, reason: 'VS Code was reloaded before it was launched.' });
    return 'held';
  }
  if (record.launchSentAt === undefined && record.state === 'canceling') {
    job.apply('cancelSettled', { finishedAt: now, reason: 'It was canceled before it was launched.' });
    return 'lost';
  }
  const reason =
    'VS Code stopped during its launch, so the SQL may or may not run: look for it among the other workers.';
  job.apply('lose', { finishedAt: now, reason });
  return 'lost';
}

function adopt(job: Job): void {
  const { record } = job;
  const reason =
    'VS Code was reloaded while it ran: it can be watched and canceled, but its rows and outcome are lost.';
  switch (record.state) {
    case 'launching':
    case 'running':
    case 'reading':
      job.apply('detach', { detached: true, reason });
      break;
    case 'canceling':
      // Its grace window went with the window that watched it.
      if (record.cancel?.signaledAt === undefined) job.apply('resumeDetached', { detached: true, reason });
      else job.apply('graceOver', { detached: true, reason });
      break;
    default:
      job.note({ detached: true, reason });
  }
}
