import * as vscode from 'vscode';
import type { JobService } from '../../core/jobs/jobService';
import { mayHaveWorker } from '../../core/jobs/states';
import { Disposables } from '../base/disposables';
import { commandId } from '../base/commandIds';
import { setContext } from '../base/contextKeys';
import * as ui from '../base/ui';

/** The status bar item with the number of jobs; a click opens the view. Also updates the context keys about jobs. */
export class StatusBar implements vscode.Disposable {
  readonly #item = ui.createStatusBarItem('pgBackground.jobs', vscode.StatusBarAlignment.Left, 50);
  readonly #disposables = new Disposables();
  #shown = '';

  readonly #jobs: JobService;

  constructor(jobs: JobService) {
    this.#jobs = jobs;

    this.#item.name = vscode.l10n.t('pg_background Jobs');
    this.#item.command = commandId('showJobs');
    this.#disposables.add(this.#item);
    this.#disposables.add(jobs.onDidChange(() => this.update()));
    this.#disposables.add(jobs.onDidRemove(() => this.update()));
    this.update();
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  /** Updates the item and the context keys. */
  update(): void {
    const all = this.#jobs.jobs;
    const running = all.filter((job) => mayHaveWorker(job.state)).length;
    const queued = all.filter((job) => job.state === 'queued').length;
    const unresponsive = all.filter((job) => job.state === 'unresponsive').length;
    const held = all.some((job) => job.record.held && job.state === 'queued');
    const key = [running, queued, unresponsive, held, all.length].join();
    // Progress is reported many times a second; the counts change rarely.
    if (key === this.#shown) return;
    this.#shown = key;
    setContext('hasJobs', all.length > 0);
    setContext('hasRunningJobs', running + queued > 0);
    setContext('hasFinishedJobs', all.length > running + queued);
    setContext('hasHeldJobs', held);
    if (running + queued === 0) {
      this.#item.hide();
      return;
    }
    // A batch is one job to the user.
    const unfinished = all.filter((job) => !job.final);
    const count = new Set(unfinished.map((job) => this.#jobs.batchOf(job)[0]?.id ?? job.id)).size;
    const text = count === 1 ? vscode.l10n.t('1 job') : vscode.l10n.t('{0} jobs', count);
    this.#item.text = `${running > 0 ? '$(sync~spin)' : '$(clock)'} ${text}`;
    const details = [vscode.l10n.t('{0} running', running), vscode.l10n.t('{0} queued', queued)];
    if (unresponsive > 0) details.push(vscode.l10n.t('{0} not responding to cancel', unresponsive));
    this.#item.tooltip = `pg_background: ${details.join(', ')}`;
    this.#item.accessibilityInformation = { label: `pg_background: ${details.join(', ')}`, role: 'button' };
    this.#item.backgroundColor =
      unresponsive > 0 ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
    this.#item.show();
  }
}
