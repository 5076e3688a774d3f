/**
 * The only module that shows text in VS Code's surfaces. Text from servers, settings, and files never becomes a link, an icon, or
 * markup, and its length is limited. A lint rule forbids VS Code's functions elsewhere (eslint.config.mjs, "SHOWS_TEXT").
 */
import * as vscode from 'vscode';
import { plain, plainCode, plainLabel, plainLines, plainMarkdown } from './plainText';

export interface MessageOptions extends vscode.MessageOptions {
  /** Title of the button that closes a dialog. VS Code's default is Cancel, which is confusing in a question about canceling. */
  readonly closeTitle?: string;
}

interface ShowMessage {
  <T extends string>(message: string, ...items: T[]): Promise<T | undefined>;
  <T extends string>(message: string, options: MessageOptions, ...items: T[]): Promise<T | undefined>;
}

/** Makes a text with several lines safe. */
function paragraphs(text: string): string {
  return plainLines(text, (count) => vscode.l10n.t('… ({0} more lines)', count));
}

function messages(kind: 'showInformationMessage' | 'showWarningMessage' | 'showErrorMessage'): ShowMessage {
  return async <T extends string>(message: string, ...rest: (MessageOptions | T)[]): Promise<T | undefined> => {
    const { closeTitle, ...options } =
      rest.find((argument): argument is MessageOptions => typeof argument === 'object') ?? {};
    const items = rest.filter((argument) => typeof argument === 'string');
    const shown = items.map(plainLabel);
    // A dialog keeps line breaks; a notification has one line.
    const text = options.modal === true ? paragraphs(message) : plain(message);
    const detail = options.detail === undefined ? {} : { detail: paragraphs(options.detail) };
    if (closeTitle !== undefined) {
      const buttons = shown.map((title): vscode.MessageItem => ({ title }));
      const close = { title: plainLabel(closeTitle), isCloseAffordance: true };
      const pressed = await vscode.window[kind](text, { ...options, ...detail }, ...buttons, close);
      return pressed === undefined || pressed === close ? undefined : items[buttons.indexOf(pressed)];
    }
    const choice = await vscode.window[kind](text, { ...options, ...detail }, ...shown);
    return choice === undefined ? undefined : items[shown.indexOf(choice)];
  };
}

export const showInformationMessage = messages('showInformationMessage');
export const showWarningMessage = messages('showWarningMessage');
export const showErrorMessage = messages('showErrorMessage');

export function setStatusBarMessage(text: string, ms: number): vscode.Disposable {
  return vscode.window.setStatusBarMessage(plainLabel(text), ms);
}

/** Like `window.withProgress`. */
export function withProgress<R>(
  options: vscode.ProgressOptions,
  task: (
    progress: vscode.Progress<{ message?: string; increment?: number }>,
    token: vscode.CancellationToken,
  ) => Thenable<R>,
): Thenable<R> {
  const title = options.title === undefined ? {} : { title: plain(options.title) };
  return vscode.window.withProgress({ ...options, ...title }, (progress, token) =>
    task(
      {
        report: ({ message, increment }) =>
          progress.report({
            ...(message === undefined ? {} : { message: plainLabel(message) }),
            ...(increment === undefined ? {} : { increment }),
          }),
      },
      token,
    ),
  );
}

type Validation = string | vscode.InputBoxValidationMessage | undefined | null;

function plainValidation(problem: Validation): Validation {
  if (typeof problem === 'string') return plain(problem);
  return problem ? { ...problem, message: plain(problem.message) } : problem;
}

/** Like `window.showInputBox`. */
export function showInputBox(options: vscode.InputBoxOptions): Thenable<string | undefined> {
  const { title, prompt, placeHolder } = options;
  return vscode.window.showInputBox({
    ...options,
    ...(title === undefined ? {} : { title: plainLabel(title) }),
    ...(prompt === undefined ? {} : { prompt: plain(prompt) }),
    ...(placeHolder === undefined ? {} : { placeHolder: plainLabel(placeHolder) }),
    validateInput: async (text) => plainValidation(await options.validateInput?.(text)),
  });
}

function plainItem<T extends vscode.QuickPickItem>(item: T): T {
  const { label, description, detail } = item;
  return {
    ...item,
    label: plainLabel(label),
    ...(description === undefined ? {} : { description: plainLabel(description) }),
    ...(detail === undefined ? {} : { detail: plainLabel(detail) }),
  };
}

/** Like `window.showQuickPick` for one item. Returns the item that was passed. */
export async function showQuickPick<T extends string | vscode.QuickPickItem>(
  items: readonly T[],
  options: vscode.QuickPickOptions,
): Promise<T | undefined> {
  const shown = items.map((item) => plainItem<vscode.QuickPickItem>(typeof item === 'string' ? { label: item } : item));
  const { title, placeHolder } = options;
  const picked = await vscode.window.showQuickPick(shown, {
    ...options,
    ...(title === undefined ? {} : { title: plainLabel(title) }),
    ...(placeHolder === undefined ? {} : { placeHolder: plainLabel(placeHolder) }),
  });
  return picked && items[shown.indexOf(picked)];
}

/** Like `window.showQuickPick` for several items. Returns the items that were passed. */
export async function showQuickPickMany<T extends vscode.QuickPickItem>(
  items: readonly T[],
  options: vscode.QuickPickOptions,
): Promise<T[] | undefined> {
  const shown = items.map((item) => plainItem<vscode.QuickPickItem>(item));
  const { title, placeHolder } = options;
  const picked = await vscode.window.showQuickPick(shown, {
    ...options,
    ...(title === undefined ? {} : { title: plainLabel(title) }),
    ...(placeHolder === undefined ? {} : { placeHolder: plainLabel(placeHolder) }),
    canPickMany: true,
  });
  return picked?.flatMap((item) => items[shown.indexOf(item)] ?? []);
}

/** A quick pick, with conversions between the caller's items and the safe copies that it shows. */
export interface List<T extends vscode.QuickPickItem> {
  readonly pick: vscode.QuickPick<vscode.QuickPickItem>;
  /** Converts the caller's items to the shown ones. */
  readonly shown: (items: readonly T[]) => vscode.QuickPickItem[];
  /** Converts shown items to the caller's. */
  readonly items: (shown: readonly vscode.QuickPickItem[]) => T[];
  /** Replaces all items. */
  readonly setItems: (items: readonly T[]) => void;
}

/** Like `window.createQuickPick`. */
export function createQuickPick<T extends vscode.QuickPickItem>(items: readonly T[], placeholder: string): List<T> {
  const pick = vscode.window.createQuickPick();
  let byItem = new Map<T, vscode.QuickPickItem>();
  let byShown = new Map<vscode.QuickPickItem, T>();
  const setItems = (next: readonly T[]): void => {
    byItem = new Map(next.map((item) => [item, plainItem<vscode.QuickPickItem>(item)]));
    byShown = new Map([...byItem].map(([item, shown]) => [shown, item]));
    pick.items = [...byItem.values()];
  };
  setItems(items);
  pick.placeholder = plainLabel(placeholder);
  return {
    pick,
    shown: (chosen) => chosen.flatMap((item) => byItem.get(item) ?? []),
    items: (chosen) => chosen.flatMap((shown) => byShown.get(shown) ?? []),
    setItems,
  };
}

/** Like `window.createInputBox`. The caller passes its texts through {@link plain}. */
export function createInputBox(): vscode.InputBox {
  return vscode.window.createInputBox();
}

/** Like `window.createStatusBarItem`. The caller passes text from outside through `plainLabel`. */
export function createStatusBarItem(
  id: string,
  alignment: vscode.StatusBarAlignment,
  priority: number,
): vscode.StatusBarItem {
  return vscode.window.createStatusBarItem(id, alignment, priority);
}

/** Like `window.createWebviewPanel`. */
export function createWebviewPanel(
  type: string,
  title: string,
  showOptions: { readonly viewColumn: vscode.ViewColumn; readonly preserveFocus?: boolean },
  options: vscode.WebviewPanelOptions & vscode.WebviewOptions,
): vscode.WebviewPanel {
  return vscode.window.createWebviewPanel(type, plainLabel(title), showOptions, options);
}

/** Like `window.createTerminal`. */
export function createTerminal(options: vscode.TerminalOptions & { readonly name: string }): vscode.Terminal {
  return vscode.window.createTerminal({ ...options, name: plainLabel(options.name) });
}

/** Like `window.createTreeView`, with rows made safe. */
export function createTreeView<T>(id: string, options: vscode.TreeViewOptions<T>): vscode.TreeView<T> {
  const provider = options.treeDataProvider;
  return vscode.window.createTreeView(id, {
    ...options,
    treeDataProvider: {
      ...(provider.onDidChangeTreeData === undefined ? {} : { onDidChangeTreeData: provider.onDidChangeTreeData }),
      getChildren: (element) => provider.getChildren(element),
      getParent: (element) => provider.getParent?.(element),
      getTreeItem: async (element) => plainRow(await provider.getTreeItem(element)),
    },
  });
}

/** Shows a message above the rows of a tree; an empty one is removed. */
export function setTreeMessage<T>(view: vscode.TreeView<T>, message: string): void {
  const text = plain(message);
  if ((view.message ?? '') !== text) view.message = text;
}

function plainRow(row: vscode.TreeItem): vscode.TreeItem {
  if (typeof row.label === 'string') row.label = plainLabel(row.label);
  if (typeof row.description === 'string') row.description = plainLabel(row.description);
  if (typeof row.tooltip === 'string') row.tooltip = paragraphs(row.tooltip);
  const { accessibilityInformation: spoken } = row;
  if (spoken) row.accessibilityInformation = { ...spoken, label: plain(spoken.label) };
  return row;
}

/** Like `languages.registerCodeLensProvider`, with titles made safe. */
export function registerCodeLensProvider(
  selector: vscode.DocumentSelector,
  provider: vscode.CodeLensProvider & {
    provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[];
  },
): vscode.Disposable {
  return vscode.languages.registerCodeLensProvider(selector, {
    ...(provider.onDidChangeCodeLenses === undefined ? {} : { onDidChangeCodeLenses: provider.onDidChangeCodeLenses }),
    provideCodeLenses: (document) =>
      provider.provideCodeLenses(document).map((lens) => {
        if (lens.command) lens.command = { ...lens.command, title: plainLabel(lens.command.title) };
        return lens;
      }),
  });
}

/** Creates an entry for the Problems panel. */
export function diagnostic(
  range: vscode.Range,
  message: string,
  severity: vscode.DiagnosticSeverity,
): vscode.Diagnostic {
  return new vscode.Diagnostic(range, paragraphs(message), severity);
}

/** Builds Markdown for a tooltip or a hover from our own markup and text from outside. */
export class Markdown {
  readonly #text: vscode.MarkdownString;

  /** @param markdown our own markup */
  constructor(markdown = '') {
    this.#text = new vscode.MarkdownString(markdown);
  }

  get value(): vscode.MarkdownString {
    return this.#text;
  }

  /** Appends our own markup. */
  own(markdown: string): this {
    this.#text.appendMarkdown(markdown);
    return this;
  }

  /** Appends text from outside, escaped. */
  text(text: string): this {
    this.#text.appendText(plainMarkdown(text));
    return this;
  }

  /** Appends a list item, unless the value is empty. */
  fact(name: string, value: string | undefined): this {
    return value === undefined || value === '' ? this : this.own(`- ${name}: `).text(value).own('\n');
  }

  /** Appends a link with text from outside that runs one of our commands. */
  link(text: string, command: string, argument: string): this {
    const { isTrusted } = this.#text;
    const trusted = typeof isTrusted === 'object' ? isTrusted.enabledCommands : [];
    this.#text.isTrusted = { enabledCommands: [...new Set([...trusted, command])] };
    const query = encodeURIComponent(JSON.stringify([argument]));
    return this.own('[').text(text).own(`](command:${command}?${query})`);
  }

  code(text: string, language: string): this {
    this.#text.appendCodeblock(plainCode(text), language);
    return this;
  }
}
