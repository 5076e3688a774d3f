import * as vscode from 'vscode';
import type { Job } from '../core/jobs/job';
import type { JobService } from '../core/jobs/jobService';
import type { ActiveWorker } from '../core/jobs/ports';
import { mayHaveWorker } from '../core/jobs/states';
import type { JobState } from '../api';
import type { Connections } from './connections';
import { commandId } from './ids';
import { formatRunning, formatSpan } from '../shared/span';
import { join, rowsText, stateText } from './text';

/** A row of the tree draws itself. Ids are made from what identifies the thing, so that selection survives a refresh. */
export type Node = ConnectionNode | JobNode | WorkerNode | ProblemNode | FaultNode;

const ICONS: Record<JobState, vscode.ThemeIcon> = {
  queued: new vscode.ThemeIcon('clock'),
  launching: new vscode.ThemeIcon('sync~spin'),
  running: new vscode.ThemeIcon('sync~spin'),
  reading: new vscode.ThemeIcon('sync~spin'),
  canceling: new vscode.ThemeIcon('sync~spin', new vscode.ThemeColor('charts.yellow')),
  unresponsive: new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground')),
  detached: new vscode.ThemeIcon('debug-disconnect'),
  succeeded: new vscode.ThemeIcon('pass', new vscode.ThemeColor('testing.iconPassed')),
  failed: new vscode.ThemeIcon('error', new vscode.ThemeColor('testing.iconFailed')),
  canceled: new vscode.ThemeIcon('circle-slash'),
  lost: new vscode.ThemeIcon('question', new vscode.ThemeColor('list.warningForeground')),
  finished: new vscode.ThemeIcon('question'),
};

/** Database text in a Markdown tooltip: shown, never interpreted. */
function fact(tooltip: vscode.MarkdownString, name: string, value: string | undefined): void {
  if (value === undefined || value === '') return;
  tooltip.appendMarkdown(`- ${name}: `).appendText(value.replace(/\s+/g, ' ')).appendMarkdown('\n');
}

export class ConnectionNode {
  /** Whether the tree shows it with rows below. */
  hasChildren = false;

  constructor(
    readonly name: string,
    private readonly connections: Connections,
    private readonly jobs: JobService,
  ) {}

  item(): vscode.TreeItem {
    const profile = this.connections.find(this.name);
    const link = this.connections.existing(this.name);
    const state = link?.state ?? { kind: 'idle' as const };
    const own = this.jobs.jobs.filter((job) => job.record.connection === this.name);
    const running = own.some((job) => mayHaveWorker(job.state));
    this.hasChildren = own.length > 0 || state.kind === 'error' || (link?.snapshot?.workers.length ?? 0) > 0;
    const item = new vscode.TreeItem(
      this.name,
      this.hasChildren ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.None,
    );
    item.id = `connection:${this.name}:${item.collapsibleState === vscode.TreeItemCollapsibleState.None ? 'leaf' : 'tree'}`;
    const where = profile
      ? `${profile.host ?? 'localhost'}/${profile.database ?? ''}`
      : vscode.l10n.t('removed from the settings');
    const stateWord = {
      idle: '',
      connecting: vscode.l10n.t('connecting…'),
      connected: '',
      error: vscode.l10n.t('cannot connect'),
    }[state.kind];
    item.description = join(where, stateWord);
    item.iconPath = new vscode.ThemeIcon(
      state.kind === 'error' ? 'warning' : 'database',
      state.kind === 'connected' ? new vscode.ThemeColor('testing.iconPassed') : undefined,
    );
    item.contextValue = running ? 'connection hasRunning' : 'connection';
    const tooltip = new vscode.MarkdownString();
    tooltip.appendMarkdown('**').appendText(this.name).appendMarkdown('**\n\n');
    fact(tooltip, vscode.l10n.t('Server'), profile && `${profile.host ?? 'localhost'}:${profile.port ?? 5432}`);
    fact(tooltip, vscode.l10n.t('Database'), profile?.database);
    fact(tooltip, vscode.l10n.t('User'), profile?.user);
    if (state.kind === 'connected') {
      fact(tooltip, vscode.l10n.t('PostgreSQL'), state.serverVersion);
      fact(tooltip, 'pg_background', state.extensionVersion);
    }
    const snapshot = link?.snapshot;
    if (snapshot)
      fact(
        tooltip,
        vscode.l10n.t('Worker slots'),
        vscode.l10n.t('{0} of {1} used', snapshot.slotsUsed, snapshot.slotsTotal),
      );
    if (state.kind === 'error') fact(tooltip, vscode.l10n.t('Problem'), state.message);
    item.tooltip = tooltip;
    return item;
  }
}

export class JobNode {
  /** The state that the tree shows now: another one means another place in it. */
  drawnState: JobState | undefined;

  constructor(
    readonly job: Job,
    private readonly jobs: JobService,
  ) {}

  item(): vscode.TreeItem {
    const { record } = this.job;
    const now = Date.now();
    this.drawnState = record.state;
    const item = new vscode.TreeItem(record.label, vscode.TreeItemCollapsibleState.None);
    item.id = `job:${record.id}`;
    const state = stateText(this.job, now, this.jobs.place(record.id));
    const worker = this.jobs.activity(this.job);
    const waits =
      record.state === 'running' && worker?.waitEventType === 'Lock' ? vscode.l10n.t('waits for a lock') : '';
    item.description = join(record.pid === undefined ? '' : String(record.pid), state, waits);
    item.iconPath = ICONS[record.state];
    item.contextValue = this.#words().join(' ');
    item.tooltip = this.#tooltip(state, worker);
    item.accessibilityInformation = {
      label: join(
        record.label,
        record.state,
        record.pid === undefined ? '' : vscode.l10n.t('process {0}', record.pid),
        state,
      ),
    };
    if (this.job.final) {
      item.command = { command: commandId('showResults'), title: vscode.l10n.t('Show Results'), arguments: [this] };
    }
    return item;
  }

  #words(): string[] {
    const { record } = this.job;
    const words = ['job', 'sql', record.state];
    if (record.pid !== undefined) words.push('pid');
    if (this.job.final) words.push('finished', 'rerunnable');
    else words.push('cancelable');
    if (record.state === 'running') words.push('detachable');
    if (record.columns !== undefined || record.error !== undefined || record.noticeCount > 0) words.push('hasResults');
    return words;
  }

  #tooltip(state: string, worker: ActiveWorker | undefined): vscode.MarkdownString {
    const { record } = this.job;
    const tooltip = new vscode.MarkdownString();
    tooltip
      .appendMarkdown('**')
      .appendText(record.label)
      .appendMarkdown('** ')
      .appendText(record.state)
      .appendMarkdown('\n\n');
    if (state !== record.state) tooltip.appendText(state).appendMarkdown('\n\n');
    if (record.reason !== undefined) tooltip.appendText(record.reason).appendMarkdown('\n\n');
    fact(tooltip, 'pid', record.pid?.toString());
    fact(tooltip, vscode.l10n.t('Connection'), record.connection);
    fact(
      tooltip,
      vscode.l10n.t('Launched'),
      record.launchedAt === undefined ? undefined : new Date(record.launchedAt).toLocaleString(),
    );
    fact(
      tooltip,
      vscode.l10n.t('Took'),
      record.launchedAt === undefined || record.finishedAt === undefined
        ? undefined
        : formatSpan(record.finishedAt - record.launchedAt),
    );
    fact(tooltip, vscode.l10n.t('Result'), rowsText(this.job));
    fact(tooltip, vscode.l10n.t('Waits on'), worker?.waitEvent && `${worker.waitEventType ?? ''}/${worker.waitEvent}`);
    const [blocker] = worker?.blockers ?? [];
    fact(
      tooltip,
      vscode.l10n.t('Blocked by'),
      blocker && join(`pid ${blocker.pid}`, blocker.user ?? '', blocker.query ?? ''),
    );
    if (record.error) {
      fact(tooltip, vscode.l10n.t('Error'), join(record.error.sqlstate, record.error.message));
      fact(tooltip, vscode.l10n.t('Detail'), record.error.detail);
      fact(tooltip, vscode.l10n.t('Hint'), record.error.hint);
    }
    const sql = record.request.sql;
    tooltip.appendCodeblock(sql.length > 1000 ? `${sql.slice(0, 1000)}…` : sql, 'sql');
    return tooltip;
  }
}

/** A worker that this window did not launch. */
export class WorkerNode {
  constructor(
    readonly connection: string,
    public worker: ActiveWorker,
  ) {}

  item(): vscode.TreeItem {
    const { worker } = this;
    const item = new vscode.TreeItem(worker.label === '' ? vscode.l10n.t('(no label)') : worker.label);
    item.id = `worker:${this.connection}:${worker.pid}:${worker.backendStart}`;
    const age = worker.runningSeconds === undefined ? '' : formatRunning(worker.runningSeconds * 1000);
    item.description = join(
      String(worker.pid),
      worker.user ?? '',
      worker.database ?? '',
      age,
      vscode.l10n.t('launched elsewhere'),
    );
    item.iconPath = new vscode.ThemeIcon('server-process');
    item.contextValue = 'worker pid sql cancelable';
    const tooltip = new vscode.MarkdownString();
    tooltip
      .appendMarkdown('**')
      .appendText(worker.label)
      .appendMarkdown('** ')
      .appendText(vscode.l10n.t('launched elsewhere'))
      .appendMarkdown('\n\n');
    fact(tooltip, 'pid', String(worker.pid));
    fact(tooltip, vscode.l10n.t('User'), worker.user);
    fact(tooltip, vscode.l10n.t('Database'), worker.database);
    fact(tooltip, vscode.l10n.t('State'), worker.state);
    fact(tooltip, vscode.l10n.t('Waits on'), worker.waitEvent);
    if (worker.query !== undefined) tooltip.appendCodeblock(worker.query, 'sql');
    item.tooltip = tooltip;
    return item;
  }
}

/** Why a connection does not work, with the way to mend it. */
export class ProblemNode {
  constructor(
    readonly connection: string,
    private readonly message: string,
  ) {}

  item(): vscode.TreeItem {
    const item = new vscode.TreeItem(this.message);
    item.id = `problem:${this.connection}`;
    item.iconPath = new vscode.ThemeIcon('error', new vscode.ThemeColor('testing.iconFailed'));
    item.tooltip = this.message;
    item.contextValue = 'problem';
    item.command = { command: commandId('testConnection'), title: vscode.l10n.t('Test Connection'), arguments: [this] };
    return item;
  }
}

/** A connection in the settings that cannot be used. */
export class FaultNode {
  constructor(
    readonly name: string,
    private readonly problem: string,
  ) {}

  item(): vscode.TreeItem {
    const item = new vscode.TreeItem(this.name);
    item.id = `fault:${this.name}`;
    item.description = this.problem;
    item.tooltip = this.problem;
    item.iconPath = new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
    item.contextValue = 'fault';
    item.command = {
      command: 'workbench.action.openSettings',
      title: vscode.l10n.t('Open Settings'),
      arguments: ['pgBackground.connections'],
    };
    return item;
  }
}
