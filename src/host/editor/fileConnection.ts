import * as vscode from 'vscode';
import type { Launcher } from '../commands/run';
import { without } from '../commands/without';
import type { Connections } from '../connections';
import { Disposables } from '../disposables';
import { commandId } from '../ids';
import type { FileDefaultsStore } from './fileDefaults';
import { plainLabel } from '../plain';
import { isSql } from './languages';
import * as ui from '../ui';

/** Shows, while a SQL editor is active, on which connection its jobs run, and lets it be changed. */
export class FileConnection implements vscode.Disposable {
  readonly #item = ui.createStatusBarItem(
    'pgBackground.connection',
    vscode.StatusBarAlignment.Right,
    // Left of the language's name.
    100.1,
  );
  readonly #disposables = new Disposables();

  constructor(
    private readonly connections: Connections,
    private readonly launcher: Launcher,
    private readonly defaults: FileDefaultsStore,
  ) {
    this.#item.name = vscode.l10n.t('pg_background Connection');
    this.#item.command = commandId('setFileConnection');
    this.#disposables.add(this.#item);
    const update = (): void => this.update();
    this.#disposables.add(vscode.window.onDidChangeActiveTextEditor(update));
    this.#disposables.add(vscode.workspace.onDidOpenTextDocument(update));
    this.#disposables.add(connections.onDidChange(update));
    this.#disposables.add(defaults.onDidChange(update));
    this.update();
  }

  /** The connection of a document's jobs, where a comment does not name another one. */
  of(uri: vscode.Uri): string | undefined {
    const own = this.defaults.get(uri).connection;
    const found = own === undefined ? undefined : this.connections.find(own, uri);
    return found?.name ?? this.connections.defaultFor(uri);
  }

  /** What the item says; undefined while it is hidden. */
  get shown(): string | undefined {
    const document = vscode.window.activeTextEditor?.document;
    if (!document || !isSql(document) || this.connections.profilesFor(document.uri).length === 0) return undefined;
    return this.of(document.uri) ?? vscode.l10n.t('No connection');
  }

  update(): void {
    const { shown } = this;
    if (shown === undefined) {
      this.#item.hide();
      return;
    }
    const production = this.connections.find(shown)?.production === true;
    this.#item.text = `$(server-process) ${plainLabel(shown)}`;
    this.#item.tooltip = production
      ? vscode.l10n.t('Jobs of this file run on “{0}”, a production connection. Click to change it.', plainLabel(shown))
      : vscode.l10n.t('Jobs of this file run on “{0}”. Click to change it.', plainLabel(shown));
    this.#item.backgroundColor = production ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
    this.#item.show();
  }

  /**
   * Sets the connection of a file's jobs.
   *
   * @param argument From code: the connection's name, or '' for the default one. Otherwise the user is asked.
   */
  async set(argument: unknown): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    if (!document) {
      throw new Error(vscode.l10n.t('Open a SQL file first: its connection is what you set.'));
    }
    const name = typeof argument === 'string' ? argument : await this.#ask(document.uri);
    if (name === undefined) return;
    if (name !== '' && !this.connections.find(name, document.uri)) {
      throw new Error(vscode.l10n.t('There is no connection "{0}". Add it, or choose another one.', name));
    }
    const others = without(this.defaults.get(document.uri), 'connection');
    await this.defaults.set(document.uri, name === '' ? others : { ...others, connection: name });
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  async #ask(uri: vscode.Uri): Promise<string | undefined> {
    const own = this.defaults.get(uri).connection;
    const items: (vscode.QuickPickItem & { readonly value: string | undefined })[] = this.launcher
      .connectionItems(uri)
      .map((item) => ({
        ...item,
        value: item.label,
        ...(item.label === own ? { description: vscode.l10n.t('this file’s connection') } : {}),
      }));
    const preset = this.connections.defaultFor(uri);
    items.push({
      label: vscode.l10n.t('Use the Default Connection'),
      ...(preset === undefined ? {} : { description: preset }),
      value: '',
    });
    items.push({ label: vscode.l10n.t('Add Connection…'), value: undefined });
    const picked = await ui.showQuickPick(items, {
      placeHolder: vscode.l10n.t('Connection on which this file’s jobs run'),
    });
    if (!picked) return undefined;
    return picked.value ?? vscode.commands.executeCommand<string | undefined>(commandId('addConnection'));
  }
}
