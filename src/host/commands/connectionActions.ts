import * as vscode from 'vscode';
import type { JobService } from '../../core/jobs/jobService';
import { mayHaveWorker } from '../../core/jobs/states';
import type { ConnectionEntry } from '../connections/connectionEntries';
import type { Connections } from '../connections/connections';
import type { SettingsOrigin } from '../connections/connectionSettings';
import { chooseScope, hasWorkspace, writeDefault } from '../connections/defaultConnection';
import { commandId, WORKERS_VIEW } from '../base/commandIds';
import { ConnectionNode } from '../tree/nodes/connectionNode';
import { errorText } from '../messages/faultText';
import * as ui from '../base/ui';
import { chooseConnections } from './chooseConnections';

/** The commands for connections other than add, edit, test, and remove. */
export class ConnectionActions {
  readonly #connections: Connections;
  readonly #jobs: JobService;

  constructor(connections: Connections, jobs: JobService) {
    this.#connections = connections;
    this.#jobs = jobs;
  }

  async connect(first: unknown, selected: unknown): Promise<void> {
    const closed = (name: string): boolean => this.#connections.existing(name)?.state.kind !== 'connected';
    const names = await this.#choose(first, selected, vscode.l10n.t('Choose a connection to connect'), closed);
    await Promise.all(names.map((name) => this.#connect(name, first instanceof ConnectionNode)));
  }

  /** Closes the sessions. Workers keep running; queued jobs are paused. */
  async disconnect(first: unknown, selected: unknown): Promise<void> {
    const open = (name: string): boolean => this.#connections.existing(name) !== undefined;
    const names = await this.#choose(first, selected, vscode.l10n.t('Choose a connection to disconnect'), open);
    if (names.length === 0 || !(await this.#confirmDisconnect(names, vscode.l10n.t('Disconnect')))) return;
    for (const name of names) {
      this.#jobs.hold(name);
      this.#connections.disconnect(name);
    }
  }

  async enterPassword(first: unknown): Promise<void> {
    const [name] = await this.#choose(first, undefined, vscode.l10n.t('Choose the connection whose password to enter'));
    const profile = name === undefined ? undefined : this.#connections.find(name);
    if (name === undefined || !profile) return;
    const password = await ui.showInputBox({
      title: name,
      prompt:
        profile.askPassword === true
          ? vscode.l10n.t('The password is kept until this window is closed.')
          : vscode.l10n.t('The password is kept in VS Code’s secret storage.'),
      password: true,
      ignoreFocusOut: true,
    });
    if (password === undefined) return;
    await this.#connections.setPassword(name, password);
    await this.#connect(name, first instanceof ConnectionNode);
  }

  async forgetPassword(first: unknown): Promise<void> {
    const [name] = await this.#choose(
      first,
      undefined,
      vscode.l10n.t('Choose the connection whose password to forget'),
    );
    if (name === undefined || !(await this.#confirmDisconnect([name], vscode.l10n.t('Forget Password')))) return;
    this.#jobs.hold(name);
    await this.#connections.forgetPassword(name);
    this.#connections.disconnect(name);
    void ui.showInformationMessage(
      vscode.l10n.t(
        'The password of “{0}” was deleted and its sessions are closed. A password from a password file, the environment, or a command is still used.',
        name,
      ),
    );
  }

  /** Copies a connection, including its password, in the same settings and opens the copy for editing. */
  async duplicate(first: unknown): Promise<string | undefined> {
    const [from] = await this.#choose(first, undefined, vscode.l10n.t('Choose a connection to duplicate'));
    const entry = from === undefined ? undefined : this.#connections.entry(from);
    if (!entry) return undefined;
    const name = await ui.showInputBox({
      title: vscode.l10n.t('Duplicate “{0}”', entry.profile.name),
      prompt: vscode.l10n.t('Name of the copy'),
      value: this.#freeName(entry.ownName),
      ignoreFocusOut: true,
      validateInput: (text) => {
        if (text.trim() === '') return vscode.l10n.t('Enter a name.');
        return this.#connections.find(text) ? vscode.l10n.t('A connection with this name already exists.') : undefined;
      },
    });
    if (name === undefined) return undefined;
    const copy = await this.#connections.duplicate(entry.profile.name, name);
    // Not awaited: the copy exists, whether it is edited or not.
    void vscode.commands.executeCommand(commandId('editConnection'), copy);
    return copy;
  }

  async copyUri(first: unknown, selected: unknown): Promise<void> {
    const names = await this.#choose(first, selected, vscode.l10n.t('Choose the connection whose URI to copy'));
    const profiles = names.map((name) => this.#connections.find(name)).filter((profile) => profile !== undefined);
    if (profiles.length === 0) return;
    const { formatUri } = await import('../../core/postgres/connect/conninfo/conninfo');
    await vscode.env.clipboard.writeText(profiles.map((profile) => formatUri(profile)).join('\n'));
    ui.setStatusBarMessage(vscode.l10n.t('Copied without the password.'), 3000);
  }

  /** Opens psql in a terminal. */
  async openPsql(first: unknown): Promise<void> {
    const entry = await this.#chooseEntry(first, vscode.l10n.t('Choose the connection to open psql on'));
    if (!entry) return;
    const { openPsql } = await import('./openPsql');
    await openPsql(entry);
  }

  /**
   * Makes a connection the default, and shows which settings were changed.
   *
   * @param first from code: the connection's name; the default is then written to the settings that define the connection. Otherwise
   *   the user chooses.
   * @param scope from code: other settings to write to, `user` or `workspace`
   */
  async setDefault(first: unknown, scope?: unknown): Promise<void> {
    const entry = await this.#chooseEntry(first, vscode.l10n.t('Choose the connection for files that do not set one'));
    if (!entry) return;
    const { origin } = entry;
    if (typeof first === 'string') {
      const definedIn: SettingsOrigin = origin.kind === 'provider' ? { kind: 'user' } : origin;
      await writeDefault(
        this.#connections,
        entry,
        scope === 'user' || scope === 'workspace' ? { kind: scope } : definedIn,
      );
      return;
    }
    const target = await chooseScope(entry);
    if (target) await writeDefault(this.#connections, entry, target);
  }

  /** Makes a connection the default of this workspace, or of the folder that defines it. */
  async useForWorkspace(first: unknown): Promise<void> {
    if (!hasWorkspace()) {
      throw new Error(vscode.l10n.t('No folder is open. Use “Set as Default Connection…” instead.'));
    }
    const entry = await this.#chooseEntry(
      first,
      vscode.l10n.t('Choose the connection for the files of this workspace'),
    );
    if (!entry) return;
    await writeDefault(this.#connections, entry, entry.origin.kind === 'folder' ? entry.origin : { kind: 'workspace' });
  }

  async useForFile(first: unknown): Promise<void> {
    // Without a connection, the command asks and shows the current one.
    const name = first === undefined ? undefined : (await this.#choose(first, undefined, ''))[0];
    if (first !== undefined && name === undefined) return;
    await vscode.commands.executeCommand(commandId('setFileConnection'), name);
  }

  /** @param inTree whether the command was called on a row of the tree, which shows a failure */
  async #connect(name: string, inTree: boolean): Promise<void> {
    try {
      await ui.withProgress({ location: { viewId: WORKERS_VIEW } }, () => this.#connections.connect(name));
    } catch (error) {
      if (inTree && this.#connections.existing(name)?.state.kind === 'error') return;
      throw new Error(vscode.l10n.t('“{0}”: {1}', name, errorText(error)), { cause: error });
    }
  }

  /** Asks for confirmation if running jobs would no longer be tracked. */
  async #confirmDisconnect(names: readonly string[], action: string): Promise<boolean> {
    const running = this.#jobs.jobs.filter(
      ({ state, record }) => names.includes(record.connection) && mayHaveWorker(state) && !record.sessionLost,
    );
    if (running.length === 0) return true;
    const question =
      running.length === 1
        ? vscode.l10n.t('“{0}” is still running. Disconnect anyway?', running[0]?.record.label ?? '')
        : vscode.l10n.t('{0} jobs are still running. Disconnect anyway?', running.length);
    const detail = vscode.l10n.t(
      'The workers keep running and commit, but they are no longer tracked: their rows are lost and their outcomes stay unknown. Queued jobs wait until you resume them.',
    );
    return (await ui.showWarningMessage(question, { modal: true, detail }, action)) === action;
  }

  #freeName(name: string): string {
    for (let i = 1; ; i++) {
      const free = i === 1 ? vscode.l10n.t('{0} copy', name) : vscode.l10n.t('{0} copy {1}', name, i);
      if (!this.#connections.find(free)) return free;
    }
  }

  async #chooseEntry(first: unknown, question: string): Promise<ConnectionEntry | undefined> {
    const [name] = await this.#choose(first, undefined, question);
    return name === undefined ? undefined : this.#connections.entry(name);
  }

  #choose(first: unknown, selected: unknown, placeHolder: string, fits?: (name: string) => boolean): Promise<string[]> {
    return chooseConnections(this.#connections, first, selected, placeHolder, fits);
  }
}
