import * as vscode from 'vscode';
import type { ActiveWorker } from '../../../core/jobs/ports';
import { formatRunning } from '../../../shared/timeText';
import { Markdown } from '../../base/ui';
import { workspaceName, type ShownOtherJob } from '../otherJobs';
import { commandId } from '../../base/commandIds';
import { join } from '../../jobs/jobText';
import { workKinds } from '../workKinds';

/** A foreign worker: one that was not launched from this window. */
export class WorkerNode {
  constructor(
    readonly connection: string,
    public worker: ActiveWorker,
    /** The job of another workspace that it belongs to. */
    public other?: ShownOtherJob,
  ) {}

  item(): vscode.TreeItem {
    const { worker, other } = this;
    // The server keeps only the beginning of a long label.
    const label = other?.job.record.label ?? worker.label;
    const item = new vscode.TreeItem(label === '' ? vscode.l10n.t('(no label)') : label);
    item.id = `worker:${this.connection}:${worker.pid}:${worker.backendStart}`;
    const elapsed = worker.runningSeconds === undefined ? '' : formatRunning(worker.runningSeconds * 1000);
    const source = other
      ? vscode.l10n.t('in another workspace ({0})', workspaceName(other.workspace))
      : vscode.l10n.t('launched elsewhere');
    const { kind } = worker;
    const kinds = workKinds();
    const blocks = kinds?.blockingText(worker.blocking) ?? '';
    const works = (kind && kinds?.kindName(kind)) ?? '';
    item.description = join(
      works,
      blocks,
      elapsed,
      String(worker.pid),
      worker.user ?? '',
      worker.database ?? '',
      source,
    );
    item.iconPath = (kind && kinds?.kindIcon(kind, blocks !== '')) ?? new vscode.ThemeIcon('server-process');
    item.contextValue = 'worker pid sql cancelable active';
    item.command = { command: commandId('showActivity'), title: vscode.l10n.t('Show Activity'), arguments: [this] };
    const tooltip = new Markdown();
    tooltip.own('**').text(label).own('** ').text(source).own('\n\n');
    tooltip.fact('pid', String(worker.pid));
    tooltip.fact(vscode.l10n.t('User'), worker.user);
    tooltip.fact(vscode.l10n.t('Database'), worker.database);
    tooltip.fact(vscode.l10n.t('State'), worker.state);
    tooltip.fact(vscode.l10n.t('Waiting for'), worker.waitEvent);
    if (worker.query !== undefined) tooltip.code(worker.query, 'sql');
    item.tooltip = tooltip.value;
    return item;
  }
}
