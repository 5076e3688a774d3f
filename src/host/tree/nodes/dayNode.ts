import * as vscode from 'vscode';
import type { Job } from '../../../core/jobs/job';
import type { BatchNode } from './batchNode';
import { isSameDay } from '../../../shared/timeText';
import { join } from '../../jobs/jobText';

/** The finished jobs and batches of an earlier day. */
export class DayNode {
  /** Newest first. */
  rows: readonly (Job | BatchNode)[] = [];
  /** Whether the tree is filtered, so the rows below are what the user looks for. */
  filtered = false;

  /** @param day its start, milliseconds since 1970 */
  constructor(
    readonly connection: string,
    readonly day: number,
  ) {}

  item(): vscode.TreeItem {
    const { Expanded, Collapsed } = vscode.TreeItemCollapsibleState;
    const name = dayName(this.day, Date.now());
    const item = new vscode.TreeItem(name, this.filtered ? Expanded : Collapsed);
    // VS Code remembers by id whether a row is expanded.
    item.id = `day:${this.connection}:${this.day}:${this.filtered ? 'filtered' : 'all'}`;
    const count = this.rows.length;
    const jobs = count === 1 ? vscode.l10n.t('1 job') : vscode.l10n.t('{0} jobs', count);
    item.description = jobs;
    item.iconPath = new vscode.ThemeIcon('history');
    item.contextValue = 'day';
    item.accessibilityInformation = { label: join(name, jobs) };
    return item;
  }
}

function dayName(day: number, now: number): string {
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (isSameDay(day, yesterday.getTime())) return vscode.l10n.t('Yesterday');
  const year = new Date(day).getFullYear() === new Date(now).getFullYear() ? {} : { year: 'numeric' as const };
  return new Date(day).toLocaleDateString(vscode.env.language, {
    weekday: 'short',
    month: 'short',
    day: 'numeric',
    ...year,
  });
}
