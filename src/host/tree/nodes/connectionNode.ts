import * as vscode from 'vscode';
import type { JobService } from '../../../core/jobs/jobService';
import { mayHaveWorker } from '../../../core/jobs/states';
import type { LinkState } from '../../../core/postgres/server/serverLink';
import { faultText } from '../../messages/faultText';
import { Markdown } from '../../base/ui';
import { addressText, hostPortText } from '../../connections/connectionAddress';
import type { ConnectionEntry } from '../../connections/connectionEntries';
import { connectionIcon } from '../../connections/connectionIcon';
import type { Connections } from '../../connections/connections';
import { join } from '../../jobs/jobText';

/** What the tree shows below a connection. */
export interface ShownRows {
  /** Whether a job is listed. */
  hasShownJob(): boolean;
  /** Whether foreign workers are listed. */
  hasForeign(): boolean;
  /** Whether a filter is active. */
  filtered(): boolean;
}

/** A connection. Its jobs and workers are the rows below it. */
export class ConnectionNode {
  /** Whether a job of this connection can be canceled, as of the last {@link item}. */
  hasRunning = false;

  readonly #connections: Connections;
  readonly #jobs: JobService;
  readonly #shown: ShownRows;

  constructor(
    readonly name: string,
    connections: Connections,
    jobs: JobService,
    shown: ShownRows,
  ) {
    this.#connections = connections;
    this.#jobs = jobs;
    this.#shown = shown;
  }

  item(): vscode.TreeItem {
    const entry = this.#connections.entry(this.name);
    const profile = entry?.profile;
    const state = this.#connections.existing(this.name)?.state ?? { kind: 'idle' as const };
    const jobs = this.#jobs.jobs.filter((job) => job.record.connection === this.name);
    const hasChildren = this.#shown.hasShownJob() || state.kind === 'error' || this.#shown.hasForeign();
    this.hasRunning = jobs.some((job) => mayHaveWorker(job.state));
    const item = new vscode.TreeItem(
      this.name,
      hasChildren ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.None,
    );
    // VS Code remembers by id whether a row is expanded; with a filter, what it finds is shown.
    item.id = `connection:${this.name}:${hasChildren ? 'tree' : 'leaf'}${this.#shown.filtered() ? ':filtered' : ''}`;
    const production = profile?.production === true ? vscode.l10n.t('production') : '';
    const readOnly = profile?.readOnly === true ? vscode.l10n.t('read-only') : '';
    const defaultMark = entry !== undefined && isDefault(entry, this.#connections) ? vscode.l10n.t('default') : '';
    const address = profile ? addressText(profile) : '';
    item.description = profile
      ? join(production, readOnly, problemStateText(state), defaultMark, address)
      : vscode.l10n.t('removed from the settings');
    item.iconPath = connectionIcon(
      state.kind,
      profile?.color ?? (production === '' ? undefined : 'charts.red'),
      readOnly !== '',
    );
    item.contextValue = this.#contextWords(entry, state).join(' ');
    item.tooltip = this.#tooltip(entry, state);
    item.accessibilityInformation = {
      label: join(
        vscode.l10n.t('Connection {0}', this.name),
        stateText(state),
        production,
        readOnly,
        defaultMark,
        address,
      ),
    };
    return item;
  }

  /** The words that the menus in package.json match. */
  #contextWords(entry: ConnectionEntry | undefined, state: LinkState): string[] {
    const words = ['connection', state.kind];
    if (this.hasRunning) words.push('hasRunning');
    if (entry) words.push('usable', entry.origin.kind === 'provider' ? 'provided' : 'editable');
    return words;
  }

  #tooltip(entry: ConnectionEntry | undefined, state: LinkState): vscode.MarkdownString {
    const profile = entry?.profile;
    const tooltip = new Markdown();
    tooltip.own('**').text(this.name).own('**\n\n');
    if (entry) tooltip.fact(vscode.l10n.t('Defined in'), originText(entry));
    if (profile) {
      const hasServer = profile.service === undefined || profile.host !== undefined;
      tooltip.fact(vscode.l10n.t('Server'), hasServer ? hostPortText(profile) : undefined);
      tooltip.fact(vscode.l10n.t('Service'), profile.service);
      tooltip.fact(vscode.l10n.t('Database'), profile.database);
      tooltip.fact(vscode.l10n.t('User'), profile.user);
      tooltip.fact(vscode.l10n.t('Role'), profile.role);
      if (profile.production === true) {
        tooltip.fact(vscode.l10n.t('Production'), vscode.l10n.t('asks before each launch'));
      }
      if (profile.readOnly === true)
        tooltip.fact(vscode.l10n.t('Read-only'), vscode.l10n.t('unless the SQL changes it'));
      for (const [name, value] of Object.entries(profile.workerSettings ?? {})) tooltip.fact(name, value);
    }
    if (state.kind === 'connected') {
      tooltip.fact('PostgreSQL', state.serverVersion);
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
    if (state.kind === 'error') tooltip.fact(vscode.l10n.t('Problem'), faultText(state.fault));
    return tooltip.value;
  }
}

function stateText(state: LinkState): string {
  return state.kind === 'connected' ? vscode.l10n.t('connected') : problemStateText(state);
}

/** The state, or nothing if the connection works. */
function problemStateText({ kind }: LinkState): string {
  switch (kind) {
    case 'idle':
      return vscode.l10n.t('not connected');
    case 'connecting':
      return vscode.l10n.t('connecting…');
    case 'error':
      return vscode.l10n.t('cannot connect');
    case 'connected':
      return '';
  }
}

/** Whether it is the default of the window, or of the folder that defines it. A single connection needs no mark. */
function isDefault({ origin, profile }: ConnectionEntry, connections: Connections): boolean {
  if (connections.profiles.length < 2) return false;
  const uri = origin.kind === 'folder' ? vscode.Uri.parse(origin.uri) : undefined;
  return connections.defaultFor(uri) === profile.name;
}

function originText({ origin, hidesUsers }: ConnectionEntry): string {
  switch (origin.kind) {
    case 'user':
      return vscode.l10n.t('user settings');
    case 'workspace':
      return hidesUsers
        ? vscode.l10n.t('workspace settings; replaces the connection with this name in user settings')
        : vscode.l10n.t('workspace settings');
    case 'folder':
      return vscode.l10n.t('settings of the folder {0}; applies to its files', origin.name);
    case 'provider':
      return vscode.l10n.t('the extension {0}', origin.name);
  }
}
