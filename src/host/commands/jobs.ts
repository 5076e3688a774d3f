import * as vscode from 'vscode';
import type { JobService } from '../../core/jobs/jobService';
import { mayHaveWorker } from '../../core/jobs/states';
import type { Canceling } from '../jobs/canceling';
import type { Connections } from '../connections/connections';
import { matchesLabel } from '../launch/labelPattern';
import { parseDuration } from '../../core/sql/settings/gucUnits';
import type { WorkersView } from '../tree/workersView';
import { pickJob, targetsOf, type Targets } from './jobTargets';
import * as ui from '../base/ui';

/** So many labels are named in a preview. */
const PREVIEWED = 8;

/** What a pattern matches, before anything is canceled. */
function matchText(labels: readonly string[]): string {
  if (labels.length === 0) return vscode.l10n.t('No running or queued job matches.');
  const named = labels.slice(0, PREVIEWED).join(', ');
  const more = labels.length - PREVIEWED;
  const all = more > 0 ? vscode.l10n.t('{0} and {1} more', named, more) : named;
  return labels.length === 1
    ? vscode.l10n.t('Will cancel 1 job: {0}', all)
    : vscode.l10n.t('Will cancel {0} jobs: {1}', labels.length, all);
}

/** What canceling does to running and to queued jobs. */
function effectText(running: number, queued: number): string {
  const texts: string[] = [];
  if (running === 1) texts.push(vscode.l10n.t('1 running job will be rolled back.'));
  else if (running > 1) texts.push(vscode.l10n.t('{0} running jobs will be rolled back.', running));
  if (queued === 1) texts.push(vscode.l10n.t('1 queued job will not start.'));
  else if (queued > 1) texts.push(vscode.l10n.t('{0} queued jobs will not start.', queued));
  return texts.join(' ');
}

/** The commands that act on jobs and workers of the tree. */
export class JobCommands {
  readonly #jobs: JobService;
  readonly #connections: Connections;
  readonly #canceling: Canceling;
  readonly #view: WorkersView;

  constructor(jobs: JobService, connections: Connections, canceling: Canceling, view: WorkersView) {
    this.#jobs = jobs;
    this.#connections = connections;
    this.#canceling = canceling;
    this.#view = view;
  }

  /** @param atCursor ids of jobs that come first in the list to choose from */
  async cancel(first: unknown, selected: unknown, graceMs?: number, atCursor: readonly string[] = []): Promise<void> {
    const targets = targetsOf(this.#jobs, first, selected);
    if (targets.jobs.length + targets.workers.length === 0) {
      const job = await pickJob(
        this.#jobs.jobs.filter((one) => !one.final),
        vscode.l10n.t('Worker to cancel'),
        atCursor,
      );
      if (job) await this.#canceling.cancelJobs([job], graceMs);
      return;
    }
    const labels = [
      ...targets.jobs.map(({ record }) => record.label),
      ...targets.workers.map(({ worker }) => worker.label),
    ];
    const question = vscode.l10n.t('The list has just changed. Cancel “{0}”?', labels.join('”, “'));
    if (!(await this.isMeant(first, question, vscode.l10n.t('Cancel It')))) return;
    await Promise.all([this.#canceling.cancelJobs(targets.jobs, graceMs), ...this.#cancelForeign(targets, graceMs)]);
  }

  async cancelWithGrace(first: unknown, selected: unknown): Promise<void> {
    const text = await ui.showInputBox({
      title: vscode.l10n.t('Cancel with a Longer Grace Window'),
      prompt: vscode.l10n.t(
        'How long to watch for the worker to stop, for example 60s. This extension never kills it.',
      ),
      value: '60s',
      validateInput: (input) =>
        parseDuration(input) === undefined ? vscode.l10n.t('Write a duration such as 30s or 5min.') : undefined,
    });
    const graceMs = text === undefined ? undefined : parseDuration(text);
    if (graceMs !== undefined) await this.cancel(first, selected, graceMs);
  }

  /** Cancels every job of ours, of all connections or of one, after one question. */
  async cancelAll(connection?: string): Promise<void> {
    const living = this.#jobs.jobs.filter(
      (job) => !job.final && (connection === undefined || job.record.connection === connection),
    );
    if (living.length === 0) {
      void ui.showInformationMessage(vscode.l10n.t('No job of this window is running.'));
      return;
    }
    const running = living.filter((job) => mayHaveWorker(job.state)).length;
    const cancel =
      living.length === 1 ? vscode.l10n.t('Cancel 1 Job') : vscode.l10n.t('Cancel {0} Jobs', living.length);
    const [only] = living;
    const choice = await ui.showWarningMessage(
      living.length === 1
        ? vscode.l10n.t('Cancel “{0}”?', only?.record.label ?? '')
        : vscode.l10n.t('Cancel all {0} jobs?', living.length),
      {
        modal: true,
        detail: effectText(running, living.length - running),
        closeTitle: vscode.l10n.t('Keep Running'),
      },
      cancel,
    );
    if (choice !== cancel) return;
    await this.#canceling.cancelJobs(living);
  }

  /** `*` and `?` match labels; what matches is shown before anything is canceled. */
  async cancelByLabel(): Promise<void> {
    const living = this.#jobs.jobs.filter((job) => !job.final);
    const matching = (pattern: string): typeof living =>
      living.filter((job) => matchesLabel(pattern, job.record.label));
    const pattern = await ui.showInputBox({
      title: vscode.l10n.t('Cancel Workers by Label'),
      prompt: vscode.l10n.t('Label, with * for any text and ? for any character'),
      placeHolder: vscode.l10n.t('for example nightly*'),
      validateInput: (text) => ({
        message: matchText(matching(text).map((job) => job.record.label)),
        severity: vscode.InputBoxValidationSeverity.Info,
      }),
    });
    if (pattern === undefined) return;
    const found = matching(pattern);
    if (found.length === 0) {
      void ui.showInformationMessage(vscode.l10n.t('No running or queued job has a label like "{0}".', pattern));
      return;
    }
    await this.#canceling.cancelJobs(found);
  }

  /** Stops tracking: said plainly before, since people take it for a cancel. */
  async detach(first: unknown, selected: unknown): Promise<void> {
    const jobs = targetsOf(this.#jobs, first, selected).jobs.filter((job) => job.state === 'running');
    if (jobs.length === 0) return;
    const stop = vscode.l10n.t('Stop Tracking');
    const choice = await ui.showWarningMessage(
      jobs.length === 1
        ? vscode.l10n.t('Stop tracking “{0}”?', jobs[0]?.record.label ?? '')
        : vscode.l10n.t('Stop tracking {0} workers?', jobs.length),
      {
        modal: true,
        detail: vscode.l10n.t(
          'This does not stop the worker: it runs on and commits. Its rows and its outcome will not be known.',
        ),
      },
      stop,
    );
    if (choice === stop) for (const job of jobs) this.#jobs.detach(job.id);
  }

  async copyPid(first: unknown, selected: unknown): Promise<void> {
    const { jobs, workers } = targetsOf(this.#jobs, first, selected);
    const pids = [...jobs.map((job) => job.record.pid), ...workers.map(({ worker }) => worker.pid)].filter(
      (pid) => pid !== undefined,
    );
    if (pids.length > 0) await vscode.env.clipboard.writeText(pids.join('\n'));
  }

  async copySql(first: unknown, selected: unknown): Promise<void> {
    const { jobs, workers } = targetsOf(this.#jobs, first, selected);
    const texts = [...jobs.map((job) => job.record.request.sql), ...workers.map(({ worker }) => worker.query ?? '')];
    await vscode.env.clipboard.writeText(texts.join('\n'));
  }

  async clearFinished(first: unknown, selected: unknown): Promise<void> {
    const { jobs } = targetsOf(this.#jobs, first, selected);
    await this.#jobs.clearFinished(jobs.length > 0 ? jobs.map((job) => job.id) : undefined);
  }

  /** Asks every used server now, and tries at once what waits. */
  async refresh(): Promise<void> {
    this.#jobs.hurry();
    await Promise.allSettled(
      this.#connections.profiles.map(async ({ name }) => {
        this.#connections.mayAsk(name);
        await this.#connections.existing(name)?.refresh();
      }),
    );
    this.#view.rearrange();
  }

  /**
   * Asks whether a command is really meant for a row that has just moved under the mouse.
   * @param row what the command was called with
   */
  async isMeant(row: unknown, question: string, action: string): Promise<boolean> {
    if (!this.#view.justMoved(row)) return true;
    return (await ui.showWarningMessage(question, { modal: true }, action)) === action;
  }

  #cancelForeign(targets: Targets, graceMs: number | undefined): Promise<void>[] {
    const connections = new Set(targets.workers.map(({ connection }) => connection));
    return [...connections].map((connection) =>
      this.#canceling.cancelForeignWorkers(
        connection,
        targets.workers.filter((one) => one.connection === connection).map(({ worker }) => worker),
        graceMs,
      ),
    );
  }
}
