import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Disposable } from '../../../core/base/disposable';
import type { Job } from '../../../core/jobs/job';
import type { JobService } from '../../../core/jobs/jobService';
import { matchColumns, type MatchedColumns } from '../../../core/results/compare/columns';
import { compareResults, type Comparison } from '../../../core/results/compare/compare';
import { COMPARISON, SpoolReader } from '../../../core/results/spool/spool';
import type { SpoolFiles } from '../../../core/results/spool/spoolStore';
import type { pickJob } from '../../commands/jobTargets';
import { faultText } from '../../messages/faultText';
import * as ui from '../../base/ui';
import { startOf } from '../../jobs/jobText';
import { RefusedError } from '../refusedError';
import type { ResultsPanels } from '../resultsPanels';
import type { ResultsJob, ResultsSource, RowsReader } from '../rowSource';
import { chooseKeys } from './chooseKeys';
import { changeLabels, comparisonJob, type ComparedSide } from './comparisonJob';

/** The type of the panels. VS Code does not restore them: the rows of a comparison exist as long as its panel. */
const VIEW_TYPE = 'pgBackground.comparison';

/** A result to compare, open for reading. */
interface OpenSide extends ComparedSide {
  readonly reader: RowsReader;
}

interface Shown {
  readonly job: ResultsJob;
  readonly folder: string;
  readonly file: string;
}

/** What code that calls the command gets. */
export interface CompareOutcome extends Comparison {
  /** Columns that only one of the results has. */
  readonly onlyBefore: readonly string[];
  readonly onlyAfter: readonly string[];
}

export interface ComparisonParts {
  readonly jobs: JobService;
  readonly files: SpoolFiles;
  readonly results: {
    readonly source: ResultsSource;
    newPanels(source: ResultsSource, type: string): ResultsPanels;
  };
  readonly pickJob: typeof pickJob;
}

/** Compares results of jobs and shows the differences in panels of their own. */
export class Comparisons implements Disposable {
  readonly #panels: ResultsPanels;
  readonly #shown = new Map<string, Shown>();
  readonly #running = new Set<AbortController>();

  readonly #jobs: JobService;
  readonly #files: SpoolFiles;
  readonly #source: ResultsSource;
  readonly #pickJob: typeof pickJob;

  /** Imports little of what is always loaded: each such import splits the bundle of it into more parts. */
  constructor({ jobs, files, results, pickJob: pick }: ComparisonParts) {
    this.#pickJob = pick;
    this.#jobs = jobs;
    this.#files = files;
    this.#source = results.source;
    this.#panels = results.newPanels(this.#panelSource(), VIEW_TYPE);
  }

  /**
   * Compares two results and shows the differences. The user chooses jobs that are not given, and the key columns.
   *
   * @throws RefusedError if they cannot be compared; RowsError if the disk is full
   */
  async compare(given: readonly Job[]): Promise<CompareOutcome | undefined> {
    const chosen = await this.#chooseJobs(given);
    if (!chosen) return undefined;
    const sides: OpenSide[] = [];
    try {
      for (const job of chosen) sides.push(await this.#open(job));
      const [before, after] = sides;
      if (!before || !after || !(await confirmIncomplete(sides))) return undefined;
      const columns = matchColumns(before.reader.columns, after.reader.columns);
      if (columns.common.length === 0) {
        throw new RefusedError(vscode.l10n.t('The results cannot be compared: they have no column name in common.'));
      }
      const keys = await chooseKeys(columns.common, before.reader, after.reader);
      if (!keys) return undefined;
      return await this.#run(before, after, columns, keys);
    } finally {
      await Promise.all(sides.map(({ reader }) => reader.close()));
    }
  }

  dispose(): void {
    for (const running of this.#running) running.abort();
    this.#panels.dispose();
  }

  /** The jobs to compare, the earlier one first. */
  async #chooseJobs(given: readonly Job[]): Promise<readonly Job[] | undefined> {
    if (given.length > 2) throw new RefusedError(vscode.l10n.t('Select two jobs to compare their results.'));
    for (const job of given) checkEnded(job);
    const all = this.#jobs.jobs.filter((job) => job.final && job.record.columns !== undefined);
    const one = given[0] ?? (await this.#pickJob(all, vscode.l10n.t('Choose the first result to compare')));
    if (!one) return undefined;
    const others = all.filter((job) => job !== one);
    if (given.length < 2 && others.length === 0) {
      throw new RefusedError(vscode.l10n.t('There is no other job with rows to compare with.'));
    }
    const names = namesOf(one);
    const alike = others.filter((job) => namesOf(job) === names).map(({ id }) => id);
    const question = vscode.l10n.t('Choose the result to compare “{0}” with', one.record.label);
    const two = given[1] ?? (await this.#pickJob(others, question, alike, vscode.l10n.t('same columns')));
    return two && [one, two].sort((a, b) => startOf(a) - startOf(b));
  }

  async #open(job: Job): Promise<OpenSide> {
    const reader = await this.#source.rows(job.id, true);
    if (!reader) throw new RefusedError(vscode.l10n.t('“{0}” has no rows to compare.', job.record.label));
    const status = await reader.status();
    const isComplete =
      status.complete &&
      status.stopped === undefined &&
      status.dropped === 0 &&
      status.fault?.code !== 'rows.noDescription';
    const why = status.fault === undefined ? '' : faultText(status.fault);
    return { job, reader, rows: status.rows, ...(isComplete ? {} : { incomplete: why }) };
  }

  async #run(
    before: OpenSide,
    after: OpenSide,
    columns: MatchedColumns,
    keys: readonly number[],
  ): Promise<CompareOutcome | undefined> {
    const id = randomUUID();
    const folder = this.#files.path(`${COMPARISON}${id}`);
    const file = join(folder, 'rows');
    const abort = new AbortController();
    this.#running.add(abort);
    let shown = false;
    try {
      const comparison = await withProgress(before, after, abort, (progress) =>
        compareResults({
          before: before.reader,
          after: after.reader,
          columns,
          keys,
          file,
          labels: changeLabels(),
          signal: abort.signal,
          progress,
        }),
      );
      this.#shown.set(id, { job: comparisonJob(id, before, after, columns, keys, comparison), folder, file });
      shown = await this.#panels.show(id);
      if (!shown) this.#shown.delete(id);
      return { ...comparison, onlyBefore: columns.onlyBefore, onlyAfter: columns.onlyAfter };
    } catch (error) {
      if (abort.signal.aborted) return undefined;
      throw error;
    } finally {
      this.#running.delete(abort);
      if (!shown) await remove(folder);
    }
  }

  /** The comparisons, as the results panels show jobs. */
  #panelSource(): ResultsSource {
    const nothing = { dispose: () => undefined };
    return {
      job: (id) => this.#shown.get(id)?.job,
      rows: async (id) => {
        const shown = this.#shown.get(id);
        return shown && SpoolReader.open(shown.file);
      },
      closed: (id) => {
        const shown = this.#shown.get(id);
        this.#shown.delete(id);
        // Sweeping at the next start removes what cannot be removed now.
        if (shown) void remove(shown.folder).catch(() => undefined);
      },
      onDidChange: () => nothing,
      onDidRemove: () => nothing,
      notices: () => [],
      noticesNotHeld: () => 0,
      fullText: () => undefined,
      errorPlace: () => Promise.resolve(undefined),
      cancel: () => undefined,
      rerun: () => undefined,
    };
  }
}

/** The names of a job's columns in any order. */
function namesOf({ record }: Job): string {
  return JSON.stringify(record.columns?.map(({ name }) => name).sort());
}

/** Rows of a job that has not ended may be missing, which would look like a difference. */
function checkEnded(job: Job): void {
  const { label } = job.record;
  if (!job.final) {
    throw new RefusedError(
      vscode.l10n.t('“{0}” has not ended. Compare its rows when all of them have arrived.', label),
    );
  }
  if (job.record.columns === undefined) throw new RefusedError(vscode.l10n.t('“{0}” has no rows to compare.', label));
}

/** Asks whether to compare results that are not complete. */
async function confirmIncomplete(sides: readonly OpenSide[]): Promise<boolean> {
  const incomplete = sides.filter((side) => side.incomplete !== undefined);
  if (incomplete.length === 0) return true;
  const anyway = vscode.l10n.t('Compare Anyway');
  const detail = [
    ...incomplete.map(({ job, incomplete: why = '' }) =>
      why === '' ? vscode.l10n.t('“{0}” is not complete.', job.record.label) : `${job.record.label}: ${why}`,
    ),
    vscode.l10n.t('Rows that were not kept look like added or removed rows.'),
  ].join('\n');
  const choice = await ui.showWarningMessage(
    vscode.l10n.t('Compare results that are not complete?'),
    { modal: true, detail },
    anyway,
  );
  return choice === anyway;
}

/** Shows the progress of a comparison, which can be canceled. */
function withProgress<R>(
  before: ComparedSide,
  after: ComparedSide,
  abort: AbortController,
  work: (progress: (fraction: number) => void) => Promise<R>,
): Thenable<R> {
  const title = vscode.l10n.t('Comparing “{0}” with “{1}”', before.job.record.label, after.job.record.label);
  return ui.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    async (progress, token) => {
      token.onCancellationRequested(() => abort.abort());
      let reported = 0;
      return work((fraction) => {
        const increment = fraction * 100 - reported;
        // At most one report per percent: each one redraws the notification.
        if (increment < 1) return;
        reported += increment;
        progress.report({ increment, message: `${Math.floor(fraction * 100)} %` });
      });
    },
  );
}

/** Removes the files of a comparison. */
function remove(folder: string): Promise<void> {
  // Windows refuses to remove a file that is still open: the panel closes its own a moment later.
  return rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
