import * as vscode from 'vscode';
import { stackOf } from '../../core/base/errors';
import { systemClock } from '../../core/base/clock';
import type { Logger } from '../../core/base/logger';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { JobState } from '../../api';
import { Disposables } from '../base/disposables';
import { once } from '../base/once';
import { readSetting } from '../base/settings';
import { faultText } from '../messages/faultText';

/** Watches how jobs end: notifies the user, and runs the command of the setting `onJobEnd`. */
export class Notifications implements vscode.Disposable {
  readonly #disposables = new Disposables();
  readonly #states = new Map<string, JobState>();
  /** Batches for which the user was asked whether to continue. */
  readonly #held = new Set<string>();
  readonly #notices;
  readonly #hook;

  readonly #jobs: JobService;
  readonly #log: Logger;

  /** @param isVisible returns whether the job's results are visible */
  constructor(jobs: JobService, isVisible: (id: string) => boolean, log: Logger) {
    this.#jobs = jobs;
    this.#log = log;
    this.#notices = once(async () => {
      const { EndNotices } = await import('./endNotices');
      // What is visible in a window that is not in front is not seen.
      return new EndNotices(jobs, (id) => vscode.window.state.focused && isVisible(id), systemClock);
    });
    this.#hook = once(async () => {
      const { EndHook } = await import('./endHook');
      return new EndHook(log);
    });

    const noteFocus = ({ focused }: vscode.WindowState): void => {
      if (focused) jobs.noteFocus();
    };
    noteFocus(vscode.window.state);
    this.#disposables.add(vscode.window.onDidChangeWindowState(noteFocus));
    this.#disposables.add(
      jobs.onDidChange((job) => {
        if (job.record.reason?.code === 'jobs.batchUnknown') this.#notifyOfHeld(job);
        const before = this.#states.get(job.id);
        if (before === job.state) return;
        this.#states.set(job.id, job.state);
        // The old jobs of a window are adopted when it is closed.
        if (!job.final || (before === undefined && endedLongAgo(job))) return;
        const batch = jobs.batchOf(job);
        const isOver = batch.every(({ final }) => final);
        this.#do(async () => {
          const notices = await this.#notices();
          if (job.record.invalidIndexes) void notices.invalidIndexes(job);
          if (batch.length === 0) await notices.job(job);
          else if (isOver) await notices.batch(batch);
        });
        this.#runHook(job);
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

  /** Asks once per batch whether to continue it. */
  #notifyOfHeld(job: Job): void {
    const { batch, held, reason } = job.record;
    if (!batch || !held || !reason || this.#held.has(batch.id)) return;
    this.#held.add(batch.id);
    this.#do(async () => (await this.#notices()).held(job, faultText(reason)));
  }

  /** Runs the user's command for a job of this window, or for a durable one if this window had the focus last. */
  #runHook(job: Job): void {
    const { durable } = job.record;
    const command = readSetting('onJobEnd');
    if (command.length === 0 || job.mirrored || durable?.own === false || !vscode.workspace.isTrusted) return;
    this.#do(async () => {
      if (durable && !(await this.#jobs.isLastFocused().catch(() => true))) return;
      (await this.#hook()).run(command, job);
    });
  }

  #do(work: () => Promise<void>): void {
    work().catch((error: unknown) => this.#log.error(`The end of a job could not be reported: ${stackOf(error)}`));
  }
}

/** Whether the job had ended before this window saw it. */
function endedLongAgo({ record }: Job): boolean {
  return Date.now() - (record.finishedAt ?? 0) > 10_000;
}
