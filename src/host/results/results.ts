import * as vscode from 'vscode';
import type { Disposable } from '../../core/base/disposable';
import type { Job } from '../../core/jobs/job';
import type { ActiveWorker } from '../../core/jobs/ports';
import type { JobService } from '../../core/jobs/jobService';
import type { SpoolFiles } from '../../core/results/spool/spoolStore';
import type { Connections } from '../connections/connections';
import type { Canceling } from '../jobs/canceling';
import type { Launcher } from '../launch/launcher';
import type { FailureLocation } from '../editor/failures';
import { ACTIVITY_VIEW_TYPE } from '../activity/activityTarget';
import * as ui from '../base/ui';
import { jobSource } from './jobSource';
import { ResultsPanels } from './resultsPanels';
import type { ResultsSource } from './rowSource';
import type { OtherJobsSource } from '../tree/otherJobs';
import type { Walkthrough } from '../walkthrough';

/** Connects the results panels to the jobs. */
export class Results implements Disposable {
  readonly #panels: ResultsPanels;
  /** The jobs as the panels show them. */
  readonly source: ResultsSource;

  readonly #walkthrough: Walkthrough;
  readonly #extensionUri: vscode.Uri;
  readonly #connections: Pick<Connections, 'existing' | 'link'>;

  constructor(
    context: vscode.ExtensionContext,
    jobs: JobService,
    launcher: Launcher,
    canceling: Canceling,
    files: SpoolFiles,
    walkthrough: Walkthrough,
    errorPlace: (job: Job) => Promise<FailureLocation | undefined>,
    others: OtherJobsSource,
    connections: Pick<Connections, 'existing' | 'link'>,
  ) {
    this.#walkthrough = walkthrough;
    this.#extensionUri = context.extensionUri;
    this.#connections = connections;

    this.source = jobSource(
      jobs,
      files,
      {
        errorPlace: async (id) => {
          const job = jobs.get(id);
          return job && errorPlace(job);
        },
        cancel: (id) => {
          const job = jobs.get(id);
          if (!job) showReadOnly();
          return job && canceling.cancelJobs([job]);
        },
        rerun: async (id) => {
          const job = jobs.get(id);
          if (!job) showReadOnly();
          const again = job && (await launcher.rerun(job, false));
          if (again !== undefined) await this.show(again);
        },
      },
      others,
      (name) => connections.existing(name),
    );
    this.#panels = new ResultsPanels(this.source, context.extensionUri);
  }

  /** Restores the panels after a reload. Call it once the jobs are known. */
  restore(): vscode.Disposable {
    this.#panels.restore();
    return vscode.window.registerWebviewPanelSerializer(ACTIVITY_VIEW_TYPE, {
      deserializeWebviewPanel: async (panel, state) => {
        const { restoreWorkerActivity } = await import('../activity/workerPanels');
        restoreWorkerActivity(this.#extensionUri, this.#connections, panel, state);
      },
    });
  }

  async show(id: string): Promise<void> {
    await this.#panels.show(id);
    this.#walkthrough.mark('results');
  }

  /** Previews a job's results without taking the focus. The next preview replaces it. */
  async preview(id: string): Promise<void> {
    await this.#panels.show(id, { preview: true, preserveFocus: true });
    this.#walkthrough.mark('results');
  }

  /** Shows the Details tab of a job's panel. */
  async showDetails(id: string): Promise<void> {
    await this.#panels.show(id, { tab: 'details' });
    this.#walkthrough.mark('results');
  }

  /** Shows the Activity tab of a job's panel, or, if the job has no worker, another one. */
  async showActivity(id: string): Promise<void> {
    await this.#panels.show(id, { tab: 'activity' });
  }

  /** Shows what a worker does that has no job here. */
  async showWorkerActivity(connection: string, worker: ActiveWorker): Promise<void> {
    if (!this.#connections.existing(connection)) return;
    const { showWorkerActivity } = await import('../activity/workerPanels');
    showWorkerActivity(this.#extensionUri, this.#connections, { connection, worker }, true);
  }

  /** Panels for something else than jobs. */
  newPanels(source: ResultsSource, type: string): ResultsPanels {
    return new ResultsPanels(source, this.#extensionUri, type);
  }

  /** Whether the job's panel is visible. */
  isVisible(id: string): boolean {
    return this.#panels.isVisible(id);
  }

  dispose(): void {
    this.#panels.dispose();
  }
}

function showReadOnly(): void {
  void ui.showInformationMessage(
    vscode.l10n.t('The job belongs to another workspace. Open that workspace to cancel it or to run it again.'),
  );
}
