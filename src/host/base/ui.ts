/**
 * Everything through which the extension shows text in VS Code's own surfaces. Text from servers, settings and files is shown as it
 * is: never as a link, an icon or markup, and never longer than a person reads. A lint rule forbids the functions behind these
 * everywhere else (eslint.config.mjs, "SHOWS_TEXT").
 */
import * as vscode from 'vscode';
import { plain, plainCode, plainLabel, plainLines, plainMarkdown } from './plainText';

export interface MessageOptions extends vscode.MessageOptions {
  /** What a dialog's button says that does nothing; VS Code's own says Cancel, which is the wrong word where something is canceled. */
  readonly closeTitle?: string;
}

interface ShowMessage {
  <T extends string>(message: string, ...items: T[]): Promise<T | undefined>;
  <T extends string>(message: string, options: MessageOptions, ...items: T[]): Promise<T | undefined>;
}

function messages(kind: 'showInformationMessage' | 'showWarningMessage' | 'showErrorMessage'): ShowMessage {
  return async <T extends string>(message: string, ...rest: (MessageOptions | T)[]): Promise<T | undefined> => {
    const { closeTitle, ...options } = rest.find((one): one is MessageOptions => typeof one === 'object') ?? {};
    const items = rest.filter((one) => typeof one === 'string');
    const shown = items.map(plainLabel);
    // The lines of a dialog are kept; a notification has one.
    const text = options.modal === true ? plainLines(message) : plain(message);
    const detail = options.detail === undefined ? {} : { detail: plainLines(options.detail) };
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

/** As `window.withProgress`. */
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

/** As `window.showInputBox`. */
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

/** As `window.showQuickPick` of one item, which is given back as it was passed. */
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

/** A list that stays open, and the items behind what it shows. */
export interface List<T extends vscode.QuickPickItem> {
  readonly pick: vscode.QuickPick<vscode.QuickPickItem>;
  /** What the list shows for these. */
  readonly shown: (items: readonly T[]) => vscode.QuickPickItem[];
  /** The items for what the list shows, as they were passed. */
  readonly items: (shown: readonly vscode.QuickPickItem[]) => T[];
}

/** As `window.createQuickPick`. */
export function createQuickPick<T extends vscode.QuickPickItem>(items: readonly T[], placeholder: string): List<T> {
  const pick = vscode.window.createQuickPick();
  const byItem = new Map<T, vscode.QuickPickItem>(items.map((item) => [item, plainItem(item)]));
  const byShown = new Map([...byItem].map(([item, shown]) => [shown, item]));
  pick.items = [...byItem.values()];
  pick.placeholder = plainLabel(placeholder);
  return {
    pick,
    shown: (chosen) => chosen.flatMap((item) => byItem.get(item) ?? []),
    items: (chosen) => chosen.flatMap((shown) => byShown.get(shown) ?? []),
  };
}

/** As `window.createInputBox`. Its texts go through {@link plain}. */
export function createInputBox(): vscode.InputBox {
  return vscode.window.createInputBox();
}

/** As `window.createStatusBarItem`. What is not our own in its text goes through `plainLabel`. */
export function createStatusBarItem(
  id: string,
  alignment: vscode.StatusBarAlignment,
  priority: number,
): vscode.StatusBarItem {
  return vscode.window.createStatusBarItem(id, alignment, priority);
}

/** As `window.createWebviewPanel`. */
export function createWebviewPanel(
  type: string,
  title: string,
  showOptions: { readonly viewColumn: vscode.ViewColumn; readonly preserveFocus?: boolean },
  options: vscode.WebviewPanelOptions & vscode.WebviewOptions,
): vscode.WebviewPanel {
  return vscode.window.createWebviewPanel(type, plainLabel(title), showOptions, options);
}

/** As `window.createTreeView`: whatever the rows are made of, they are short and plain. */
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

function plainRow(row: vscode.TreeItem): vscode.TreeItem {
  if (typeof row.label === 'string') row.label = plainLabel(row.label);
  if (typeof row.description === 'string') row.description = plainLabel(row.description);
  if (typeof row.tooltip === 'string') row.tooltip = plainLines(row.tooltip);
  const { accessibilityInformation: spoken } = row;
  if (spoken) row.accessibilityInformation = { ...spoken, label: plain(spoken.label) };
  return row;
}

/** As `languages.registerCodeLensProvider`. */
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

/** An entry for the Problems panel. */
export function diagnostic(
  range: vscode.Range,
  message: string,
  severity: vscode.DiagnosticSeverity,
): vscode.Diagnostic {
  return new vscode.Diagnostic(range, plainLines(message), severity);
}

/** Markdown for a tooltip or a hover: our own words, and text of others between them. */
export class Markdown {
  readonly #text: vscode.MarkdownString;

  /** @param markdown our own */
  constructor(markdown = '') {
    this.#text = new vscode.MarkdownString(markdown);
  }

  get value(): vscode.MarkdownString {
    return this.#text;
  }

  /** Adds Markdown of our own. */
  own(markdown: string): this {
    this.#text.appendMarkdown(markdown);
    return this;
  }

  /** Adds a text as it is. */
  text(text: string): this {
    this.#text.appendText(plainMarkdown(text));
    return this;
  }

  /** Adds a line of a list; nothing where there is no value. */
  fact(name: string, value: string | undefined): this {
    return value === undefined || value === '' ? this : this.own(`- ${name}: `).text(value).own('\n');
  }

  code(text: string, language: string): this {
    this.#text.appendCodeblock(plainCode(text), language);
    return this;
  }
}
