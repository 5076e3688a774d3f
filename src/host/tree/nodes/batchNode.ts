import * as vscode from 'vscode';
import type { Job } from '../../../core/jobs/job';
import { formatSpan, formatTime } from '../../../shared/timeText';
import { Markdown } from '../../base/ui';
import {
  batchDuration,
  batchEnd,
  batchState,
  batchSummary,
  firstFailure,
  onFailureText,
  orderText,
  partOf,
} from '../../jobs/batchText';
import { join, stateName } from '../../jobs/jobText';
import { ICONS } from './jobNode';

/** A batch. Its jobs are the rows below it. */
export class BatchNode {
  /** All jobs of the batch, in its order. */
  all: readonly Job[] = [];
  /** The jobs that are listed below this row. */
  jobs: readonly Job[] = [];
  /** Whether the tree is filtered, so the rows below are what the user looks for. */
  filtered = false;
  #drawn = '';

  constructor(
    readonly batchId: string,
    readonly connection: string,
  ) {}

  /** Identifies the row among those of its connection. */
  get id(): string {
    return `batch:${this.batchId}`;
  }

  get final(): boolean {
    return this.all.every(({ final }) => final);
  }

  /** Whether the row looks different than when it was drawn last. Redrawing it also redraws the rows below it. */
  get outdated(): boolean {
    return contentOf(this.#newItem()) !== this.#drawn;
  }

  item(): vscode.TreeItem {
    const item = this.#newItem();
    this.#drawn = contentOf(item);
    return item;
  }

  #newItem(): vscode.TreeItem {
    const { Expanded, Collapsed } = vscode.TreeItemCollapsibleState;
    const part = partOf(this.all);
    const label = part?.label ?? '';
    const item = new vscode.TreeItem(label, this.filtered ? Expanded : Collapsed);
    // VS Code remembers by id whether a row is expanded.
    item.id = `${this.id}:${this.connection}:${this.filtered ? 'filtered' : 'all'}`;
    const state = batchState(this.all);
    const waits = state === 'queued' ? this.#waitText() : '';
    const summary = batchSummary(this.all);
    const pinned = this.#pinned ? vscode.l10n.t('pinned') : '';
    const duration = this.final ? batchDuration(this.all) : undefined;
    const end = batchEnd(this.all);
    item.description = join(
      pinned,
      summary,
      waits,
      duration === undefined ? '' : formatSpan(duration),
      this.final ? formatTime(end, end, vscode.env.language) : '',
    );
    item.iconPath = ICONS[state];
    item.contextValue = this.#contextWords().join(' ');
    item.accessibilityInformation = {
      label: join(vscode.l10n.t('Batch {0}', label), waits === '' ? stateName(state) : waits, summary, pinned),
    };
    const tooltip = new Markdown();
    tooltip.own('**').text(label).own('** ').text(stateName(state)).own('\n\n');
    tooltip.fact(vscode.l10n.t('Statements'), summary);
    tooltip.fact(vscode.l10n.t('Connection'), this.connection);
    if (part) {
      tooltip.fact(vscode.l10n.t('Order'), orderText(part));
      tooltip.fact(vscode.l10n.t('If a statement fails'), onFailureText(part));
    }
    const failure = firstFailure(this.all);
    tooltip.fact(vscode.l10n.t('First failure'), failure?.record.label);
    item.tooltip = tooltip.value;
    return item;
  }

  get #pinned(): boolean {
    return this.all.every(({ pinned }) => pinned);
  }

  #waitText(): string {
    const waiting = this.all.filter(({ state }) => state === 'queued');
    return waiting.every(({ record }) => record.held) ? vscode.l10n.t('paused') : vscode.l10n.t('queued');
  }

  /** The words that the menus in package.json match. */
  #contextWords(): string[] {
    const words = ['batch', this.#pinned ? 'pinned' : 'unpinned'];
    if (firstFailure(this.all)) words.push('batchFailure');
    if (!this.final) words.push('batchCancelable');
    else {
      words.push('finished');
      if (this.all.some(({ state }) => state !== 'succeeded')) words.push('batchRerunnable');
    }
    return words;
  }
}

function contentOf({ label, description, iconPath, contextValue, tooltip }: vscode.TreeItem): string {
  const shown = typeof tooltip === 'string' ? tooltip : tooltip?.value;
  return JSON.stringify([label, description, iconPath, contextValue, shown]);
}
