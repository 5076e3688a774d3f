import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { JobState } from '../../api';
import { Disposables } from '../base/disposables';
import { commandId } from '../base/commandIds';
import { readSetting, updateSetting } from '../base/settings';
import { faultText } from '../messages/faultText';
import { plain, plainLabel } from '../base/plainText';
import { formatSpan } from '../../shared/timeText';
import { batchDuration, batchEndText, batchState, firstFailure, partOf } from './batchText';
import { shortErrorText } from './jobErrorText';
import { join, rowsText } from './jobText';
import * as ui from '../base/ui';

/**
 * Shows one notification when a job or a batch ends, if the settings or the launch options ask for it. Of several windows on a workspace, the one that
 * had the focus last shows it: the window that drives the job may be a browser tab that was closed.
 */
export class Notifications implements vscode.Disposable {
  readonly #disposables = new Disposables();
  readonly #states = new Map<string, JobState>();
  /** Batches for which the user was asked whether to continue. */
  readonly #held = new Set<string>();

  readonly #jobs: JobService;
  /** Returns whether the job's results are visible. */
  readonly #isVisible: (id: string) => boolean;

  constructor(jobs: JobService, isVisible: (id: string) => boolean) {
    this.#jobs = jobs;
    this.#isVisible = isVisible;

    const noteFocus = ({ focused }: vscode.WindowState): void => {
      if (focused) jobs.noteFocus();
    };
    noteFocus(vscode.window.state);
    this.#disposables.add(vscode.window.onDidChangeWindowState(noteFocus));
    this.#disposables.add(
      jobs.onDidChange((job) => {
        if (job.record.reason?.code === 'jobs.batchUnknown') void this.#notifyOfHeld(job, faultText(job.record.reason));
        const before = this.#states.get(job.id);
        if (before === job.state) return;
        this.#states.set(job.id, job.state);
        // The old jobs of a window are adopted when it is closed.
        if (!job.final || (before === undefined && endedLongAgo(job))) return;
        if (job.record.invalidIndexes) void this.#reportIndexes(job);
        const batch = jobs.batchOf(job);
        if (batch.length === 0) void this.#notify(job);
        else if (batch.every(({ final }) => final)) void this.#notifyOfBatch(batch);
      }),
    );
    this.#disposables.add(jobs.onDidRemove((ids) => this.#forget(ids)));
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  /** Call when the jobs of earlier sessions are listed: those that have ended are not news. */
  restored(): void {
    for (const { id, state } of this.#jobs.jobs) this.#states.set(id, state);
  }

  #forget(ids: readonly string[]): void {
    for (const id of ids) this.#states.delete(id);
  }

  async #notify(job: Job): Promise<void> {
    const { record } = job;
    const tookMs = (record.finishedAt ?? 0) - (record.launchedAt ?? record.queuedAt);
    // The command that canceled the job reports it.
    if (record.state === 'canceled' || this.#isVisible(job.id)) return;
    // A superuser sees the durable jobs of everyone.
    if (record.durable?.own === false) return;
    if (record.notify !== true && !isWanted(record.state, tookMs)) return;
    // If that is not known, twice is better than never.
    if (!(await this.#jobs.isLastFocused().catch(() => true))) return;
    const showResults = vscode.l10n.t('Show Results');
    const showDetails = vscode.l10n.t('Show Details');
    const never = vscode.l10n.t('Don’t Show Again');
    const span = formatSpan(tookMs);
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

  async #reportIndexes(job: Job): Promise<void> {
    if (readSetting('notifications') === 'none' || !(await this.#jobs.isLastFocused().catch(() => true))) return;
    const { reportInvalidIndexes } = await import('./invalidIndex');
    await reportInvalidIndexes(job);
  }

  /** Asks once per batch whether to continue it. */
  async #notifyOfHeld(job: Job, reason: string): Promise<void> {
    const { batch, held } = job.record;
    if (!batch || !held || this.#held.has(batch.id)) return;
    this.#held.add(batch.id);
    if (!(await this.#jobs.isLastFocused().catch(() => true))) return;
    const resume = vscode.l10n.t('Resume');
    const choice = await ui.showWarningMessage(`“${plainLabel(batch.label)}”: ${reason}`, resume);
    if (choice === resume) this.#jobs.resumeHeld();
  }

  /** One notification for all jobs of a batch, when the last one has ended. */
  async #notifyOfBatch(batch: readonly Job[]): Promise<void> {
    const state = batchState(batch);
    // The command that canceled its jobs reports it.
    if (state === 'canceled') return;
    const part = partOf(batch);
    const failure = firstFailure(batch);
    const tookMs = batchDuration(batch) ?? 0;
    const wanted = failure ? readSetting('notifications') !== 'none' : isWanted(state, tookMs);
    if (!wanted && !batch.some(({ record }) => record.notify === true)) return;
    if (!(await this.#jobs.isLastFocused().catch(() => true))) return;
    const text = batchEndText(plainLabel(part?.label ?? ''), batch, formatSpan(tookMs));
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
}

/** Whether the settings ask for a notification. */
function isWanted(state: JobState, tookMs: number): boolean {
  const wanted = readSetting('notifications');
  if (wanted === 'none' || (wanted === 'failures' && state === 'succeeded')) return false;
  return tookMs >= readSetting('notifyAfterSeconds') * 1000 || state === 'lost' || state === 'finished';
}

/** Whether the job had ended before this window saw it. */
function endedLongAgo({ record }: Job): boolean {
  return Date.now() - (record.finishedAt ?? 0) > 10_000;
}
