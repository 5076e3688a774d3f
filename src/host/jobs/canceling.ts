import * as vscode from 'vscode';
import { systemClock } from '../../core/base/clock';
import { cancelForeign } from '../../core/jobs/cancel/cancelForeign';
import { SETTLE_MS, type CancelResult } from '../../core/jobs/cancel/cancelJob';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { ActiveWorker, ServerLink } from '../../core/jobs/ports';
import { formatSpan } from '../../shared/timeText';
import { plain, plainLabel } from '../base/plainText';
import { readSetting } from '../base/settings';
import * as ui from '../base/ui';
import type { Connections } from '../connections/connections';
import { errorText } from '../messages/faultText';
import { shortErrorText } from './jobErrorText';
import type { Unresponsive } from './unresponsiveWorker';

/** How often the progress notification is updated. Milliseconds. */
const PROGRESS_STEP_MS = 100;

/** A job or a foreign worker that is to be canceled. */
interface Target {
  readonly label: string;
  readonly pid: number | undefined;
  readonly connection: string;
  readonly link: ServerLink | undefined;
  readonly job?: Job;
  /** Cancels it and waits through the grace window. */
  cancel(): Promise<CancelOutcome>;
}

interface CancelOutcome {
  readonly result: CancelResult;
  /** Time from SIGTERM to the end. Milliseconds. */
  readonly tookMs: number;
  /** False if the server showed no process to signal. */
  readonly signaled: boolean;
  /** The worker as the server last showed it; null if the server could not be asked. */
  readonly worker: ActiveWorker | undefined | null;
  /** When its process had handled the signal. Monotonic milliseconds. */
  readonly settledAt: number;
  /** Milliseconds since 1970. */
  readonly signaledAt: number;
}

interface Finished extends CancelOutcome {
  readonly target: Target;
}

interface Failed {
  readonly target: Target;
  readonly error: unknown;
}

/** The grace window of the settings. Milliseconds. */
export function defaultGraceMs(): number {
  return readSetting('cancelGraceSeconds') * 1000;
}

/**
 * Every cancel that a user requests, from the tree, the palette, a CodeLens, the results panel, or a sequence of statements: shows
 * progress through the grace window, then reports whether the worker stopped.
 */
export class Canceling {
  readonly #jobs: JobService;
  readonly #connections: Connections;

  constructor(jobs: JobService, connections: Connections) {
    this.#jobs = jobs;
    this.#connections = connections;
  }

  /** Cancels jobs at the same time and reports the results together. Skips jobs that have ended. */
  async cancelJobs(jobs: readonly Job[], graceMs = defaultGraceMs()): Promise<void> {
    const targets = jobs
      .filter((job) => !job.final)
      .map((job) => ({
        label: job.record.label,
        pid: job.record.pid,
        connection: job.record.connection,
        link: this.#connections.existing(job.record.connection),
        job,
        cancel: () => this.#cancelJob(job, graceMs),
      }));
    await cancelTogether(targets, 'jobs', graceMs);
  }

  /** Cancels foreign workers of a connection at the same time and reports the results together. */
  async cancelForeignWorkers(
    connection: string,
    workers: readonly ActiveWorker[],
    graceMs = defaultGraceMs(),
  ): Promise<void> {
    const link = this.#connections.link(connection);
    const targets = workers.map((worker) => ({
      label: worker.label,
      pid: worker.pid,
      connection,
      link,
      cancel: () => cancelForeignWorker(worker, link, graceMs),
    }));
    await cancelTogether(targets, 'workers', graceMs);
  }

  async #cancelJob(job: Job, graceMs: number): Promise<CancelOutcome> {
    const requestedAt = Date.now();
    const result = await this.#jobs.cancel(job.id, graceMs);
    const { signaledAt } = job.record.cancel ?? {};
    const tookMs = Date.now() - (signaledAt ?? requestedAt);
    return {
      result,
      tookMs,
      signaled: signaledAt !== undefined,
      worker: this.#jobs.activity(job) ?? null,
      settledAt: systemClock.monotonic() - tookMs + SETTLE_MS,
      signaledAt: signaledAt ?? requestedAt,
    };
  }
}

async function cancelForeignWorker(worker: ActiveWorker, link: ServerLink, graceMs: number): Promise<CancelOutcome> {
  const requestedAt = Date.now();
  const { result, sent, last, settledAt } = await cancelForeign({ worker, link, graceMs }, systemClock);
  const tookMs = Date.now() - requestedAt;
  return { result, tookMs, signaled: sent, worker: last, settledAt, signaledAt: requestedAt };
}

type Kind = 'jobs' | 'workers';

async function cancelTogether(targets: readonly Target[], kind: Kind, graceMs: number): Promise<void> {
  if (targets.length === 0) return;
  const progressOptions = { location: vscode.ProgressLocation.Notification, title: titleText(targets, kind) };
  const finished = await ui.withProgress(progressOptions, async (progress) => {
    const startedAt = Date.now();
    let stopped = 0;
    let shownPercent = 0;
    const step = (): void => {
      const elapsedMs = Date.now() - startedAt;
      const percent = graceMs === 0 ? 100 : Math.min(100, (elapsedMs / graceMs) * 100);
      const elapsed = vscode.l10n.t(
        '{0} of {1} s',
        Math.min(graceMs / 1000, Math.floor(elapsedMs / 1000)),
        graceMs / 1000,
      );
      const message = targets.length === 1 ? elapsed : vscode.l10n.t('{0} stopped, {1}', stopped, elapsed);
      progress.report({ message, increment: percent - shownPercent });
      shownPercent = percent;
    };
    step();
    const timer = setInterval(step, PROGRESS_STEP_MS);
    try {
      return await Promise.all(
        targets.map(async (target): Promise<Finished | Failed> => {
          try {
            const outcome = await target.cancel();
            if (outcome.result === 'stopped') stopped++;
            return { target, ...outcome };
          } catch (error) {
            return { target, error };
          }
        }),
      );
    } finally {
      clearInterval(timer);
    }
  });
  report(finished, kind, graceMs);
}

function titleText(targets: readonly Target[], kind: Kind): string {
  const [first] = targets;
  if (targets.length === 1 && first) {
    return plain(vscode.l10n.t('Canceling “{0}” (pid {1})', plainLabel(first.label), first.pid ?? '–'));
  }
  return kind === 'jobs'
    ? vscode.l10n.t('Canceling {0} jobs', targets.length)
    : vscode.l10n.t('Canceling {0} workers', targets.length);
}

/** Shows the results. Does not wait until the notifications are closed: the command ends with the grace window. */
function report(entries: readonly (Finished | Failed)[], kind: Kind, graceMs: number): void {
  const stopped: Finished[] = [];
  const unresponsive: Finished[] = [];
  for (const entry of entries) {
    if ('error' in entry) showFailure(entry);
    else (entry.result === 'stopped' ? stopped : unresponsive).push(entry);
  }
  const [first] = stopped;
  if (stopped.length === 1 && first) void ui.showInformationMessage(plain(stoppedText(first)));
  else if (stopped.length > 1) {
    void ui.showInformationMessage(
      kind === 'jobs'
        ? vscode.l10n.t('{0} jobs stopped.', stopped.length)
        : vscode.l10n.t('{0} workers stopped.', stopped.length),
    );
  }
  const [stuck] = unresponsive;
  if (unresponsive.length === 1 && stuck) {
    const { target, worker, settledAt, signaledAt } = stuck;
    const found: Unresponsive = { ...target, job: target.job, worker, graceMs, settledAt, signaledAt };
    void import('./unresponsive').then(({ warnUnresponsive }) => warnUnresponsive(found));
  } else if (unresponsive.length > 1) {
    void ui.showWarningMessage(
      kind === 'jobs'
        ? vscode.l10n.t(
            '{0} jobs are still running {1} s after SIGTERM. This extension never kills a worker, because that would restart the whole server. The jobs stay listed until their workers end.',
            unresponsive.length,
            graceMs / 1000,
          )
        : vscode.l10n.t(
            '{0} workers are still running {1} s after SIGTERM. This extension never kills a worker, because that would restart the whole server. They stay listed until they end.',
            unresponsive.length,
            graceMs / 1000,
          ),
    );
  }
}

/** Reports a cancel that could not be sent. */
function showFailure({ target, error }: Failed): void {
  const text = vscode.l10n.t('“{0}” could not be canceled: {1}', plainLabel(target.label), errorText(error));
  void ui.showErrorMessage(plain(text));
}

/** Describes how a job or worker ended. If it ended before the signal could have stopped it, it is not called canceled. */
function stoppedText({ target, tookMs, signaled }: Finished): string {
  const label = plainLabel(target.label);
  const record = target.job?.record;
  if (record?.state === 'succeeded') return vscode.l10n.t('“{0}” had already succeeded when it was canceled.', label);
  if (record?.state === 'failed') {
    const error = record.error ? shortErrorText(record.error, 500) : '';
    return vscode.l10n.t('“{0}” failed while it was being canceled: {1}', label, error);
  }
  if (record && record.launchedAt === undefined) {
    return vscode.l10n.t('“{0}” was canceled before it was launched.', label);
  }
  if (!signaled) return vscode.l10n.t('The server no longer shows “{0}”, so no signal was sent.', label);
  return vscode.l10n.t('“{0}” stopped {1} after SIGTERM.', label, formatSpan(tookMs));
}
