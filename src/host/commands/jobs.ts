import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import { mayHaveWorker } from '../../core/jobs/states';
import type { Canceling } from '../jobs/canceling';
import type { Connections } from '../connections/connections';
import { matchesLabel } from '../launch/labelPattern';
import { parseDuration } from '../../core/sql/settings/gucUnits';
import type { ActiveFilter } from '../tree/activeFilter';
import type { WorkersView } from '../tree/workersView';
import { pickJob, targetsOf, type CommandTargets } from './jobTargets';
import * as ui from '../base/ui';
import { jobLink } from '../jobLinks';

/** Maximum number of labels in the preview of a cancel by label. */
const MAX_PREVIEWED = 8;

/** Describes the jobs that a pattern matches. */
function matchText(labels: readonly string[]): string {
  if (labels.length === 0) return vscode.l10n.t('No running or queued job matches.');
  const named = labels.slice(0, MAX_PREVIEWED).join(', ');
  const more = labels.length - MAX_PREVIEWED;
  const all = more > 0 ? vscode.l10n.t('{0} and {1} more', named, more) : named;
  return labels.length === 1
    ? vscode.l10n.t('Will cancel 1 job: {0}', all)
    : vscode.l10n.t('Will cancel {0} jobs: {1}', labels.length, all);
}

/** Describes what a cancel does to running and queued jobs. */
function effectText(running: number, queued: number): string {
  const texts: string[] = [];
  if (running === 1) texts.push(vscode.l10n.t('1 running job will be rolled back.'));
  else if (running > 1) texts.push(vscode.l10n.t('{0} running jobs will be rolled back.', running));
  if (queued === 1) texts.push(vscode.l10n.t('1 queued job will not start.'));
  else if (queued > 1) texts.push(vscode.l10n.t('{0} queued jobs will not start.', queued));
  return texts.join(' ');
}

/** The commands for jobs and workers. */
export class JobCommands {
  readonly #jobs: JobService;
  readonly #connections: Connections;
  readonly #canceling: Canceling;
  readonly #view: WorkersView;
  readonly #filter: ActiveFilter;

  constructor(
    jobs: JobService,
    connections: Connections,
    canceling: Canceling,
    view: WorkersView,
    filter: ActiveFilter,
  ) {
    this.#jobs = jobs;
    this.#connections = connections;
    this.#canceling = canceling;
    this.#view = view;
    this.#filter = filter;
  }

  /** @param atCursor returns the ids of the jobs to list first if the user has to choose */
  async cancel(
    first: unknown,
    selected: unknown,
    graceMs?: number,
    atCursor?: () => Promise<readonly string[]>,
  ): Promise<void> {
    const targets = targetsOf(this.#jobs, first, selected);
    if (targets.jobs.length + targets.workers.length === 0) {
      const job = await pickJob(
        this.#jobs.jobs.filter(({ final }) => !final),
        vscode.l10n.t('Choose a job to cancel'),
        await atCursor?.(),
      );
      if (job) await this.#canceling.cancelJobs([job], graceMs);
      return;
    }
    const labels = [
      ...targets.jobs.map(({ record }) => record.label),
      ...targets.workers.map(({ worker }) => worker.label),
    ];
    const question = vscode.l10n.t('The list has just changed. Cancel “{0}”?', labels.join('”, “'));
    if (!(await this.confirmIfMoved(first, question, vscode.l10n.t('Cancel Anyway')))) return;
    await Promise.all([this.#canceling.cancelJobs(targets.jobs, graceMs), ...this.#cancelWorkers(targets, graceMs)]);
  }

  async cancelWithGrace(first: unknown, selected: unknown): Promise<void> {
    const text = await ui.showInputBox({
      title: vscode.l10n.t('Cancel with a Longer Grace Window'),
      prompt: vscode.l10n.t(
        'How long to wait for the worker to stop, for example 60s. This extension never kills a worker.',
      ),
      value: '60s',
      validateInput: (input) =>
        parseDuration(input) === undefined ? vscode.l10n.t('Enter a duration such as 30s or 5min.') : undefined,
    });
    const graceMs = text === undefined ? undefined : parseDuration(text);
    if (graceMs !== undefined) await this.cancel(first, selected, graceMs);
  }

  /** Cancels all jobs of this window, or of one connection, after one confirmation. Not the durable jobs of other roles. */
  async cancelAll(connection?: string): Promise<void> {
    const living = this.#jobs.jobs.filter(
      (job) =>
        !job.final &&
        job.record.durable?.own !== false &&
        (connection === undefined || job.record.connection === connection),
    );
    if (living.length === 0) {
      void ui.showInformationMessage(vscode.l10n.t('No jobs are running or queued.'));
      return;
    }
    await this.confirmCancel(living);
  }

  /** Cancels jobs in this order, after one confirmation. */
  async confirmCancel(living: readonly Job[]): Promise<void> {
    if (living.length === 0) return;
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

  /** Cancels the jobs whose label matches a pattern with `*` and `?`. Shows the matches while the user types. */
  async cancelByLabel(): Promise<void> {
    const living = this.#jobs.jobs.filter((job) => !job.final);
    const matching = (pattern: string): typeof living =>
      living.filter((job) => matchesLabel(pattern, job.record.label));
    const pattern = await ui.showInputBox({
      title: vscode.l10n.t('Cancel Jobs by Label'),
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
      void ui.showInformationMessage(vscode.l10n.t('No running or queued job matches “{0}”.', pattern));
      return;
    }
    await this.#canceling.cancelJobs(found);
  }

  /** Stops tracking jobs. The confirmation explains that this is not a cancel, because users confuse the two. */
  async detach(first: unknown, selected: unknown): Promise<void> {
    const jobs = targetsOf(this.#jobs, first, selected).jobs.filter((job) => job.state === 'running');
    if (jobs.length === 0) return;
    const stop = vscode.l10n.t('Stop Tracking');
    const choice = await ui.showWarningMessage(
      jobs.length === 1
        ? vscode.l10n.t('Stop tracking “{0}”?', jobs[0]?.record.label ?? '')
        : vscode.l10n.t('Stop tracking {0} jobs?', jobs.length),
      {
        modal: true,
        detail: vscode.l10n.t(
          'This does not stop the worker: it keeps running and commits. Its rows are lost and its outcome stays unknown.',
        ),
      },
      stop,
    );
    if (choice === stop) for (const job of jobs) this.#jobs.detach(job.id);
  }

  async copyPid(first: unknown, selected: unknown): Promise<void> {
    const { jobs, others, workers } = targetsOf(this.#jobs, first, selected);
    const pids = new Set([
      ...[...jobs, ...others].map((job) => job.record.pid),
      ...workers.map(({ worker }) => worker.pid),
    ]);
    pids.delete(undefined);
    if (pids.size > 0) await vscode.env.clipboard.writeText([...pids].join('\n'));
  }

  async copySql(first: unknown, selected: unknown): Promise<void> {
    const { jobs, others, workers } = targetsOf(this.#jobs, first, selected);
    // The SQL of a durable job may be cut in the list.
    for (const { id } of jobs) await this.#jobs.durable.whole(id);
    const ofOthers = new Set(others.map((job) => job.record.pid));
    const texts = [
      ...[...jobs, ...others].map((job) => job.record.request.sql),
      ...workers.filter(({ worker }) => !ofOthers.has(worker.pid)).map(({ worker }) => worker.query ?? ''),
    ];
    await vscode.env.clipboard.writeText(texts.join('\n'));
  }

  /** Copies links that open the results of jobs. */
  async copyLinks(first: unknown, selected: unknown): Promise<void> {
    const { jobs } = targetsOf(this.#jobs, first, selected);
    if (jobs.length > 0) await vscode.env.clipboard.writeText(jobs.map(({ id }) => jobLink(id)).join('\n'));
  }

  /** Pins or unpins jobs: pinned ones are kept until the user clears these very jobs. */
  async setPinned(first: unknown, selected: unknown, pinned: boolean): Promise<void> {
    for (const job of targetsOf(this.#jobs, first, selected).jobs) await this.#jobs.setPinned(job.id, pinned);
  }

  /** Clears the selected jobs, or all finished ones that are not pinned. With a filter, only those that it shows. */
  async clearFinished(first: unknown, selected: unknown): Promise<void> {
    const { jobs } = targetsOf(this.#jobs, first, selected);
    const shown = this.#filter.filter.empty
      ? undefined
      : this.#jobs.jobs.filter((job) => !job.pinned && this.#filter.matches(job));
    await this.#jobs.clearFinished((jobs.length > 0 ? jobs : shown)?.map((job) => job.id));
  }

  /** Polls every open connection and retries waiting jobs now. */
  async refresh(): Promise<void> {
    this.#jobs.retryNow();
    await Promise.allSettled(
      this.#connections.profiles.map(async ({ name }) => {
        this.#connections.allowPrompts(name);
        await this.#connections.existing(name)?.refresh();
      }),
    );
    this.#view.rearrange();
  }

  /**
   * Asks for confirmation if the row has just moved under the mouse.
   *
   * @param row the argument of the command
   */
  async confirmIfMoved(row: unknown, question: string, action: string): Promise<boolean> {
    if (!this.#view.justMoved(row)) return true;
    return (await ui.showWarningMessage(question, { modal: true }, action)) === action;
  }

  #cancelWorkers(targets: CommandTargets, graceMs: number | undefined): Promise<void>[] {
    const connections = new Set(targets.workers.map(({ connection }) => connection));
    return [...connections].map((connection) =>
      this.#canceling.cancelForeignWorkers(
        connection,
        targets.workers.filter((target) => target.connection === connection).map(({ worker }) => worker),
        graceMs,
      ),
    );
  }
}
