import * as vscode from 'vscode';
import type { CancelResult } from '../../core/jobs/cancel/cancelJob';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { ActiveWorker } from '../../core/jobs/ports';
import { whyStillRunning } from '../../core/jobs/cancel/stuckReason';
import type { Connections } from '../connections/connections';
import { commandId } from '../base/commandIds';
import { readSetting } from '../base/settings';
import { formatSpan } from '../../shared/timeText';
import { plain, plainError, plainLabel } from '../base/plainText';
import { whyClause } from './jobText';
import { cancelForeign, type ForeignWorker } from '../../core/jobs/cancel/cancelForeign';
import { systemClock } from '../../core/base/clock';
import * as ui from '../base/ui';

/** How often the notification's progress moves. Milliseconds. */
const STEP_MS = 100;

interface Canceled {
  readonly label: string;
  readonly pid: number | undefined;
  readonly result: CancelResult | 'error';
  readonly tookMs: number;
  readonly job?: Job;
  /** Why it still runs, as the end of a sentence. */
  readonly why: string;
  readonly error?: string;
  /** False if no process was there to be signaled. */
  readonly sent?: boolean;
}

/** Cancel as the user sees it: progress through the grace window, and an honest end. */
export class Canceling {
  readonly #jobs: JobService;
  readonly #connections: Connections;

  constructor(jobs: JobService, connections: Connections) {
    this.#jobs = jobs;
    this.#connections = connections;
  }

  /** Cancels jobs, each with a grace window of its own, and tells once how it went. */
  async cancelJobs(jobs: readonly Job[], graceMs = readSetting('cancelGraceSeconds') * 1000): Promise<void> {
    const living = jobs.filter((job) => !job.final);
    await this.#together(
      living.map((job) => ({ label: job.record.label, pid: job.record.pid, run: () => this.#cancelJob(job, graceMs) })),
      graceMs,
    );
  }

  /** Cancels workers that others launched. */
  async cancelForeign(
    connection: string,
    workers: readonly ActiveWorker[],
    graceMs = readSetting('cancelGraceSeconds') * 1000,
  ): Promise<void> {
    const link = this.#connections.link(connection);
    await this.#together(
      workers.map((worker) => ({
        label: worker.label,
        pid: worker.pid,
        run: () => this.#cancelForeign(worker, { link, graceMs }),
      })),
      graceMs,
    );
  }

  async #cancelJob(job: Job, graceMs: number): Promise<Canceled> {
    const started = Date.now();
    const { label } = job.record;
    try {
      const result = await this.#jobs.cancel(job.id, graceMs);
      const from = job.record.cancel?.signaledAt ?? started;
      const why = result === 'unresponsive' ? whyClause(whyStillRunning(this.#jobs.activity(job) ?? null)) : '';
      const sent = job.record.cancel?.signaledAt !== undefined;
      return { label, pid: job.record.pid, result, tookMs: Date.now() - from, job, why, sent };
    } catch (error) {
      return { label, pid: job.record.pid, result: 'error', tookMs: 0, job, why: '', error: messageOf(error) };
    }
  }

  async #cancelForeign(worker: ActiveWorker, context: Omit<ForeignWorker, 'worker'>): Promise<Canceled> {
    const started = Date.now();
    const { label, pid } = worker;
    try {
      const { result, sent, last } = await cancelForeign({ worker, ...context }, systemClock);
      return {
        label,
        pid,
        result,
        sent,
        tookMs: Date.now() - started,
        why: result === 'unresponsive' ? whyClause(whyStillRunning(last)) : '',
      };
    } catch (error) {
      return { label, pid, result: 'error', tookMs: 0, why: '', error: messageOf(error) };
    }
  }

  async #together(
    cancels: readonly {
      readonly label: string;
      readonly pid: number | undefined;
      readonly run: () => Promise<Canceled>;
    }[],
    graceMs: number,
  ): Promise<void> {
    const [first] = cancels;
    if (!first) return;
    const title =
      cancels.length === 1
        ? plain(vscode.l10n.t('Canceling “{0}” (pid {1})', plainLabel(first.label), first.pid ?? '–'))
        : vscode.l10n.t('Canceling {0} workers', cancels.length);
    const done = await ui.withProgress({ location: vscode.ProgressLocation.Notification, title }, async (progress) => {
      const started = Date.now();
      let stopped = 0;
      let shown = 0;
      const step = (): void => {
        const part = graceMs === 0 ? 100 : Math.min(100, ((Date.now() - started) / graceMs) * 100);
        const window = vscode.l10n.t(
          '{0} of {1} s',
          Math.min(graceMs / 1000, Math.floor((Date.now() - started) / 1000)),
          graceMs / 1000,
        );
        const message = cancels.length === 1 ? window : vscode.l10n.t('{0} stopped, {1}', stopped, window);
        progress.report({ message, increment: part - shown });
        shown = part;
      };
      step();
      const timer = setInterval(step, STEP_MS);
      try {
        return await Promise.all(
          cancels.map(async ({ run }) => {
            const result = await run();
            if (result.result === 'stopped') stopped++;
            return result;
          }),
        );
      } finally {
        clearInterval(timer);
      }
    });
    // Not awaited: the command is done when the windows are over, not when the messages are read.
    this.#tell(done, graceMs);
  }

  #tell(done: readonly Canceled[], graceMs: number): void {
    for (const one of done.filter(({ result }) => result === 'error')) {
      void ui.showErrorMessage(
        plain(vscode.l10n.t('“{0}” could not be canceled: {1}', plainLabel(one.label), one.error ?? '')),
      );
    }
    const stopped = done.filter(({ result }) => result === 'stopped');
    const still = done.filter(({ result }) => result === 'unresponsive');
    const [only] = stopped;
    if (stopped.length === 1 && only) void ui.showInformationMessage(plain(stoppedText(only)));
    else if (stopped.length > 1) void ui.showInformationMessage(vscode.l10n.t('{0} workers stopped.', stopped.length));
    const [stuck] = still;
    if (still.length === 1 && stuck) void this.#warn(stuck, graceMs);
    else if (still.length > 1) {
      void ui.showWarningMessage(
        vscode.l10n.t(
          '{0} workers are still running {1} s after SIGTERM. This extension never kills a worker, because a kill restarts the whole server. They stay listed until they end.',
          still.length,
          graceMs / 1000,
        ),
      );
    }
  }

  async #warn(stuck: Canceled, graceMs: number): Promise<void> {
    const keepWaiting = vscode.l10n.t('Keep Waiting');
    const runAgain = vscode.l10n.t('Run Again with Timeout…');
    const showDetails = vscode.l10n.t('Show Details');
    const choice = await ui.showWarningMessage(
      vscode.l10n.t(
        '“{0}” (pid {1}) is still running {2} s after SIGTERM: {3}. This extension never kills a worker, because a kill restarts the whole server; set statement_timeout or pg_background.worker_timeout before a launch to limit such work.',
        plainLabel(stuck.label),
        stuck.pid ?? '–',
        graceMs / 1000,
        plain(stuck.why, 300),
      ),
      ...(stuck.job ? [keepWaiting, runAgain, showDetails] : [keepWaiting]),
    );
    if (!stuck.job) return;
    if (choice === runAgain) await vscode.commands.executeCommand(commandId('rerunJobWithTimeout'), stuck.job.id);
    if (choice === showDetails) await vscode.commands.executeCommand(commandId('showJobDetails'), stuck.job.id);
  }
}

/** A worker that ended well before the signal reached it is not called canceled. */
function stoppedText({ label: name, job, tookMs, sent }: Canceled): string {
  const label = plainLabel(name);
  if (job?.state === 'succeeded') return vscode.l10n.t('“{0}” had already succeeded when it was canceled.', label);
  if (job?.state === 'failed')
    return vscode.l10n.t(
      '“{0}” failed while it was being canceled: {1}',
      label,
      job.record.error ? plainError(job.record.error, 500) : '',
    );
  if (job?.record.launchedAt === undefined && job !== undefined)
    return vscode.l10n.t('“{0}” was canceled before it was launched.', label);
  if (sent === false) return vscode.l10n.t('“{0}” is no longer shown by the server, so no signal was sent.', label);
  return vscode.l10n.t('“{0}” stopped {1} after SIGTERM.', label, formatSpan(tookMs));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
