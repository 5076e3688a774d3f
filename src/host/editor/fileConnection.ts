import * as vscode from 'vscode';
import type { Launcher } from '../launch/launcher';
import { omit } from '../base/omit';
import { unknownConnectionError, type Connections } from '../connections/connections';
import { Disposables } from '../base/disposables';
import { commandId } from '../base/commandIds';
import { hasWorkspace, writeDefault } from '../connections/defaultConnection';
import type { SettingsOrigin } from '../connections/connectionSettings';
import { plainLabel } from '../base/plainText';
import { connectionNames } from './connectionNames';
import type { FileDefaultsStore } from './fileDefaults';
import { isSql } from './languages';
import { rangesToRun } from './runnableRanges';
import type { StatementCache } from './statementCache';
import { nameOf, spanOf } from './editorTargets';
import * as ui from '../base/ui';

/** The delay of updates while the cursor moves or the user types. Milliseconds. */
const UPDATE_DELAY_MS = 100;

/** Shows the connection of the active SQL editor in the status bar, and changes it. */
export class FileConnection implements vscode.Disposable {
  readonly #item = ui.createStatusBarItem(
    'pgBackground.connection',
    vscode.StatusBarAlignment.Right,
    // Left of the language.
    100.1,
  );
  readonly #disposables = new Disposables();
  #scheduled: NodeJS.Timeout | undefined;

  readonly #connections: Connections;
  readonly #launcher: Launcher;
  readonly #defaults: FileDefaultsStore;
  readonly #cache: StatementCache;

  constructor(connections: Connections, launcher: Launcher, defaults: FileDefaultsStore, cache: StatementCache) {
    this.#connections = connections;
    this.#launcher = launcher;
    this.#defaults = defaults;
    this.#cache = cache;

    this.#item.name = vscode.l10n.t('pg_background Connection');
    this.#item.command = commandId('setFileConnection');
    this.#disposables.add(this.#item);
    const update = (): void => this.update();
    const updateSoon = (): void => {
      this.#scheduled ??= setTimeout(() => {
        this.#scheduled = undefined;
        this.update();
      }, UPDATE_DELAY_MS);
    };
    this.#disposables.add(vscode.window.onDidChangeActiveTextEditor(update));
    // A comment above a statement may name another connection.
    this.#disposables.add(vscode.window.onDidChangeTextEditorSelection(updateSoon));
    this.#disposables.add(vscode.workspace.onDidChangeTextDocument(updateSoon));
    this.#disposables.add(vscode.workspace.onDidOpenTextDocument(update));
    this.#disposables.add(connections.onDidChange(update));
    this.#disposables.add(defaults.onDidChange(update));
    this.update();
  }

  /**
   * The connection of a document's jobs, unless a comment names another one.
   * @returns undefined if the user must be asked, because the connection of the file, or the default connection, does not exist
   */
  of(uri: vscode.Uri): string | undefined {
    const own = this.#defaults.get(uri).connection;
    return own === undefined ? this.#connections.defaultFor(uri) : this.#connections.find(own, uri)?.name;
  }

  /** The connections on which a run in this editor would be launched; undefined for one that the user would be asked for. */
  #namesIn({ document, selections }: vscode.TextEditor): readonly (string | undefined)[] {
    const { uri } = document;
    const fallback = this.of(uri);
    const { text, split } = this.#cache.get(document);
    const ranges = rangesToRun(
      text,
      split,
      selections.map((selection) => spanOf(document, selection)),
    );
    return connectionNames(
      ranges.map((range) => range.text),
      fallback,
      (name) => this.#connections.find(name, uri)?.name ?? name,
    );
  }

  update(): void {
    const editor = vscode.window.activeTextEditor;
    const document = editor?.document;
    if (!document || !isSql(document) || this.#connections.profilesFor(document.uri).length === 0) {
      this.#item.hide();
      return;
    }
    const names = this.#namesIn(editor);
    const known = names.filter((name) => name !== undefined);
    const shown = known.map((name) => plainLabel(name)).join(', ');
    if (known.length < names.length) {
      const missing = this.#missing(document.uri);
      this.#item.text = `$(server-process) ${vscode.l10n.t('Choose Connection')}`;
      this.#item.tooltip =
        missing === undefined
          ? vscode.l10n.t('No connection is chosen for this file. Click to choose one.')
          : vscode.l10n.t('The connection “{0}” does not exist. Click to choose another one.', plainLabel(missing));
      this.#item.backgroundColor = undefined;
    } else {
      const production = known.some((name) => this.#connections.find(name, document.uri)?.production === true);
      this.#item.text = `$(server-process) ${shown}`;
      const [only] = known;
      const byComment = known.length > 1 || only !== this.of(document.uri);
      const where = byComment
        ? vscode.l10n.t('A comment sets the connection of this statement: {0}.', shown)
        : this.#defaults.get(document.uri).connection === undefined
          ? vscode.l10n.t('Jobs of this file run on “{0}”, the default connection. Click to change it.', shown)
          : vscode.l10n.t('Jobs of this file run on “{0}”, chosen for this file. Click to change it.', shown);
      this.#item.tooltip = production ? `${where} ${vscode.l10n.t('This is a production connection.')}` : where;
      this.#item.backgroundColor = production ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
    }
    this.#item.show();
  }

  /**
   * Sets the connection of a file's jobs.
   *
   * @param document the file; undefined if no editor is active
   * @param argument from code: the connection's name, or '' for the default connection. Otherwise the user is asked.
   * @throws if no editor is active or the connection does not exist
   */
  async set(argument: unknown, document: vscode.TextDocument | undefined): Promise<void> {
    if (!document) {
      throw new Error(vscode.l10n.t('Open the SQL file first whose connection to set.'));
    }
    const name = typeof argument === 'string' ? argument : await this.#ask(document.uri);
    if (name === undefined) return;
    if (name !== '' && !this.#connections.find(name, document.uri)) {
      throw unknownConnectionError(name);
    }
    await this.#remember(document.uri, name === '' ? undefined : name);
    const file = nameOf(document.uri);
    ui.setStatusBarMessage(
      name === ''
        ? vscode.l10n.t('{0} uses the default connection.', file)
        : vscode.l10n.t('{0} uses “{1}” in this workspace.', file, name),
      5000,
    );
  }

  /**
   * Asks for the connection of files that have none, and remembers it for these files or as the default.
   * @returns undefined if the user cancels
   */
  async choose(uris: readonly vscode.Uri[]): Promise<string | undefined> {
    const [uri] = uris;
    if (!uri) return undefined;
    const items = this.#launcher.connectionItems(uri);
    const name = items.length === 0 ? await this.#launcher.addFirstConnection() : await this.#pick(uris, uri, items);
    if (name !== undefined) await this.#launcher.notePicked(name);
    return name;
  }

  async #pick(
    uris: readonly vscode.Uri[],
    uri: vscode.Uri,
    items: readonly vscode.QuickPickItem[],
  ): Promise<string | undefined> {
    const always = items.map(({ label }) => ({
      label: hasWorkspace()
        ? vscode.l10n.t('Always use “{0}” in this workspace', label)
        : vscode.l10n.t('Always use “{0}”', label),
      value: label,
      always: true,
    }));
    const missing = this.#missing(uri);
    const file = uris.length === 1 ? nameOf(uri) : vscode.l10n.t('{0} files', new Set(uris.map(String)).size);
    const question = vscode.l10n.t('Connection to run on. It is remembered for {0}.', file);
    const picked = await ui.showQuickPick(
      [
        { label: vscode.l10n.t('For {0}', file), kind: vscode.QuickPickItemKind.Separator, value: '', always: false },
        ...items.map((item) => ({ ...item, value: item.label, always: false })),
        {
          label: vscode.l10n.t('For all files without a connection'),
          kind: vscode.QuickPickItemKind.Separator,
          value: '',
          always: true,
        },
        ...always,
      ],
      {
        placeHolder:
          missing === undefined
            ? question
            : `${vscode.l10n.t('The connection “{0}” does not exist.', missing)} ${question}`,
      },
    );
    if (!picked) return undefined;
    for (const each of uris) await this.#remember(each, picked.always ? undefined : picked.value);
    if (picked.always) await this.#makeDefault(uri, picked.value);
    return picked.value;
  }

  /** Makes a connection the default of its folder or, if it is not defined in a folder, of the workspace or the user. */
  async #makeDefault(uri: vscode.Uri, name: string): Promise<void> {
    const entry = this.#connections.entry(name, uri);
    if (!entry) return;
    const own: SettingsOrigin = hasWorkspace() ? { kind: 'workspace' } : { kind: 'user' };
    await writeDefault(this.#connections, entry, entry.origin.kind === 'folder' ? entry.origin : own);
  }

  /** The connection that was chosen for a file, or as the default, but does not exist. */
  #missing(uri: vscode.Uri): string | undefined {
    return this.#defaults.get(uri).connection ?? this.#connections.missingDefault(uri);
  }

  async #remember(uri: vscode.Uri, connection: string | undefined): Promise<void> {
    const others = omit(this.#defaults.get(uri), 'connection');
    await this.#defaults.set(uri, connection === undefined ? others : { ...others, connection });
  }

  dispose(): void {
    clearTimeout(this.#scheduled);
    this.#disposables.dispose();
  }

  async #ask(uri: vscode.Uri): Promise<string | undefined> {
    const own = this.#defaults.get(uri).connection;
    const items: (vscode.QuickPickItem & { readonly value: string | undefined })[] = this.#launcher
      .connectionItems(uri)
      .map((item) => ({
        ...item,
        value: item.label,
        ...(item.label === own ? { description: vscode.l10n.t('this file’s connection') } : {}),
      }));
    const preset = this.#connections.defaultFor(uri);
    items.push({
      label: vscode.l10n.t('Use the Default Connection'),
      ...(preset === undefined ? {} : { description: preset }),
      value: '',
    });
    const add = { label: vscode.l10n.t('Add Connection…'), value: undefined };
    const makeDefault = { label: vscode.l10n.t('Set as Default Connection…'), value: undefined };
    items.push(makeDefault, add);
    const picked = await ui.showQuickPick(items, {
      placeHolder: vscode.l10n.t('Connection for the jobs of {0}', nameOf(uri)),
    });
    if (picked === makeDefault) await vscode.commands.executeCommand(commandId('setDefaultConnection'));
    if (picked === add) return vscode.commands.executeCommand<string | undefined>(commandId('addConnection'));
    return picked?.value;
  }
}
