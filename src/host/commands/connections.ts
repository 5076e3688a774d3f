import * as vscode from 'vscode';
import { ConnectError } from '../../core/postgres/connect/errors';
import { parseConnectionString } from '../../core/postgres/connect/conninfo/conninfo';
import { suggestName } from '../connectionPages/formModel';
import { ConnectionPanels } from '../connectionPages/connectionPanels';
import type { Connections } from '../connections/connections';
import { choosePlace, writeDefault } from '../connections/defaultConnection';
import { ActionNode } from '../tree/nodes/actionNode';
import { ConnectionNode } from '../tree/nodes/connectionNode';
import { FaultNode } from '../tree/nodes/faultNode';
import { ProblemNode } from '../tree/nodes/problemNode';
import * as ui from '../base/ui';

/** Adding, editing, testing and removing connections. */
export class ConnectionCommands implements vscode.Disposable {
  readonly #panels: ConnectionPanels;

  readonly #connections: Connections;

  constructor(connections: Connections, context: Pick<vscode.ExtensionContext, 'extensionUri' | 'extension'>) {
    this.#connections = connections;

    this.#panels = new ConnectionPanels(context, connections, (name) => void this.#announce(name));
  }

  dispose(): void {
    this.#panels.dispose();
  }

  /**
   * Opens the form; code may give a URI or DSN instead, whose name is then asked for. Returns the name of the new connection,
   * or undefined where the user gave up.
   */
  async add(argument?: unknown): Promise<string | undefined> {
    if (typeof argument !== 'string') return this.#panels.edit();
    const { profile, password } = parseConnectionString(argument);
    const name = await this.#askName(suggestName(profile, (one) => this.#connections.find(one) !== undefined));
    if (name === undefined) return undefined;
    await this.#connections.save({ ...profile, name }, password);
    await this.#announce(name);
    return name;
  }

  async edit(argument: unknown): Promise<void> {
    const name = await this.#choose(argument, vscode.l10n.t('Connection to edit'));
    if (name === undefined) return;
    if (this.#connections.find(name)) await this.#panels.edit(name);
    // What is wrong there may be beyond a form.
    else await vscode.commands.executeCommand('workbench.action.openSettings', 'pgBackground.connections');
  }

  async remove(argument: unknown): Promise<void> {
    const name = await this.#choose(argument, vscode.l10n.t('Connection to remove'));
    if (name === undefined) return;
    const remove = vscode.l10n.t('Remove');
    const choice = await ui.showWarningMessage(
      vscode.l10n.t('Remove the connection “{0}” and its password?', name),
      { modal: true, detail: vscode.l10n.t('Workers that run on it are not stopped.') },
      remove,
    );
    if (choice === remove) await this.#connections.remove(name);
  }

  /** Examines a connection, and shows what was found. */
  async test(argument: unknown): Promise<void> {
    const name = await this.#choose(argument, vscode.l10n.t('Connection to test'));
    if (name !== undefined) await this.#panels.examine(name);
  }

  /** Connects, and says in one line whether workers can be used. */
  async #announce(name: string): Promise<void> {
    this.#connections.mayAsk(name);
    try {
      const { server, extension } = await ui.withProgress(
        { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t('Connecting to “{0}”', name) },
        async () => {
          const link = this.#connections.link(name);
          const dialect = await link.connect();
          await link.refresh();
          return {
            server: link.state.kind === 'connected' ? link.state.serverVersion : '',
            extension: dialect.version,
          };
        },
      );
      const ready = vscode.l10n.t('“{0}” is ready: PostgreSQL {1} with pg_background {2}.', name, server, extension);
      const preset = this.#connections.defaultFor(undefined);
      if (preset === undefined || preset === name) {
        void ui.showInformationMessage(ready);
        return;
      }
      const makeDefault = vscode.l10n.t('Set as Default Connection…');
      void ui
        .showInformationMessage(`${ready} ${vscode.l10n.t('“{0}” is the default connection.', preset)}`, makeDefault)
        .then(async (choice) => {
          const entry = choice === makeDefault ? this.#connections.entry(name) : undefined;
          const place = entry && (await choosePlace(entry));
          if (entry && place) await writeDefault(this.#connections, entry, place);
        });
    } catch (error) {
      const edit = vscode.l10n.t('Edit Connection…');
      const enter = vscode.l10n.t('Enter Password…');
      const test = vscode.l10n.t('Test Connection');
      const wrongPassword = error instanceof ConnectError && ['authentication', 'noPassword'].includes(error.reason);
      // Not awaited: the command is done, whenever the message is read.
      void ui
        .showErrorMessage(
          `“${name}”: ${error instanceof Error ? error.message : String(error)}`,
          ...(wrongPassword ? [enter, edit] : [test, edit]),
        )
        .then((choice) => {
          if (choice === enter) return this.#enterPassword(name);
          if (choice === test) return this.#panels.examine(name);
          return choice === edit ? this.edit(name) : undefined;
        });
    }
  }

  async #enterPassword(name: string): Promise<void> {
    const password = await ui.showInputBox({
      title: name,
      prompt: vscode.l10n.t('Password. It is kept in VS Code’s secret storage.'),
      password: true,
      ignoreFocusOut: true,
    });
    if (password === undefined) return;
    await this.#connections.setPassword(name, password);
    await this.#announce(name);
  }

  #askName(value: string, own?: string): Thenable<string | undefined> {
    return ui.showInputBox({
      title: vscode.l10n.t('Name of the Connection'),
      prompt: vscode.l10n.t('Shown in the Workers view'),
      value,
      ignoreFocusOut: true,
      validateInput: (text) => {
        if (text.trim() === '') return vscode.l10n.t('It needs a name.');
        return text !== own && this.#connections.find(text)
          ? vscode.l10n.t('There is a connection of that name already.')
          : undefined;
      },
    });
  }

  async #choose(argument: unknown, placeHolder: string): Promise<string | undefined> {
    if (typeof argument === 'string') return argument;
    if (argument instanceof ConnectionNode || argument instanceof FaultNode) return argument.name;
    if (argument instanceof ProblemNode || argument instanceof ActionNode) return argument.connection;
    const { profiles } = this.#connections;
    if (profiles.length <= 1) return profiles[0]?.name;
    return ui.showQuickPick(
      profiles.map((profile) => profile.name),
      { placeHolder },
    );
  }
}
