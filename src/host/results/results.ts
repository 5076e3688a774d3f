import type * as vscode from 'vscode';
import type { Disposable } from '../../core/base/disposable';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { SpoolFiles } from '../../core/results/spool/spoolStore';
import type { Canceling } from '../jobs/canceling';
import type { Launcher } from '../launch/launcher';
import type { FailurePlace } from '../editor/failures';
import { jobSource } from './jobSource';
import { ResultsPanels } from './resultsPanels';
import type { Walkthrough } from '../walkthrough';

/** The results panels, wired to the jobs. */
export class Results implements Disposable {
  readonly #panels: ResultsPanels;

  readonly #walkthrough: Walkthrough;

  constructor(
    context: vscode.ExtensionContext,
    jobs: JobService,
    launcher: Launcher,
    canceling: Canceling,
    files: SpoolFiles,
    walkthrough: Walkthrough,
    errorPlace: (job: Job) => Promise<FailurePlace | undefined>,
  ) {
    this.#walkthrough = walkthrough;

    this.#panels = new ResultsPanels(
      jobSource(jobs, files, {
        errorPlace: async (id) => {
          const job = jobs.get(id);
          return job && errorPlace(job);
        },
        cancel: (id) => {
          const job = jobs.get(id);
          return job && canceling.cancelJobs([job]);
        },
        rerun: async (id) => {
          const job = jobs.get(id);
          const again = job && (await launcher.rerun(job, false));
          if (again !== undefined) await this.show(again);
        },
      }),
      context.extensionUri,
    );
  }

  /** Takes up the panels of before a reload, once the jobs are known. */
  restore(): void {
    this.#panels.restore();
  }

  async show(id: string): Promise<void> {
    await this.#panels.show(id);
    this.#walkthrough.mark('results');
  }

  /** A look at a job's results, with the keyboard left where it is; the next one takes its place. */
  async preview(id: string): Promise<void> {
    await this.#panels.show(id, { preview: true, preserveFocus: true });
    this.#walkthrough.mark('results');
  }

  /** The same panel, at its facts. */
  async showDetails(id: string): Promise<void> {
    await this.#panels.show(id, { tab: 'details' });
    this.#walkthrough.mark('results');
  }

  /** True where the user has the job's panel before them. */
  isVisible(id: string): boolean {
    return this.#panels.isVisible(id);
  }

  dispose(): void {
    this.#panels.dispose();
  }
}
