import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { JobState } from '../../api';
import { Disposables } from '../base/disposables';
import { commandId } from '../base/commandIds';
import { readSetting, updateSetting } from '../base/settings';
import { plain, plainError, plainLabel } from '../base/plainText';
import { formatSpan } from '../../shared/timeText';
import { join, rowsText } from './jobText';
import * as ui from '../base/ui';

/** Tells once how a job ended, where the user asked for it by the settings. */
export class Notifications implements vscode.Disposable {
  readonly #disposables = new Disposables();
  readonly #states = new Map<string, JobState>();
  readonly #wanted = new Set<string>();

  /** True where the user looks at the job's results already. */
  readonly #isVisible: (id: string) => boolean;

  constructor(jobs: JobService, isVisible: (id: string) => boolean) {
    this.#isVisible = isVisible;

    for (const job of jobs.jobs) this.#states.set(job.id, job.state);
    this.#disposables.add(
      jobs.onDidChange((job) => {
        const before = this.#states.get(job.id);
        if (before === job.state) return;
        this.#states.set(job.id, job.state);
        if (job.final) void this.#tell(job);
      }),
    );
    this.#disposables.add(jobs.onDidRemove((ids) => this.#forget(ids)));
  }

  /** Tells of the end of this job, also where the settings alone would stay silent. */
  add(jobId: string): void {
    this.#wanted.add(jobId);
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  #forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.#states.delete(id);
      this.#wanted.delete(id);
    }
  }

  async #tell(job: Job): Promise<void> {
    const { record } = job;
    const took = (record.finishedAt ?? 0) - (record.launchedAt ?? record.queuedAt);
    // A cancel is told by the one who asked for it.
    if (record.state === 'canceled' || this.#isVisible(job.id)) return;
    if (!this.#wanted.delete(job.id) && !isWanted(record.state, took)) return;
    const showResults = vscode.l10n.t('Show Results');
    const showDetails = vscode.l10n.t('Show Details');
    const never = vscode.l10n.t('Don’t Show Again');
    const span = formatSpan(took);
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
              record.error ? plainError(record.error, 500) : '',
            ),
            showDetails,
          );
        default:
          return ui.showWarningMessage(
            vscode.l10n.t(
              '“{0}” ended and its outcome is unknown. {1}',
              plainLabel(record.label),
              plain(record.reason ?? '', 500),
            ),
            showDetails,
          );
      }
    })();
    if (choice === showResults) await vscode.commands.executeCommand(commandId('showResults'), job.id);
    // Successes alone: that something failed is still told, until the setting says otherwise.
    if (choice === never) await updateSetting('notifications', 'failures');
    if (choice === showDetails) await vscode.commands.executeCommand(commandId('showJobDetails'), job.id);
  }
}

/** What the settings say. @param took milliseconds */
function isWanted(state: JobState, took: number): boolean {
  const wanted = readSetting('notifications');
  if (wanted === 'none' || (wanted === 'failures' && state === 'succeeded')) return false;
  return took >= readSetting('notifyAfterSeconds') * 1000 || state === 'lost' || state === 'finished';
}
