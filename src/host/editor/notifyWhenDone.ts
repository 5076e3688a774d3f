import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import { Disposables } from '../disposables';
import { commandId, readSetting } from '../ids';
import { formatSpan, join, rowsText } from '../text';

/** Tells of the end of jobs for which that was asked at their launch, where the settings alone would stay silent. */
export class NotifyWhenDone implements vscode.Disposable {
  readonly #wanted = new Set<string>();
  readonly #disposables = new Disposables();

  constructor(jobs: JobService) {
    this.#disposables.add(
      jobs.onDidChange((job) => {
        if (job.final && this.#wanted.delete(job.id) && !isToldAnyway(job)) void tell(job);
      }),
    );
    this.#disposables.add(jobs.onDidRemove((ids) => ids.forEach((id) => this.#wanted.delete(id))));
  }

  add(jobId: string): void {
    this.#wanted.add(jobId);
  }

  dispose(): void {
    this.#disposables.dispose();
  }
}

/** Whether notifications.ts tells of it. A cancel is told by the one who asked for it. */
function isToldAnyway({ record }: Job): boolean {
  if (record.state === 'canceled') return true;
  const wanted = readSetting('notifications');
  if (wanted === 'none' || (wanted === 'failures' && record.state === 'succeeded')) return false;
  const took = (record.finishedAt ?? 0) - (record.launchedAt ?? record.queuedAt);
  return took >= readSetting('notifyAfterSeconds') * 1000 || record.state === 'lost' || record.state === 'finished';
}

async function tell(job: Job): Promise<void> {
  const { record } = job;
  const show = vscode.l10n.t('Show Results');
  const took = formatSpan((record.finishedAt ?? 0) - (record.launchedAt ?? record.queuedAt));
  const choice = await (record.state === 'succeeded'
    ? vscode.window.showInformationMessage(
        vscode.l10n.t('“{0}” succeeded: {1}', record.label, join(rowsText(job), took)),
        show,
      )
    : vscode.window.showWarningMessage(
        vscode.l10n.t('“{0}” did not succeed: {1}', record.label, record.error?.message ?? record.reason ?? ''),
        show,
      ));
  if (choice === show) await vscode.commands.executeCommand(commandId('showResults'), job.id);
}
