/** The notifications about jobs and batches that have ended. Loaded when the first one has. */
import * as vscode from 'vscode';
import type { Clock } from '../../core/base/clock';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { JobState } from '../../api';
import { commandId } from '../base/commandIds';
import { plain, plainLabel } from '../base/plainText';
import { readSetting, updateSetting } from '../base/settings';
import * as ui from '../base/ui';
import { faultText } from '../messages/faultText';
import { formatSpan } from '../../shared/timeText';
import { batchDuration, batchEndText, batchState, firstFailure, partOf } from './batchText';
import { endedTogether, Gatherer } from './endedTogether';
import { shortErrorText } from './jobErrorText';
import { join, rowsText } from './jobText';

/** Shows one notification for a job or a batch that has ended, or one for many that end together. */
export class EndNotices {
  readonly #jobs: JobService;
  readonly #isVisible: (id: string) => boolean;
  readonly #ended: Gatherer<Job>;

  /** @param isVisible returns whether the user sees the job's results */
  constructor(jobs: JobService, isVisible: (id: string) => boolean, clock: Clock) {
    this.#jobs = jobs;
    this.#isVisible = isVisible;
    this.#ended = new Gatherer(clock, (ended, isGroup) => {
      if (isGroup) void this.#showGroup(ended);
      else for (const job of ended) void this.#showJob(job);
    });
  }

  /** Call when a job has ended that is not part of a batch. */
  async job(job: Job): Promise<void> {
    const { record } = job;
    // The command that canceled the job reports it.
    if (record.state === 'canceled' || this.#isVisible(job.id)) return;
    // A superuser sees the durable jobs of everyone.
    if (record.durable?.own === false) return;
    if (record.notify !== true && !isWanted(record.state, tookMs(job))) return;
    if (!(await this.#isOurs())) return;
    this.#ended.add(job);
  }

  /** Call when the last job of a batch has ended: there is one notification for all of them. */
  async batch(batch: readonly Job[]): Promise<void> {
    const state = batchState(batch);
    // The command that canceled its jobs reports it.
    if (state === 'canceled') return;
    const part = partOf(batch);
    const failure = firstFailure(batch);
    const span = batchDuration(batch) ?? 0;
    const wanted = failure ? readSetting('notifications') !== 'none' : isWanted(state, span);
    if (!wanted && !batch.some(({ record }) => record.notify === true)) return;
    if (!(await this.#isOurs())) return;
    const text = batchEndText(plainLabel(part?.label ?? ''), batch, formatSpan(span));
    if (!failure) {
      const never = vscode.l10n.t('Don’t Show Again');
      if ((await ui.showInformationMessage(text, never)) === never) await updateSetting('notifications', 'failures');
      return;
    }
    const showFailure = vscode.l10n.t('Show First Failure');
    const show = state === 'failed' ? ui.showErrorMessage : ui.showWarningMessage;
    if ((await show(text, showFailure)) === showFailure) {
      await vscode.commands.executeCommand(commandId('showResults'), failure.id);
    }
  }

  async invalidIndexes(job: Job): Promise<void> {
    if (readSetting('notifications') === 'none' || !(await this.#isOurs())) return;
    const { reportInvalidIndexes } = await import('./invalidIndex');
    await reportInvalidIndexes(job);
  }

  /** Asks whether to continue a batch. */
  async held({ record: { batch } }: Job, reason: string): Promise<void> {
    if (!(await this.#isOurs())) return;
    const resume = vscode.l10n.t('Resume');
    const choice = await ui.showWarningMessage(`“${plainLabel(batch?.label ?? '')}”: ${reason}`, resume);
    if (choice === resume) this.#jobs.resumeHeld();
  }

  async #showJob(job: Job): Promise<void> {
    const { record } = job;
    const showResults = vscode.l10n.t('Show Results');
    const showDetails = vscode.l10n.t('Show Details');
    const never = vscode.l10n.t('Don’t Show Again');
    const span = formatSpan(tookMs(job));
    const choice = await (async () => {
      switch (record.state) {
        case 'succeeded':
          return ui.showInformationMessage(
            vscode.l10n.t('“{0}” succeeded: {1}', plainLabel(record.label), join(rowsText(job), span)),
            showResults,
            never,
          );
        case 'failed':
          return ui.showErrorMessage(
            vscode.l10n.t(
              '“{0}” failed after {1}: {2}',
              plainLabel(record.label),
              span,
              record.error ? shortErrorText(record.error, 500) : '',
            ),
            showDetails,
          );
        default:
          return ui.showWarningMessage(
            vscode.l10n.t(
              '“{0}” ended, but its outcome is unknown. {1}',
              plainLabel(record.label),
              plain(record.reason ? faultText(record.reason) : '', 500),
            ),
            showDetails,
          );
      }
    })();
    if (choice === showResults) await vscode.commands.executeCommand(commandId('showResults'), job.id);
    // Turns off notifications for successful jobs only.
    if (choice === never) await updateSetting('notifications', 'failures');
    if (choice === showDetails) await vscode.commands.executeCommand(commandId('showJobDetails'), job.id);
  }

  async #showGroup(ended: readonly Job[]): Promise<void> {
    const { text, worst } = endedTogether(ended.map(({ state }) => state));
    const show = vscode.l10n.t('Show');
    const showMessage =
      worst === 'failed'
        ? ui.showErrorMessage
        : worst === 'unknown'
          ? ui.showWarningMessage
          : ui.showInformationMessage;
    if ((await showMessage(text, show)) === show) await vscode.commands.executeCommand(commandId('showJobs'));
  }

  /**
   * Of several windows on a workspace, the one that had the focus last shows a notification: the window that drives the job may be a browser
   * tab that was closed. If that is not known, twice is better than never.
   */
  #isOurs(): Promise<boolean> {
    return this.#jobs.isLastFocused().catch(() => true);
  }
}

function tookMs({ record: { finishedAt, launchedAt, queuedAt } }: Job): number {
  return (finishedAt ?? 0) - (launchedAt ?? queuedAt);
}

/** Whether the settings ask for a notification. */
function isWanted(state: JobState, ms: number): boolean {
  const wanted = readSetting('notifications');
  if (wanted === 'none' || (wanted === 'failures' && state === 'succeeded')) return false;
  return ms >= readSetting('notifyAfterSeconds') * 1000 || state === 'lost' || state === 'finished';
}
