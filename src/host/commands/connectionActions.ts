import * as vscode from 'vscode';
import { formatUri } from '../../core/postgres/connect/conninfo/conninfo';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import type { JobService } from '../../core/jobs/jobService';
import { mayHaveWorker } from '../../core/jobs/states';
import type { ConnectionEntry } from '../connections/connectionEntries';
import type { Connections } from '../connections/connections';
import type { SettingsOrigin } from '../connections/connectionSettings';
import { choosePlace, hasWorkspace, writeDefault } from '../connections/defaultConnection';
import { commandId, WORKERS_VIEW } from '../base/commandIds';
import { ActionNode } from '../tree/nodes/actionNode';
import { ConnectionNode } from '../tree/nodes/connectionNode';
import { ProblemNode } from '../tree/nodes/problemNode';
import * as ui from '../base/ui';

/** What can be done with a connection besides adding, editing, testing and removing it. */
export class ConnectionActions {
  readonly #connections: Connections;
  readonly #jobs: JobService;

  constructor(connections: Connections, jobs: JobService) {
    this.#connections = connections;
    this.#jobs = jobs;
  }

  async connect(first: unknown, selected: unknown): Promise<void> {
    const closed = (name: string): boolean => this.#connections.existing(name)?.state.kind !== 'connected';
    const names = await this.#choose(first, selected, vscode.l10n.t('Connection to connect'), closed);
    // In the tree the row itself tells how it went.
    const told = first instanceof ConnectionNode;
    await Promise.all(names.map((name) => this.#connect(name, told)));
  }

  /** Closes the sessions; workers run on, and what waits waits for the user's word. */
  async disconnect(first: unknown, selected: unknown): Promise<void> {
    const open = (name: string): boolean => this.#connections.existing(name) !== undefined;
    const names = await this.#choose(first, selected, vscode.l10n.t('Connection to disconnect'), open);
    if (names.length === 0 || !(await this.#mayClose(names, vscode.l10n.t('Disconnect')))) return;
    for (const name of names) {
      this.#jobs.hold(name);
      this.#connections.disconnect(name);
    }
  }

  async enterPassword(first: unknown): Promise<void> {
    const [name] = await this.#choose(first, undefined, vscode.l10n.t('Connection whose password to enter'));
    const profile = name === undefined ? undefined : this.#connections.find(name);
    if (name === undefined || !profile) return;
    const password = await ui.showInputBox({
      title: name,
      prompt:
        profile.askPassword === true
          ? vscode.l10n.t('Password. It is kept until the window is closed.')
          : vscode.l10n.t('Password. It is kept in VS Code’s secret storage.'),
      password: true,
      ignoreFocusOut: true,
    });
    if (password === undefined) return;
    await this.#connections.setPassword(name, password);
    await this.#connect(name, first instanceof ConnectionNode);
  }

  async forgetPassword(first: unknown): Promise<void> {
    const [name] = await this.#choose(first, undefined, vscode.l10n.t('Connection whose password to forget'));
    if (name === undefined || !(await this.#mayClose([name], vscode.l10n.t('Forget Password')))) return;
    this.#jobs.hold(name);
    await this.#connections.forgetPassword(name);
    this.#connections.disconnect(name);
    void ui.showInformationMessage(
      vscode.l10n.t(
        'The password of “{0}” is forgotten here, and its sessions are closed. One that a password file, the environment or a command gives is still used.',
        name,
      ),
    );
  }

  /** A copy under another name, beside the first one, with the same password. Opens it for editing. */
  async duplicate(first: unknown): Promise<string | undefined> {
    const [from] = await this.#choose(first, undefined, vscode.l10n.t('Connection to duplicate'));
    const entry = from === undefined ? undefined : this.#connections.entry(from);
    if (!entry) return undefined;
    const name = await ui.showInputBox({
      title: vscode.l10n.t('Duplicate “{0}”', entry.profile.name),
      prompt: vscode.l10n.t('Name of the copy'),
      value: this.#freeName(entry.ownName),
      ignoreFocusOut: true,
      validateInput: (text) => {
        if (text.trim() === '') return vscode.l10n.t('It needs a name.');
        return this.#connections.find(text) ? vscode.l10n.t('There is a connection of that name already.') : undefined;
      },
    });
    if (name === undefined) return undefined;
    const copy = await this.#connections.duplicate(entry.profile.name, name);
    // Not awaited: the copy is made, whether it is edited or not.
    void vscode.commands.executeCommand(commandId('editConnection'), copy);
    return copy;
  }

  async copyUri(first: unknown, selected: unknown): Promise<void> {
    const names = await this.#choose(first, selected, vscode.l10n.t('Connection whose URI to copy'));
    const profiles = names.map((name) => this.#connections.find(name)).filter((one) => one !== undefined);
    if (profiles.length === 0) return;
    await vscode.env.clipboard.writeText(profiles.map((profile) => formatUri(profile)).join('\n'));
    ui.setStatusBarMessage(vscode.l10n.t('Copied, without the password.'), 3000);
  }

  /**
   * Makes a connection the default, and says in which settings that was written.
   *
   * @param first From code: its name, and the default is written where the connection is kept. Otherwise the user is asked.
   * @param where From code: other settings to write it in, `user` or `workspace`.
   */
  async setDefault(first: unknown, where?: unknown): Promise<void> {
    const entry = await this.#chooseEntry(first, vscode.l10n.t('Connection for files that have none of their own'));
    if (!entry) return;
    const { origin } = entry;
    if (typeof first === 'string') {
      const kept: SettingsOrigin = origin.kind === 'provider' ? { kind: 'user' } : origin;
      await writeDefault(this.#connections, entry, where === 'user' || where === 'workspace' ? { kind: where } : kept);
      return;
    }
    const place = await choosePlace(entry);
    if (place) await writeDefault(this.#connections, entry, place);
  }

  /** The default of this workspace, or of the folder whose connection it is. */
  async useForWorkspace(first: unknown): Promise<void> {
    if (!hasWorkspace()) {
      throw new Error(
        vscode.l10n.t('No folder is open that could have a default of its own. Set the default instead.'),
      );
    }
    const entry = await this.#chooseEntry(first, vscode.l10n.t('Connection for the files of this workspace'));
    if (!entry) return;
    await writeDefault(this.#connections, entry, entry.origin.kind === 'folder' ? entry.origin : { kind: 'workspace' });
  }

  async useForFile(first: unknown): Promise<void> {
    // With nothing chosen, that command asks itself, and knows what is set.
    const name = first === undefined ? undefined : (await this.#choose(first, undefined, ''))[0];
    if (first !== undefined && name === undefined) return;
    await vscode.commands.executeCommand(commandId('setFileConnection'), name);
  }

  async #connect(name: string, told: boolean): Promise<void> {
    try {
      await ui.withProgress({ location: { viewId: WORKERS_VIEW } }, () => this.#connections.connect(name));
    } catch (error) {
      if (told && this.#connections.existing(name)?.state.kind === 'error') return;
      throw new Error(`“${name}”: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }

  /** Asks where workers would no longer be tracked. */
  async #mayClose(names: readonly string[], action: string): Promise<boolean> {
    const running = this.#jobs.jobs.filter(
      ({ state, record }) => names.includes(record.connection) && mayHaveWorker(state) && !record.detached,
    );
    if (running.length === 0) return true;
    const question =
      running.length === 1
        ? vscode.l10n.t('“{0}” is running. Close its connection all the same?', running[0]?.record.label ?? '')
        : vscode.l10n.t('{0} jobs are running. Close their connection all the same?', running.length);
    const detail = vscode.l10n.t(
      'The workers run on and commit, but nobody reads them: their rows are lost, and how they end stays unknown. Jobs that wait stay in the queue until you resume them.',
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

  /** The connections that a command was called for, or one that the user picks of those that fit. */
  async #choose(
    first: unknown,
    selected: unknown,
    placeHolder: string,
    fits: (name: string) => boolean = () => true,
  ): Promise<string[]> {
    const nodes: readonly unknown[] = Array.isArray(selected) && selected.includes(first) ? selected : [first];
    const named = nodes.map(connectionOf).filter((name) => name !== undefined);
    if (named.length > 0) return named;
    if (first !== undefined) return [];
    const items = this.#connections.profiles.filter(({ name }) => fits(name)).map(itemOf);
    if (items.length === 0) {
      void ui.showInformationMessage(vscode.l10n.t('There is no connection that this could be done with.'));
      return [];
    }
    const picked = await ui.showQuickPick(items, { placeHolder });
    return picked ? [picked.label] : [];
  }
}

/** The connection that a row of the tree, or code, names. */
function connectionOf(argument: unknown): string | undefined {
  if (typeof argument === 'string') return argument;
  if (argument instanceof ConnectionNode) return argument.name;
  return argument instanceof ProblemNode || argument instanceof ActionNode ? argument.connection : undefined;
}

function itemOf({ name, host, database }: ConnectionProfile): vscode.QuickPickItem {
  return { label: name, description: `${host ?? 'localhost'}/${database ?? ''}` };
}
