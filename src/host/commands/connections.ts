import * as vscode from 'vscode';
import { ConnectError } from '../../core/postgres/connect/errors';
import { suggestName } from '../connectionPages/formModel';
import { ConnectionPanels } from '../connectionPages/connectionPanels';
import type { Connections } from '../connections/connections';
import { chooseScope, writeDefault } from '../connections/defaultConnection';
import { ActionNode } from '../tree/nodes/actionNode';
import { ConnectionNode } from '../tree/nodes/connectionNode';
import { FaultNode } from '../tree/nodes/faultNode';
import { ProblemNode } from '../tree/nodes/problemNode';
import { errorText } from '../messages/faultText';
import * as ui from '../base/ui';

/** The commands that add, edit, test, and remove connections. */
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
   * Opens the form. Code may pass a URI or DSN instead; the user is then asked only for a name.
   *
   * @returns the name of the new connection, or undefined if the user gave up
   */
  async add(argument?: unknown): Promise<string | undefined> {
    if (typeof argument !== 'string') return this.#panels.edit();
    const { parseConnectionString } = await import('../../core/postgres/connect/conninfo/conninfo');
    const { profile, password } = parseConnectionString(argument);
    const name = await this.#askName(suggestName(profile, (taken) => this.#connections.find(taken) !== undefined));
    if (name === undefined) return undefined;
    await this.#connections.save({ ...profile, name }, password);
    await this.#announce(name);
    return name;
  }

  async edit(argument: unknown): Promise<void> {
    const name = await this.#choose(argument, vscode.l10n.t('Choose a connection to edit'));
    if (name === undefined) return;
    if (this.#connections.find(name)) await this.#panels.edit(name);
    // The form cannot show every kind of invalid connection.
    else await vscode.commands.executeCommand('workbench.action.openSettings', 'pgBackground.connections');
  }

  async remove(argument: unknown): Promise<void> {
    const name = await this.#choose(argument, vscode.l10n.t('Choose a connection to remove'));
    if (name === undefined) return;
    const remove = vscode.l10n.t('Remove');
    const choice = await ui.showWarningMessage(
      vscode.l10n.t('Remove the connection “{0}” and its password?', name),
      { modal: true, detail: vscode.l10n.t('Its running workers are not stopped.') },
      remove,
    );
    if (choice === remove) await this.#connections.remove(name);
  }

  /** Tests a connection and shows the findings. */
  async test(argument: unknown): Promise<void> {
    const name = await this.#choose(argument, vscode.l10n.t('Choose a connection to test'));
    if (name !== undefined) await this.#panels.test(name);
  }

  /** Connects and reports whether workers can be used. */
  async #announce(name: string): Promise<void> {
    this.#connections.allowPrompts(name);
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
      const defaultName = this.#connections.defaultFor(undefined);
      if (defaultName === undefined || defaultName === name) {
        void ui.showInformationMessage(ready);
        return;
      }
      const makeDefault = vscode.l10n.t('Set as Default Connection…');
      void ui
        .showInformationMessage(
          `${ready} ${vscode.l10n.t('“{0}” is the default connection.', defaultName)}`,
          makeDefault,
        )
        .then(async (choice) => {
          const entry = choice === makeDefault ? this.#connections.entry(name) : undefined;
          const target = entry && (await chooseScope(entry));
          if (entry && target) await writeDefault(this.#connections, entry, target);
        });
    } catch (error) {
      const edit = vscode.l10n.t('Edit Connection…');
      const enter = vscode.l10n.t('Enter Password…');
      const test = vscode.l10n.t('Test Connection');
      const wrongPassword = error instanceof ConnectError && ['authentication', 'noPassword'].includes(error.reason);
      // Not awaited: the command ends even if the message stays open.
      void ui
        .showErrorMessage(
          vscode.l10n.t('“{0}”: {1}', name, errorText(error)),
          ...(wrongPassword ? [enter, edit] : [test, edit]),
        )
        .then((choice) => {
          if (choice === enter) return this.#enterPassword(name);
          if (choice === test) return this.#panels.test(name);
          return choice === edit ? this.edit(name) : undefined;
        });
    }
  }

  async #enterPassword(name: string): Promise<void> {
    const password = await ui.showInputBox({
      title: name,
      prompt: vscode.l10n.t('The password is kept in VS Code’s secret storage.'),
      password: true,
      ignoreFocusOut: true,
    });
    if (password === undefined) return;
    await this.#connections.setPassword(name, password);
    await this.#announce(name);
  }

  #askName(value: string): Thenable<string | undefined> {
    return ui.showInputBox({
      title: vscode.l10n.t('Connection Name'),
      prompt: vscode.l10n.t('Shown in the Background Workers view'),
      value,
      ignoreFocusOut: true,
      validateInput: (text) => {
        if (text.trim() === '') return vscode.l10n.t('Enter a name.');
        return this.#connections.find(text) ? vscode.l10n.t('A connection with this name already exists.') : undefined;
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
