/** Reports the end of a worker that did not respond to a cancel. Loaded on demand. */
import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import { formatSpan } from '../../shared/timeText';
import { commandId } from '../base/commandIds';
import { plainLabel } from '../base/plainText';
import * as ui from '../base/ui';
import { faultText } from '../messages/faultText';
import { shortErrorText } from './jobErrorText';
import { stateName } from './jobText';

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
