import * as vscode from 'vscode';
import type { JobService } from '../../core/jobs/jobService';
import type { Job } from '../../core/jobs/job';
import { mayHaveWorker } from '../../core/jobs/states';
import { Disposables } from '../base/disposables';
import { commandId } from '../base/commandIds';
import { setContext } from '../base/contextKeys';
import * as ui from '../base/ui';
import { join, stateName } from './jobText';

/** The number of jobs to which the tooltip has links. */
const MAX_LINKS = 10;

/** The status bar item and the view's badge with the number of jobs; a click opens the view. Also updates the context keys about jobs. */
export class StatusBar implements vscode.Disposable {
  readonly #item = ui.createStatusBarItem('pgBackground.jobs', vscode.StatusBarAlignment.Left, 50);
  readonly #disposables = new Disposables();
  #shown = '';

  readonly #jobs: JobService;

  readonly #setBadge: (badge: vscode.ViewBadge | undefined) => void;

  constructor(jobs: JobService, setBadge: (badge: vscode.ViewBadge | undefined) => void) {
    this.#jobs = jobs;
    this.#setBadge = setBadge;

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
    const unfinished = all.filter((job) => !job.final);
    const links = shownFirst(unfinished);
    const linked = links.map(({ id, state }) => `${id} ${state}`);
    const key = [running, queued, unresponsive, held, all.length, ...linked].join();
    // Progress is reported many times a second; the counts change rarely.
    if (key === this.#shown) return;
    this.#shown = key;
    setContext('hasJobs', all.length > 0);
    setContext('hasRunningJobs', running + queued > 0);
    setContext('hasFinishedJobs', all.length > running + queued);
    setContext('hasHeldJobs', held);
    if (running + queued === 0) {
      this.#item.hide();
      this.#setBadge(undefined);
      return;
    }
    // A batch is one job to the user.
    const count = new Set(unfinished.map((job) => this.#jobs.batchOf(job)[0]?.id ?? job.id)).size;
    const text = count === 1 ? vscode.l10n.t('1 job') : vscode.l10n.t('{0} jobs', count);
    this.#item.text = `${running > 0 ? '$(sync~spin)' : '$(clock)'} ${text}`;
    const details = [vscode.l10n.t('{0} running', running), vscode.l10n.t('{0} queued', queued)];
    if (unresponsive > 0) details.push(vscode.l10n.t('{0} not responding to cancel', unresponsive));
    const summary = `pg_background: ${details.join(', ')}`;
    this.#item.tooltip = tooltip(summary, links, unfinished.length - links.length);
    this.#item.accessibilityInformation = { label: summary, role: 'button' };
    this.#setBadge({ value: count, tooltip: details.join(', ') });
    this.#item.backgroundColor =
      unresponsive > 0 ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
    this.#item.show();
  }
}

/** The jobs to show in the tooltip: those that need the user first, then the running and the waiting ones. */
function shownFirst(unfinished: readonly Job[]): readonly Job[] {
  const needUser = unfinished.filter(({ state }) => state === 'unresponsive');
  const waiting = unfinished.filter(({ state }) => state === 'queued');
  const others = unfinished.filter(({ state }) => state !== 'unresponsive' && state !== 'queued');
  return [...needUser, ...others, ...waiting].slice(0, MAX_LINKS);
}

/** @param more the number of jobs without a link */
function tooltip(summary: string, links: readonly Job[], more: number): vscode.MarkdownString {
  const markdown = new ui.Markdown().text(summary).own('\n\n');
  for (const { id, state, record } of links) {
    markdown.own('- ').link(record.label, commandId('showResults'), id);
    markdown
      .own(' ')
      .text(join(stateName(state), record.connection))
      .own('\n');
  }
  const rest = more === 1 ? vscode.l10n.t('1 more job') : vscode.l10n.t('{0} more jobs', more);
  return (more > 0 ? markdown.own('\n').text(rest) : markdown).value;
}
