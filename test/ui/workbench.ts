/** Drives a real VS Code in a real browser through what is on screen. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContext, FrameLocator, Locator, Page } from 'playwright-core';

/** The parts of scripts/lib/vscode.mjs and browser.mjs that the tests use. These are plain modules, loaded at run time. */
export interface VscodeServer {
  readonly port: number;
  readonly userDataDir: string;
  readonly extensionsDir: string;
  url(target: { folder: string; extensionDevelopmentPath?: string; logLevel?: string }): string;
  installVsix(file: string): Promise<void>;
  killExtensionHost(): Promise<number>;
  stop(): Promise<void>;
}

export const repository = process.cwd();

/** Timeout of every wait for something on screen, in milliseconds. Long, because the machine may be slow. */
const WAIT = 120_000;

async function script<T>(name: string): Promise<T> {
  return (await import(pathToFileURL(join(repository, 'scripts/lib', name)).href)) as T;
}

export async function startVscode(options: {
  settings?: Record<string, unknown>;
  workspaceTrust?: boolean;
  env?: NodeJS.ProcessEnv;
  language?: string;
}): Promise<VscodeServer> {
  const { startVscode: start } = await script<{
    startVscode: (o: typeof options & { log: (message: string) => void }) => Promise<VscodeServer>;
  }>('vscode.mjs');
  return start({ ...options, log: () => undefined });
}

export interface TestBrowser {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

export async function launchBrowser(deviceScaleFactor = 1): Promise<TestBrowser> {
  const { launchBrowser: launch } = await script<{
    launchBrowser: (o: { log: (message: string) => void; deviceScaleFactor: number }) => Promise<TestBrowser>;
  }>('browser.mjs');
  const browser = await launch({ log: () => undefined, deviceScaleFactor });
  browser.context.setDefaultTimeout(WAIT);
  return browser;
}

export async function tempFolder(prefix: string): Promise<string> {
  const { makeTempFolder } = await script<{ makeTempFolder: (prefix: string) => Promise<string> }>('cache.mjs');
  return makeTempFolder(prefix);
}

/** Creates a workspace folder with these files. */
export async function makeWorkspace(files: Record<string, string>): Promise<string> {
  const folder = await tempFolder('pgbg-ui-workspace-');
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, content);
  }
  return folder;
}

export class Workbench {
  /** The name of our view, which depends on the display language. */
  readonly #viewName: string;

  constructor(
    readonly page: Page,
    viewName = 'Background Workers',
  ) {
    this.#viewName = viewName;
  }

  async open(url: string): Promise<void> {
    await this.page.goto(url);
    await this.#ready();
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.#ready();
  }

  async #ready(): Promise<void> {
    // VS Code restores the tab before the extension runs. The view has content only once the extension runs.
    const tab = this.page.locator('.activitybar').getByRole('tab', { name: this.#viewName });
    await tab.waitFor();
    // Not by a click: a click while the view is being restored would close it.
    await this.command(`Focus on ${this.#viewName} View`);
    await this.#view().locator('.monaco-list-row, .welcome-view-content p').first().waitFor();
  }

  /** Runs a command by its title in the palette. */
  async command(title: string): Promise<void> {
    await this.#chooseQuickly('F1', '>', title);
  }

  /**
   * Opens a quick input and chooses an entry. Types again until the list has the entry, because the list does not update when the
   * extension or a file appears after typing. Opens the input again if a webview that is being restored took the focus and so closed it.
   */
  async #chooseQuickly(key: string, prefix: string, text: string): Promise<void> {
    const row = this.#quickRow(text);
    const until = Date.now() + WAIT;
    do {
      const input = await this.openQuickInput(key);
      const typed = await input.fill(`${prefix}${text}`, { timeout: 2_000 }).then(
        () => true,
        () => false,
      );
      if (typed && (await this.#appears(row, 2_000))) break;
      await this.page.keyboard.press('Escape');
    } while (Date.now() < until);
    await row.click();
  }

  #quickRow(text: string): Locator {
    return this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: text }).first();
  }

  /** Whether it appears within the timeout, in milliseconds. */
  #appears(locator: Locator, timeout: number): Promise<boolean> {
    return locator.waitFor({ timeout }).then(
      () => true,
      () => false,
    );
  }

  async openQuickInput(key: string): Promise<Locator> {
    const input = this.page.locator('.quick-input-widget:not([style*="display: none"]) .quick-input-box input');
    await this.page.keyboard.press(key);
    await input.waitFor();
    return input;
  }

  /** Answers the input box with this prompt. */
  async answer(prompt: string | RegExp, text: string): Promise<void> {
    const widget = this.page.locator('.quick-input-widget');
    await widget.filter({ hasText: prompt }).waitFor();
    const input = widget.locator('.quick-input-box input');
    await input.fill(text);
    await this.page.keyboard.press('Enter');
  }

  async pick(label: string): Promise<void> {
    await this.#quickRow(label).click();
  }

  async openFile(name: string): Promise<Locator> {
    await this.#chooseQuickly('Control+p', '', name);
    const editor = this.page.locator('.editor-group-container .monaco-editor').first();
    await editor.locator('.view-line').first().waitFor();
    return editor;
  }

  /** Moves the cursor of the active editor; line and column from 1. */
  async goTo(line: number, column: number): Promise<void> {
    const input = await this.openQuickInput('Control+g');
    await input.fill(`:${line}:${column}`);
    await this.page.keyboard.press('Enter');
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  /** Selects whole lines of the active editor, from 1. */
  async selectLines(first: number, last: number): Promise<void> {
    await this.goTo(first, 1);
    for (let line = first; line < last; line++) await this.page.keyboard.press('Shift+ArrowDown');
    await this.page.keyboard.press('Shift+End');
  }

  /** Right-clicks next to the cursor, so inside the selection if there is one. */
  async editorRightClick(item: string): Promise<void> {
    // CodeLenses appear shortly after the file and move its lines.
    await this.page.locator('.codelens-decoration > a').first().waitFor();
    const cursor = await this.page.locator('.monaco-editor.focused .cursors-layer .cursor').first().boundingBox();
    if (!cursor) throw new Error('The editor shows no cursor.');
    await this.page.mouse.click(cursor.x - 6, cursor.y + cursor.height / 2, { button: 'right' });
    await this.chooseMenuItem(item);
  }

  /** Opens the same menu with the keyboard, at the cursor. */
  async editorContextMenu(item: string): Promise<void> {
    await this.page.locator('.monaco-editor.focused').first().waitFor();
    await this.page.keyboard.press('Shift+F10');
    await this.chooseMenuItem(item);
  }

  /** Chooses an item of the menu that was just opened. */
  async chooseMenuItem(item: string): Promise<void> {
    // With the keyboard: VS Code ignores a click right after the one that opened the menu.
    await this.menuItem(item).hover();
    await this.menuItem(item).and(this.page.locator('.focused')).waitFor();
    await this.page.keyboard.press('Enter');
    await this.menuItem(item).waitFor({ state: 'detached' });
  }

  async rowMenu(row: Locator, item: string): Promise<void> {
    await this.openRowMenu(row);
    await this.chooseMenuItem(item);
  }

  /**
   * Adds a row to the selection with Ctrl and a click. VS Code drops a click while it redraws the row, as it does each second while the
   * job runs: then the row is clicked again, as a user would.
   */
  async addToSelection(row: Locator): Promise<void> {
    const selected = row.and(this.page.locator('.selected'));
    do await row.click({ modifiers: ['ControlOrMeta'] });
    while (!(await this.#appears(selected, 5_000)));
  }

  /** Opens the menu of a row with the keyboard: a right click while the tree is being redrawn opens no menu. */
  async openRowMenu(row: Locator): Promise<void> {
    // A click with Ctrl neither opens nor folds anything. Escape clears the selection.
    await row.click({ modifiers: ['ControlOrMeta'] });
    await this.page.keyboard.press('Escape');
    await row.click({ modifiers: ['ControlOrMeta'] });
    await this.#view().locator('.monaco-list-row.focused.selected').waitFor();
    await this.page.keyboard.press('Shift+F10');
    await this.page.locator('.monaco-menu .action-item').first().waitFor();
  }

  /**
   * Shows the tooltip of a row with the keyboard, because the mouse may still show that of the view's icon. VS Code closes a tooltip while
   * it redraws the row: then it is opened again, as a user would.
   */
  async rowTooltip(row: Locator, text: string | RegExp): Promise<Locator> {
    const tooltip = this.page.locator('.monaco-hover').filter({ hasText: text });
    for (let shown = false; !shown;) {
      await row.click({ modifiers: ['ControlOrMeta'] });
      await this.page.keyboard.press('Control+k');
      await this.page.keyboard.press('Control+i');
      shown = await tooltip.waitFor({ timeout: 5_000 }).then(
        () => true,
        () => false,
      );
    }
    return tooltip;
  }

  menuItem(label: string): Locator {
    return this.page.locator('.monaco-menu .action-item').filter({ has: this.page.getByText(label, { exact: true }) });
  }

  /** The Workers view. Until it is shown, the explorer is in its place. */
  #view(): Locator {
    const header = this.page.locator(`.pane-header[aria-label="${this.#viewName} Section"]`);
    return this.page.locator('.pane').filter({ has: header });
  }

  /** A row of the Workers view. */
  row(text: string | RegExp): Locator {
    return this.#view().locator('.monaco-list-row').filter({ hasText: text });
  }

  /** A clickable CodeLens of the active editor. (Right after a tab is shown, VS Code renders the old ones as plain text.) */
  lens(text: string | RegExp): Locator {
    return this.page.locator('.codelens-decoration > a').filter({ hasText: text });
  }

  /** A line of the active editor. */
  editorText(text: string): Locator {
    return this.page.locator('.editor-instance .view-line').filter({ hasText: text }).first();
  }

  /** Whether one element is above another on screen. */
  async isAbove(upper: Locator, lower: Locator): Promise<boolean> {
    for (;;) {
      const [above, below, again] = [await upper.boundingBox(), await lower.boundingBox(), await upper.boundingBox()];
      // The layout may have changed between two of the requests.
      if (above && below && above.y === again?.y) return above.y < below.y;
    }
  }

  statusBar(text: string | RegExp): Locator {
    return this.page.locator('.statusbar-item').filter({ hasText: text });
  }

  /** The modal dialog. */
  dialog(text: string | RegExp): Locator {
    return this.page.locator('.monaco-dialog-box').filter({ hasText: text });
  }

  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-toast').filter({ hasText: text });
  }

  /** The page of the results panel in front. */
  results(): FrameLocator {
    return this.webview();
  }

  /** The page of the webview in front. */
  webview(): FrameLocator {
    return this.page.locator('iframe.webview').last().contentFrame().locator('iframe#active-frame').contentFrame();
  }

  async screenshot(name: string): Promise<void> {
    await mkdir(join(repository, 'test-results'), { recursive: true });
    await this.page.screenshot({ path: join(repository, 'test-results', `${name}.png`) });
  }
}
