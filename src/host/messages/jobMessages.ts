import { l10n } from 'vscode';
import type { JobFaults } from '../../core/jobs/faults';
import type { Messages } from './messages';
import { serverText } from './serverText';

/** The sentences for the problems and reasons of jobs. */
export const JOB_MESSAGES: Messages<JobFaults> = {
  'jobs.heldDisconnected': () => l10n.t('Its connection was disconnected before the job was launched.'),
  'jobs.heldReloaded': () => l10n.t('VS Code was reloaded before the job was launched.'),
  'jobs.batchUnknown': ({ label }) =>
    l10n.t('The outcome of “{0}” is unknown, so the batch waits until you resume it.', label),
  'jobs.noSlot': ({ message, used, total }) =>
    used === undefined || total === undefined
      ? l10n.t('The server has no free worker slot: {0}. The launch is retried automatically.', message)
      : l10n.t(
          'The server has no free worker slot (max_worker_processes: at least {0} of {1} in use, {2} free at most): {3}. The launch is retried automatically.',
          used,
          total,
          Math.max(0, total - used),
          message,
        ),
  'jobs.noPlace': ({ elsewhere, limit }) => {
    if (elsewhere === 0) return l10n.t('Waits for a free place: an older job of another window is next.');
    return elsewhere === 1
      ? l10n.t(
          'Waits for a free place: 1 job of this connection was launched in another window (at most {0} run at once).',
          limit,
        )
      : l10n.t(
          'Waits for a free place: {0} jobs of this connection were launched in other windows (at most {1} run at once).',
          elsewhere,
          limit,
        );
  },
  'jobs.sessionLimit': ({ message }) =>
    l10n.t(
      'The session may launch no more workers (pg_background.max_workers): {0}. The launch is retried automatically.',
      message,
    ),
  'jobs.withdrawn': (_, cause) => l10n.t('{0} The launch is retried automatically.', cause),
  'jobs.notAdopted': () =>
    l10n.t('It cannot be launched while the folder of jobs cannot be written. The launch is retried automatically.'),

  'jobs.lockTimeout': ({ attempt, attempts, seconds, message }) =>
    l10n.t(
      'Attempt {0} of {1} was rolled back: {2}. The next one is launched {3} s later.',
      attempt,
      attempts,
      message,
      seconds,
    ),

  'jobs.canceledBeforeLaunch': () => l10n.t('Canceled before it was launched.'),
  'jobs.canceledBeforeStart': () => l10n.t('The worker stopped before it began to run the SQL.'),
  'jobs.canceledBeforeRetry': ({ attempt }) =>
    l10n.t('Canceled before attempt {0}. Everything before it was rolled back.', attempt),
  'jobs.batchStopped': ({ label, state }) => {
    switch (state) {
      case 'failed':
        return l10n.t('Not launched, because “{0}” failed.', label);
      case 'canceled':
        return l10n.t('Not launched, because “{0}” was canceled.', label);
      default:
        return l10n.t('Not launched, because the outcome of “{0}” is unknown.', label);
    }
  },

  'jobs.limitReached': ({ name, ms }) =>
    ms === undefined ? l10n.t('It reached its {0}.', name) : l10n.t('It reached its {0} of {1} ms.', name, ms),
  'jobs.stoppedFromOutside': () =>
    l10n.t(
      'It was terminated or canceled from outside, for example with pg_terminate_backend or pg_cancel_backend by another session: no cancel was requested here, and no time limit was reached.',
    ),
  'jobs.failedWithoutMessage': () => l10n.t('The worker failed, and the server kept no message.'),

  'jobs.serverCrashed': (_, cause) =>
    afterSessionLoss(
      l10n.t(
        'A server process crashed or was killed, so the server ended all of its processes: the work was rolled back unless it had already committed.',
      ),
      cause,
    ),
  'jobs.serverRestarted': (_, cause) =>
    afterSessionLoss(
      l10n.t(
        'The server was restarted while the job was running: the work was rolled back unless it had already committed.',
      ),
      cause,
    ),
  'jobs.workerDied': ({ message }) =>
    l10n.t(
      'The worker was terminated or died while its rows were being read ({0}). See the server log for details; nothing is known to be committed.',
      message,
    ),
  'jobs.noOutcome': () =>
    l10n.t(
      'The worker stopped without reporting an outcome: it ended before it ran the SQL, or it died. See the server log for details; nothing is known to be committed.',
    ),
  'jobs.lostDuringLaunch': (_, cause) =>
    l10n.t(
      '{0} This happened during the launch, so the SQL may or may not be running: look for it among the other workers.',
      cause,
    ),
  'jobs.reloadedDuringLaunch': () =>
    l10n.t(
      'VS Code stopped during the launch, so the SQL may or may not be running: look for it among the other workers.',
    ),
  'jobs.recordDamaged': () =>
    l10n.t(
      'Its record on disk was damaged when its window closed, so its outcome is unknown: look for its worker among the other workers.',
    ),

  'jobs.trackingStopped': () => l10n.t('You stopped tracking it. The worker keeps running.'),
  'jobs.queueFull': () =>
    l10n.t('Its queue is full and its rows cannot be read, so tracking stopped. The worker keeps running.'),
  'jobs.sessionLost': (_, cause) =>
    l10n.t('{0} The worker may still be running; its rows and outcome are lost.', cause),
  'jobs.unreadableOutput': ({ message }) =>
    l10n.t(
      'Its output is not valid text ({0}), so its rows and outcome are lost. The worker keeps running unless it has already ended.',
      message,
    ),
  'jobs.reloaded': () =>
    l10n.t(
      'VS Code was reloaded while it was running: it can be watched and canceled, but its rows and outcome are lost.',
    ),
  'jobs.onOtherServer': ({ place, start, jobPlace, jobStart }, cause) =>
    afterSessionLoss(
      l10n.t(
        'The connection now leads to {0}, but the job was launched on {1}. Its worker may still be running there; watching resumes when the connection leads there again.',
        serverText({ place, start }),
        serverText({ place: jobPlace, start: jobStart }),
      ),
      cause,
    ),
  'jobs.backOnServer': (_, cause) =>
    afterSessionLoss(l10n.t('The worker is running; the connection leads to its server again.'), cause),
  'jobs.transactionPooler': () =>
    l10n.t(
      'A pooling proxy in transaction mode (such as PgBouncer) is between VS Code and the server, so another session launched the worker: connect to PostgreSQL directly, or use the proxy in session mode.',
    ),

  'jobs.endedUntracked': (_, cause) =>
    afterSessionLoss(l10n.t('The worker ended while it was not being tracked, so its outcome is unknown.'), cause),
  'jobs.connectionEdited': (_, cause) =>
    afterSessionLoss(
      l10n.t(
        'The connection was edited and leads to another server, or to one that was restarted: what became of the worker is unknown.',
      ),
      cause,
    ),
  'jobs.outcomeUnsupported': () =>
    l10n.t('This version of pg_background cannot report how a worker ended if its rows cannot be read.'),

  'jobs.rowsNotKept': (_, cause) => l10n.t('The rows could not be kept: {0}', cause),
  'jobs.rowsNotRead': (_, cause) => l10n.t('The rows could not be read: {0}', cause),

  'jobs.stuckEnding': () => l10n.t('The server no longer shows the worker; its outcome is being read.'),
  'jobs.stuckOnLock': ({ blocker }) =>
    blocker === undefined
      ? l10n.t('Its SQL caught the cancel and now waits for a lock.')
      : l10n.t('Its SQL caught the cancel and now waits for a lock held by {0}.', blocker),
  'jobs.stuckOnQueue': () => l10n.t('It waits to write rows or messages to a full queue.'),
  'jobs.stuckOnSameLock': ({ wait, samples, blocker }) =>
    blocker === undefined
      ? l10n.t(
          'Its SQL caught the cancel and has waited for the same lock ({0}) in all {1} samples. It continues when that lock is released: the Activity view shows who holds it.',
          wait,
          samples,
        )
      : l10n.t(
          'Its SQL caught the cancel and has waited for the same lock ({0}), held by {2}, in all {1} samples. It continues when that process releases it: the Activity view can end that process.',
          wait,
          samples,
          blocker,
        ),
  'jobs.stuckOnUnreadQueue': ({ samples }) =>
    l10n.t(
      'Its SQL caught the cancel, and its queue has been full in all {0} samples, because the session that launched it does not read its rows and messages. Cancel it again to end this wait, or end that session.',
      samples,
    ),
  'jobs.stuckCatchesCancel': ({ wait }) =>
    l10n.t('Its SQL catches the cancel (an EXCEPTION block) and continues; it now waits on {0}.', wait),
  'jobs.stuckCaughtCancel': ({ wait }) =>
    l10n.t(
      'Its SQL caught the cancel (an EXCEPTION block) and continued: since then it waited on {0}, and now it computes. Cancel again, or change the block so that it raises query_canceled again.',
      wait,
    ),
  'jobs.stuckInWait': ({ wait }) =>
    l10n.t('It is in {0}, which a cancel does not interrupt. It stops when that is done.', wait),
  'jobs.stuckComputing': ({ samples }) =>
    l10n.t(
      'It computed in all of {0} samples since the cancel, so its code does not check for interrupts. Nothing but its own end stops it, not even a timeout.',
      samples,
    ),
  'jobs.stuckOnCpu': () =>
    l10n.t('It is using the CPU: its code does not check for interrupts, or catches the cancel and continues.'),
  'jobs.stuckUnknown': () => l10n.t('The server does not show why.'),

  'jobs.labelReplaced': ({ label, shown }) =>
    l10n.t('The database’s encoding cannot represent the label “{0}”, so the server shows it as “{1}”.', label, shown),
  'jobs.limitIneffective': ({ name }) =>
    l10n.t(
      '{0} has no effect here, because a worker’s limits are set when it is launched. Set it at the start of the text.',
      name,
    ),

  'jobs.notSaved': ({ message }) =>
    l10n.t(
      'The job could not be saved to disk: {0}. It continues, and saving is retried automatically. Until then, a reload would lose it.',
      message,
    ),
  'jobs.notRetried': ({ command }) =>
    command === undefined
      ? l10n.t('It is not retried after its lock timeout, because the server did not report its outcome in full.')
      : l10n.t('It is not retried after its lock timeout, because {0} may have committed a part of its work.', command),
  'jobs.invalidIndex': ({ index, table }) =>
    l10n.t(
      'It left the invalid index {0} on {1}. Queries do not use it, but each write updates it. Drop it, and build it again.',
      index,
      table,
    ),
  'jobs.retryNotDurable': () =>
    l10n.t('A durable job cannot be retried after a lock timeout. Remove “retry”, or run it without “durable”.'),
  'jobs.unknownJob': ({ id }) => l10n.t('There is no job {0}.', id),
  'jobs.notTracked': ({ label }) => l10n.t('“{0}” is not being tracked.', label),
  'jobs.detachWhileReading': ({ label }) =>
    l10n.t('“{0}” cannot be detached while its rows are being read. Cancel it, or wait until it ends.', label),
  'jobs.noneAfter': ({ label, ended }) =>
    ended
      ? l10n.t('“{0}” has already ended.', label)
      : l10n.t('“{0}” is part of a batch, so nothing else can run after it.', label),
  'jobs.noWorkerToSignal': ({ pid }) =>
    pid === undefined
      ? l10n.t('The server shows no worker of this job, so no signal was sent.')
      : l10n.t('The server shows no worker of this job with pid {0}, so no signal was sent.', pid),
};

/** Adds why the job's session was lost, if it was. */
function afterSessionLoss(sentence: string, cause: string): string {
  return cause === '' ? sentence : l10n.t('{0} Its session was lost because: {1}', sentence, cause);
}
