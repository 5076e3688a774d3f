/** Reports the end of a worker that did not respond to a cancel. Loaded on demand. */
import * as vscode from 'vscode';
import { findWorker } from '../../core/jobs/findWorker';
import type { Job } from '../../core/jobs/job';
import { compareServers, serverOfSnapshot } from '../../core/jobs/serverIdentity';
import { formatSpan } from '../../shared/timeText';
import { commandId } from '../base/commandIds';
import { plainLabel } from '../base/plainText';
import * as ui from '../base/ui';
import { faultText } from '../messages/faultText';
import { shortErrorText } from './jobErrorText';
import { stateName } from './jobText';
import type { Unresponsive } from './unresponsiveWorker';

/** Jobs that are waited for: asking twice leads to one report. */
const waiting = new Set<string>();

/** Shows when and how the job ended, when it has. */
export async function reportEnd(job: Job): Promise<void> {
  if (waiting.has(job.id)) return;
  waiting.add(job.id);
  await job.ended;
  waiting.delete(job.id);
  // It was removed from the list.
  if (!job.final) return;
  const { label, state, error, reason, finishedAt = Date.now(), cancel } = job.record;
  const after = formatSpan(finishedAt - (cancel?.signaledAt ?? cancel?.requestedAt ?? finishedAt));
  const why = state === 'failed' && error ? shortErrorText(error, 500) : reason ? faultText(reason) : '';
  const text =
    state === 'succeeded'
      ? vscode.l10n.t(
          '“{0}” ended {1} after the cancel: it succeeded, so its work is committed.',
          plainLabel(label),
          after,
        )
      : why === ''
        ? vscode.l10n.t('“{0}” ended {1} after the cancel: {2}.', plainLabel(label), after, stateName(state))
        : vscode.l10n.t('“{0}” ended {1} after the cancel: {2}. {3}', plainLabel(label), after, stateName(state), why);
  const showDetails = vscode.l10n.t('Show Details');
  if ((await ui.showInformationMessage(text, showDetails)) === showDetails) {
    await vscode.commands.executeCommand(commandId('showJobDetails'), job.id);
  }
}

/** Shows when a worker that was launched elsewhere ended, when it has. */
export async function reportWorkerEnd({ label, worker, link, signaledAt }: Unresponsive): Promise<void> {
  if (!worker || !link) return;
  const { pid, backendStart } = worker;
  const key = `${pid}:${backendStart}`;
  if (waiting.has(key)) return;
  waiting.add(key);
  const server = link.snapshot && serverOfSnapshot(link.snapshot);
  const watch = link.watch('steady');
  const restarted = await new Promise<boolean>((resolve) => {
    const listener = link.onSnapshot((snapshot) => {
      const relation = server ? compareServers(server, serverOfSnapshot(snapshot), backendStart) : 'same';
      // A snapshot of another server has no information about this worker.
      if (relation === 'other' || findWorker(snapshot, { pid, backendStart })) return;
      listener.dispose();
      resolve(relation === 'restarted');
    });
  });
  watch.dispose();
  waiting.delete(key);
  const after = formatSpan(Date.now() - signaledAt);
  void ui.showInformationMessage(
    restarted
      ? vscode.l10n.t(
          '“{0}” (pid {1}) is gone {2} after the cancel: the server was restarted.',
          plainLabel(label),
          pid,
          after,
        )
      : vscode.l10n.t(
          '“{0}” (pid {1}) ended {2} after the cancel. Only the session that launched it knows how it ended.',
          plainLabel(label),
          pid,
          after,
        ),
  );
}
