import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { ActiveWorker } from '../../core/jobs/ports';
import { mayHaveWorker } from '../../core/jobs/states';
import { labelFromSql } from '../../core/sql/directives';
import type { JobState } from '../../api';
import type { ConnectReason } from '../../core/postgres/connect/errors';
import { objectsOf } from '../editor/errorPlace';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import type { LinkState } from '../../core/postgres/server/serverLink';
import type { ConnectionEntry, FaultyEntry } from '../connections/connectionEntries';
import { connectionIcon } from '../connections/connectionIcon';
import type { Connections } from '../connections/connections';
import { commandId, type CommandName } from '../base/commandIds';
import { formatDate, formatRunning, formatSpan, formatTime } from '../../shared/timeText';
import { join, rowsText, stateName, stateText } from '../jobs/jobText';
import { plainError } from '../base/plainText';
import { Markdown } from '../base/ui';

/** A row of the tree draws itself. Ids are made from what identifies the thing, so that selection survives a refresh. */
export type Node = ConnectionNode | JobNode | WorkerNode | ProblemNode | ActionNode | FaultNode;

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

export class ConnectionNode {
  /** Whether the tree shows it with rows below. */
  hasChildren = false;
  /** Whether the menu that the tree shows for it can cancel something. */
  hasRunning = false;

  readonly #connections: Connections;
  readonly #jobs: JobService;
  /** Whether workers are listed below it that others launched. */
  readonly #hasForeign: () => boolean;

  constructor(
    readonly name: string,
    connections: Connections,
    jobs: JobService,
    hasForeign: () => boolean,
  ) {
    this.#connections = connections;
    this.#jobs = jobs;
    this.#hasForeign = hasForeign;
  }

  item(): vscode.TreeItem {
    const entry = this.#connections.entry(this.name);
    const profile = entry?.profile;
    const state = this.#connections.existing(this.name)?.state ?? { kind: 'idle' as const };
    const own = this.#jobs.jobs.filter((job) => job.record.connection === this.name);
    this.hasChildren = own.length > 0 || state.kind === 'error' || this.#hasForeign();
    const item = new vscode.TreeItem(
      this.name,
      this.hasChildren ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.None,
    );
    item.id = `connection:${this.name}:${item.collapsibleState === vscode.TreeItemCollapsibleState.None ? 'leaf' : 'tree'}`;
    const stateWord = {
      idle: vscode.l10n.t('not connected'),
      connecting: vscode.l10n.t('connecting…'),
      connected: '',
      error: vscode.l10n.t('cannot connect'),
    }[state.kind];
    const production = profile?.production === true ? vscode.l10n.t('production') : '';
    const preset = entry !== undefined && isDefault(entry, this.#connections) ? vscode.l10n.t('default') : '';
    item.description = profile
      ? join(production, preset, stateWord, placeOf(profile))
      : vscode.l10n.t('removed from the settings');
    item.iconPath = connectionIcon(state.kind, profile?.color ?? (production === '' ? undefined : 'charts.red'));
    this.hasRunning = own.some((job) => mayHaveWorker(job.state));
    item.contextValue = this.#words(entry, state).join(' ');
    item.tooltip = this.#tooltip(entry, state);
    item.accessibilityInformation = {
      label: join(
        vscode.l10n.t('Connection {0}', this.name),
        state.kind === 'connected' ? vscode.l10n.t('connected') : stateWord,
        production,
        preset,
        profile ? placeOf(profile) : '',
      ),
    };
    return item;
  }

  /** What menus ask for. */
  #words(entry: ConnectionEntry | undefined, state: LinkState): string[] {
    const words = ['connection', state.kind];
    if (this.hasRunning) words.push('hasRunning');
    if (entry) words.push('usable', entry.origin.kind === 'provider' ? 'provided' : 'editable');
    return words;
  }

  #tooltip(entry: ConnectionEntry | undefined, state: LinkState): vscode.MarkdownString {
    const profile = entry?.profile;
    const tooltip = new Markdown();
    tooltip.own('**').text(this.name).own('**\n\n');
    if (entry) tooltip.fact(vscode.l10n.t('Kept in'), originText(entry));
    if (profile) {
      const server = profile.service === undefined || profile.host !== undefined ? serverOf(profile) : undefined;
      tooltip.fact(vscode.l10n.t('Server'), server);
      tooltip.fact(vscode.l10n.t('Service'), profile.service);
      tooltip.fact(vscode.l10n.t('Database'), profile.database);
      tooltip.fact(vscode.l10n.t('User'), profile.user);
      tooltip.fact(vscode.l10n.t('Role'), profile.role);
      if (profile.production === true) {
        tooltip.fact(vscode.l10n.t('Production'), vscode.l10n.t('asks before each launch'));
      }
    }
    if (state.kind === 'connected') {
      tooltip.fact(vscode.l10n.t('PostgreSQL'), state.serverVersion);
      tooltip.fact('pg_background', state.extensionVersion);
    }
    const snapshot = state.kind === 'connected' && this.#connections.existing(this.name)?.snapshot;
    if (snapshot) {
      const slots = vscode.l10n.t('{0} of {1} used', snapshot.slotsUsed, snapshot.slotsTotal);
      tooltip.fact(vscode.l10n.t('Worker slots'), slots);
      if (snapshot.textsMissing !== undefined) {
        tooltip.fact(vscode.l10n.t('Statements'), vscode.l10n.t('not shown: {0}', snapshot.textsMissing));
      }
    }
    if (state.kind === 'error') tooltip.fact(vscode.l10n.t('Problem'), state.message);
    return tooltip.value;
  }
}

/** Where a connection leads, in short. */
function placeOf(profile: ConnectionProfile): string {
  const { host, hostaddr, service, database } = profile;
  if (host === undefined && hostaddr === undefined && service !== undefined) return service;
  return `${host ?? hostaddr ?? 'localhost'}/${database ?? ''}`;
}

function serverOf({ host, hostaddr, port }: ConnectionProfile): string {
  return `${host ?? hostaddr ?? 'localhost'}:${port ?? 5432}`;
}

/** Of the window, or of the folder that has it. */
function isDefault({ origin, profile }: ConnectionEntry, connections: Connections): boolean {
  if (connections.profiles.length < 2) return false;
  const uri = origin.kind === 'folder' ? vscode.Uri.parse(origin.uri) : undefined;
  return connections.defaultFor(uri) === profile.name;
}

function originText({ origin, hidesUsers }: ConnectionEntry): string {
  switch (origin.kind) {
    case 'user':
      return vscode.l10n.t('your settings');
    case 'workspace':
      return hidesUsers
        ? vscode.l10n.t('this workspace’s settings, in place of the one of that name in yours')
        : vscode.l10n.t('this workspace’s settings');
    case 'folder':
      return vscode.l10n.t('the settings of the folder {0}, for its files', origin.name);
    case 'provider':
      return vscode.l10n.t('{0}, another extension', origin.name);
  }
}

/** A row shows this much of a label that was made from the SQL, so that a side bar of default width shows the state beside it. */
const MAX_AUTOMATIC_LABEL = 18;

export class JobNode {
  #rowLabel: string | undefined;

  readonly #jobs: JobService;

  constructor(
    readonly job: Job,
    jobs: JobService,
  ) {
    this.#jobs = jobs;
  }

  item(): vscode.TreeItem {
    const { record } = this.job;
    const now = Date.now();
    const item = new vscode.TreeItem(this.#rowText(), vscode.TreeItemCollapsibleState.None);
    item.id = `job:${record.id}`;
    const state = stateText(this.job, now, this.#jobs.place(record.id));
    const worker = this.#jobs.activity(this.job);
    const waits = record.state === 'running' && worker?.waitEventType === 'Lock';
    const pid = record.pid === undefined ? '' : String(record.pid);
    const ended = record.finishedAt === undefined ? '' : formatTime(record.finishedAt, now, vscode.env.language);
    // A narrow side bar cuts off the end: what matters most comes first, and long texts come last.
    item.description = join(waits ? vscode.l10n.t('waiting for a lock') : '', state.short, pid, ended, state.long);
    item.iconPath = ICONS[record.state];
    item.contextValue = this.#words().join(' ');
    item.tooltip = this.#tooltip(worker);
    item.accessibilityInformation = {
      label: join(
        record.label,
        stateName(record.state),
        state.short,
        record.pid === undefined ? '' : vscode.l10n.t('process {0}', record.pid),
        state.long,
      ),
    };
    item.command = { command: commandId('previewResults'), title: vscode.l10n.t('Show Results'), arguments: [this] };
    return item;
  }

  /** The label, shortened if nobody chose it. */
  #rowText(): string {
    const { label, request } = this.job.record;
    if (this.#rowLabel === undefined) {
      const automatic = label.length > MAX_AUTOMATIC_LABEL && label === labelFromSql(request.sql);
      this.#rowLabel = automatic ? `${label.slice(0, MAX_AUTOMATIC_LABEL - 1).trimEnd()}…` : label;
    }
    return this.#rowLabel;
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

  #tooltip(worker: ActiveWorker | undefined): vscode.MarkdownString {
    const { record } = this.job;
    const tooltip = new Markdown();
    tooltip.own('**').text(record.label).own('** ').text(stateName(record.state)).own('\n\n');
    if (record.reason !== undefined) tooltip.text(record.reason).own('\n\n');
    tooltip.fact('pid', record.pid?.toString());
    tooltip.fact(vscode.l10n.t('Connection'), record.connection);
    tooltip.fact(
      vscode.l10n.t('Launched'),
      record.launchedAt === undefined ? undefined : formatDate(record.launchedAt, vscode.env.language),
    );
    tooltip.fact(
      vscode.l10n.t('Took'),
      record.launchedAt === undefined || record.finishedAt === undefined
        ? undefined
        : formatSpan(record.finishedAt - record.launchedAt),
    );
    tooltip.fact(vscode.l10n.t('Result'), rowsText(this.job));
    tooltip.fact(vscode.l10n.t('Waits on'), worker?.waitEvent && `${worker.waitEventType ?? ''}/${worker.waitEvent}`);
    const [blocker] = worker?.blockers ?? [];
    tooltip.fact(
      vscode.l10n.t('Blocked by'),
      blocker && join(`pid ${blocker.pid}`, blocker.user ?? '', blocker.query ?? ''),
    );
    if (record.error) {
      tooltip.fact(vscode.l10n.t('Error'), join(record.error.sqlstate, plainError(record.error, 900)));
      tooltip.fact(vscode.l10n.t('Detail'), record.error.detail);
      tooltip.fact(vscode.l10n.t('Hint'), record.error.hint);
      for (const [name, value] of objectsOf(record.error)) tooltip.fact(name, value);
    }
    tooltip.code(record.request.sql, 'sql');
    return tooltip.value;
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
      age,
      String(worker.pid),
      worker.user ?? '',
      worker.database ?? '',
      vscode.l10n.t('launched elsewhere'),
    );
    item.iconPath = new vscode.ThemeIcon('server-process');
    item.contextValue = 'worker pid sql cancelable';
    const tooltip = new Markdown();
    tooltip.own('**').text(worker.label).own('** ').text(vscode.l10n.t('launched elsewhere')).own('\n\n');
    tooltip.fact('pid', String(worker.pid));
    tooltip.fact(vscode.l10n.t('User'), worker.user);
    tooltip.fact(vscode.l10n.t('Database'), worker.database);
    tooltip.fact(vscode.l10n.t('State'), worker.state);
    tooltip.fact(vscode.l10n.t('Waits on'), worker.waitEvent);
    if (worker.query !== undefined) tooltip.code(worker.query, 'sql');
    item.tooltip = tooltip.value;
    return item;
  }
}

/** Why a connection does not work; {@link ActionNode}s below it are ways to mend it. */
export class ProblemNode {
  readonly #message: string;

  constructor(
    readonly connection: string,
    message: string,
  ) {
    this.#message = message;
  }

  item(): vscode.TreeItem {
    const item = new vscode.TreeItem(this.#message);
    item.id = `problem:${this.connection}`;
    item.iconPath = new vscode.ThemeIcon('error', new vscode.ThemeColor('testing.iconFailed'));
    item.tooltip = this.#message;
    item.contextValue = 'problem';
    item.command = { command: commandId('testConnection'), title: vscode.l10n.t('Test Connection'), arguments: [this] };
    return item;
  }
}

/** Something to do about a connection that does not work. */
export class ActionNode {
  readonly #command: CommandName;
  readonly #title: string;
  readonly #icon: string;

  constructor(
    readonly connection: string,
    command: CommandName,
    title: string,
    icon: string,
  ) {
    this.#command = command;
    this.#title = title;
    this.#icon = icon;
  }

  item(): vscode.TreeItem {
    const item = new vscode.TreeItem(this.#title);
    item.id = `action:${this.connection}:${this.#command}`;
    item.iconPath = new vscode.ThemeIcon(this.#icon);
    item.contextValue = 'action';
    item.command = { command: commandId(this.#command), title: this.#title, arguments: [this.connection] };
    return item;
  }
}

/** What can be done about a problem, the likeliest first. */
export function actionsFor(entry: ConnectionEntry, reason: ConnectReason | undefined): ActionNode[] {
  const { name } = entry.profile;
  const actions: ActionNode[] = [];
  if (reason === 'authentication' || reason === 'noPassword') {
    actions.push(new ActionNode(name, 'enterPassword', vscode.l10n.t('Enter Password…'), 'key'));
  }
  actions.push(new ActionNode(name, 'connectConnection', vscode.l10n.t('Try Again'), 'refresh'));
  if (entry.origin.kind !== 'provider') {
    actions.push(new ActionNode(name, 'editConnection', vscode.l10n.t('Edit Connection…'), 'edit'));
  }
  return actions;
}

/** A connection that cannot be used, because of how it is written down. */
export class FaultNode {
  constructor(readonly fault: FaultyEntry) {}

  get name(): string {
    return this.fault.name;
  }

  item(): vscode.TreeItem {
    const { id, name, problem, origin } = this.fault;
    const item = new vscode.TreeItem(name);
    item.id = `fault:${id}`;
    // The row begins with its name already.
    item.description = problem.replace(`The connection "${name}" `, '');
    item.tooltip = problem;
    item.iconPath = new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
    item.contextValue = origin.kind === 'provider' ? 'fault' : 'fault editable';
    item.accessibilityInformation = { label: join(name, problem) };
    if (origin.kind !== 'provider') {
      const command = commandId('openFaultyConnection');
      item.command = { command, title: vscode.l10n.t('Open Settings'), arguments: [this] };
    }
    return item;
  }
}
