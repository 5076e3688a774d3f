/** Reports a worker that is still running after the grace window of a cancel. Loaded on demand. */
import * as vscode from 'vscode';
import type { Fault } from '../../core/base/fault';
import { stuckReasonOf } from '../../core/jobs/cancel/stuckReason';
import { commandId } from '../base/commandIds';
import * as ui from '../base/ui';
import { faultText } from '../messages/faultText';
import { WorkerNode } from '../tree/nodes/workerNode';
import { unresponsiveText } from './cancelTexts';
import type { Unresponsive } from './unresponsiveWorker';

/** Explains why it is still running, and what can be done. */
export async function warnUnresponsive(stuck: Unresponsive): Promise<void> {
  const { label, pid, graceMs, job, worker } = stuck;
  const reason = reasonOf(stuck);
  const keepWaiting = vscode.l10n.t('Keep Waiting');
  const runAgain = vscode.l10n.t('Run Again with Timeout…');
  const showDetails = vscode.l10n.t('Show Details');
  const showActivity = vscode.l10n.t('Show Activity');
  const onLock = reason.code === 'jobs.stuckOnLock' || reason.code === 'jobs.stuckOnSameLock';
  // A lock ends with the process that holds it, which the Activity view can end.
  const details = onLock || !job ? (worker ? [showActivity] : []) : [showDetails];
  const choice = await ui.showWarningMessage(
    unresponsiveText(label, pid, graceMs, faultText(reason)),
    ...(job ? [keepWaiting, runAgain, ...details] : [keepWaiting, ...details]),
  );
  switch (choice) {
    case undefined:
      break;
    case keepWaiting:
      // Not awaited: the cancel is done, and the worker may run for hours.
      void import('./keepWaiting').then(({ reportEnd, reportWorkerEnd }) =>
        job ? reportEnd(job) : reportWorkerEnd(stuck),
      );
      break;
    case runAgain:
      await vscode.commands.executeCommand(commandId('rerunJobWithTimeout'), job?.id);
      break;
    case showDetails:
      await vscode.commands.executeCommand(commandId('showJobDetails'), job?.id);
      break;
    case showActivity:
      await vscode.commands.executeCommand(
        commandId('showActivity'),
        job?.id ?? (worker && new WorkerNode(stuck.connection, worker)),
      );
      break;
  }
}

/** The job's own reason, or what the samples of its server show. */
function reasonOf({ job, worker, link, settledAt }: Unresponsive): Fault {
  if (job?.record.reason) return job.record.reason;
  const samples = (worker && link?.samples?.(worker)) ?? [];
  const newest = link?.snapshot?.at ?? Infinity;
  return stuckReasonOf(
    worker,
    samples.filter(({ at }) => at >= settledAt && at < newest),
  );
}
