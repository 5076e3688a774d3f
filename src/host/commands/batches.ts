import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { EditorCommands } from '../editor/editorCommands';
import type { EditorSnapshot } from '../editor/editorSnapshot';
import { firstFailure } from '../jobs/batchText';
import { cancelOrder } from '../jobs/cancelTexts';
import type { Launcher } from '../launch/launcher';
import type { Results } from '../results/results';
import { BatchNode } from '../tree/nodes/batchNode';
import { pickJob, targetsOf } from './jobTargets';
import type { JobCommands } from './jobs';

/** The commands for batches. */
export class BatchCommands {
  readonly #jobs: JobService;
  readonly #jobCommands: JobCommands;
  readonly #launcher: Launcher;
  readonly #results: Results;
  readonly #editor: () => Promise<EditorCommands>;

  constructor(
    jobs: JobService,
    jobCommands: JobCommands,
    launcher: Launcher,
    results: Results,
    editor: () => Promise<EditorCommands>,
  ) {
    this.#jobs = jobs;
    this.#jobCommands = jobCommands;
    this.#launcher = launcher;
    this.#results = results;
    this.#editor = editor;
  }

  /** Cancels all jobs of a batch, after one confirmation. */
  async cancelAll(first: unknown): Promise<void> {
    const living = this.#batchOf(first).filter(({ final }) => !final);
    await this.#jobCommands.confirmCancel(cancelOrder(living));
  }

  /** Runs the statements that did not succeed again. @returns the ids of the new jobs */
  async rerunFailed(first: unknown): Promise<readonly string[]> {
    const batch = this.#batchOf(first);
    if (batch.length === 0 || batch.some(({ final }) => !final)) return [];
    const question = vscode.l10n.t('The list has just changed. Run what failed again?');
    if (!(await this.#jobCommands.confirmIfMoved(first, question, vscode.l10n.t('Run Again')))) return [];
    return (await this.#launcher.batches()).rerunFailed(batch);
  }

  async showFirstFailure(first: unknown): Promise<void> {
    const failure = firstFailure(this.#batchOf(first));
    if (failure) await this.#results.show(failure.id);
  }

  /** Runs SQL after a job has ended. @returns the ids of the new jobs */
  async runAfter(first: unknown, here: EditorSnapshot | undefined): Promise<readonly string[]> {
    const candidates = this.#jobs.jobs.filter(({ final, record }) => !final && !record.batch);
    const [row] = targetsOf(this.#jobs, first, undefined).jobs;
    const job = row ?? (await pickJob(candidates, vscode.l10n.t('Choose the job to run after')));
    return job ? (await this.#editor()).runAfter(job, here) : [];
  }

  /** The jobs of the batch on which a command was called: its row, or the id of one of its jobs. */
  #batchOf(first: unknown): readonly Job[] {
    if (first instanceof BatchNode) return first.all;
    const job = typeof first === 'string' ? this.#jobs.get(first) : undefined;
    return job ? this.#jobs.batchOf(job) : [];
  }
}
