/** Runs the results page in a real Chromium with a fake host (../page/harness.entry.ts). */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { pageText } from '../../../src/host/base/pageText';
import { RESULTS_STRING_KEYS, type ResultsStrings } from '../../../src/shared/resultsStrings';
import type { ToPage } from '../../../src/shared/resultsProtocol';
import type { FromPage } from '../../../src/shared/resultsRequests';
import type { HarnessOptions, ShownCell, ShownRows } from '../page/harnessTypes';

/** dist/. This file is bundled to dist/test/ui/grid and dist/test/bench. */
const DIST = resolve(__dirname.slice(0, __dirname.lastIndexOf(join('dist', 'test'))), 'dist');
const NONCE = 'bm9uY2U=';
const CHROMIUM_ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];

export type PageOptions = Omit<HarnessOptions, 'strings'>;

export interface OpenOptions {
  readonly dpr?: number;
  readonly width?: number;
  readonly height?: number;
}

/** scripts/lib/browser.mjs, which is loaded at run time. */
interface BrowserScripts {
  ensureChromium(options: { log: (message: string) => void }): Promise<string>;
}

/** A browser and an HTTP server for the page's files. */
export class Harness {
  readonly #browser: Browser;
  readonly #server: Server;
  readonly #origin: string;
  readonly #strings: ResultsStrings;

  private constructor(browser: Browser, server: Server, origin: string, strings: ResultsStrings) {
    this.#browser = browser;
    this.#server = server;
    this.#origin = origin;
    this.#strings = strings;
  }

  static async start(): Promise<Harness> {
    const scripts = (await import(
      pathToFileURL(join(process.cwd(), 'scripts/lib/browser.mjs')).href
    )) as BrowserScripts;
    const executablePath = await scripts.ensureChromium({ log: () => undefined });
    const server = createServer((request, response) => {
      void serve(request.url ?? '/', request.headers.host ?? '').then(
        ({ type, body }) => response.setHeader('content-type', type).end(body),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('The server has no address.');
    const browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGUMENTS });
    return new Harness(browser, server, `http://127.0.0.1:${address.port}/`, await englishStrings());
  }

  /** Opens the page and waits for its first cells. `errors` collects the page's errors. */
  async open(options: PageOptions = {}, window: OpenOptions = {}): Promise<GridPage> {
    const context = await this.#browser.newContext({
      viewport: { width: window.width ?? 1280, height: window.height ?? 800 },
      deviceScaleFactor: window.dpr ?? 1,
    });
    const page = await context.newPage();
    const opened = new GridPage(context, page);
    const harnessOptions: HarnessOptions = { ...options, strings: this.#strings };
    await page.addInitScript((given) => {
      (globalThis as { harnessOptions?: unknown }).harnessOptions = given;
    }, harnessOptions);
    await page.goto(this.#origin);
    await page.waitForSelector('.page');
    await page.waitForSelector('vscode-panels:defined');
    if (options.rows !== 0) await page.waitForSelector('.grid-body .cell:not(.loading)');
    return opened;
  }

  /** Opens a page that shows only a text, with the same policy and style sheet. @returns milliseconds until the text is on screen */
  async openEmpty(): Promise<number> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    const harnessOptions: HarnessOptions = { strings: this.#strings };
    await page.addInitScript((given) => {
      (globalThis as { harnessOptions?: unknown }).harnessOptions = given;
    }, harnessOptions);
    await page.goto(`${this.#origin}empty`);
    await page.waitForSelector('.empty-page');
    const opened = new GridPage(context, page);
    const shown = await opened.contentAt();
    await opened.close();
    return shown;
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    this.#server.close();
  }
}

/** The open page, with the actions of a user. */
export class GridPage {
  readonly errors: string[] = [];

  readonly #context: BrowserContext;

  constructor(
    context: BrowserContext,
    readonly page: Page,
  ) {
    this.#context = context;

    page.on('pageerror', (error) => this.errors.push(error.message));
  }

  async press(...keys: string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
    await this.settle();
  }

  /** Waits until all changes are drawn and all visible cells are loaded. */
  async settle(): Promise<void> {
    await this.page.evaluate('harness.settle()');
  }

  /** Waits until an expression is true in the page. (Playwright's waitForFunction needs `eval`, which the policy forbids.) */
  async until(expression: string): Promise<void> {
    const end = Date.now() + 30_000;
    while (!(await this.page.evaluate<boolean>(`Boolean(${expression})`))) {
      if (Date.now() > end) throw new Error(`Timed out waiting for: ${expression}`);
      await this.page.waitForTimeout(20);
    }
  }

  /** The active cell: its position according to ARIA, and its text. */
  active(): Promise<ShownCell> {
    return this.page.evaluate<ShownCell>('harness.active()');
  }

  /** The visible rows, with the texts of one column. */
  seen(column = 0): Promise<ShownRows> {
    return this.page.evaluate<ShownRows>(`harness.seen(${column})`);
  }

  /** Milliseconds from navigation until the first content was on screen. */
  async contentAt(): Promise<number> {
    await this.until('!Number.isNaN(harness.contentAt())');
    return this.page.evaluate<number>('harness.contentAt()');
  }

  nodes(): Promise<number> {
    return this.page.evaluate<number>('harness.nodes()');
  }

  scrollFor(frames: number, step: number): Promise<number[]> {
    return this.page.evaluate<number[]>(`harness.scrollFor(${frames}, ${step})`);
  }

  /** Sends a message of the host. */
  async send(message: ToPage): Promise<void> {
    await this.page.evaluate(`harness.send(${JSON.stringify(message)})`);
    await this.settle();
  }

  /** The page's requests of one type, oldest first. */
  async sent<T extends FromPage['type']>(type: T): Promise<Extract<FromPage, { type: T }>[]> {
    const all = await this.page.evaluate<FromPage[]>('harness.sent');
    return all.filter((message): message is Extract<FromPage, { type: T }> => message.type === type);
  }

  /** Violations of the content security policy, executed attacks, and errors. Must be empty. */
  async problems(): Promise<string[]> {
    const violations = await this.page.evaluate<string[]>('harness.violations');
    const attacked = await this.page.evaluate<boolean>('window.attacked !== undefined');
    return [...this.errors, ...violations, ...(attacked ? ['An attack ran.'] : [])];
  }

  async close(): Promise<void> {
    await this.#context.close();
  }
}

async function serve(url: string, host: string): Promise<{ type: string; body: string | Buffer }> {
  const path = new URL(url, 'http://x').pathname;
  if (path === '/') return { type: 'text/html', body: await html(`http://${host}`, 'results.js') };
  if (path === '/empty') return { type: 'text/html', body: await html(`http://${host}`) };
  if (!/^\/webview\/[\w.]+$/.test(path)) throw new Error('not found');
  return { type: path.endsWith('.css') ? 'text/css' : 'text/javascript', body: await readFile(join(DIST, path)) };
}

/** Timed from the start, because the browser may draw it before the harness could mark it. */
const EMPTY = '<p class="empty-page" elementtiming="content">Empty</p>';

/** The page as in the results panel, or only a text. Like VS Code's own script, the harness is part of it and runs first. */
async function html(source: string, script?: string): Promise<string> {
  const read = (name: string): Promise<string> => readFile(join(DIST, name), 'utf8');
  const page = pageText({
    nonce: NONCE,
    source,
    style: { text: await read('webview/results.css') },
    script: { text: script === undefined ? '' : await read(`webview/${script}`) },
    later: '/webview/toolkit.js',
    ownMenu: true,
  });
  const harness = (await read('test/ui/page/harness.entry.js')).replaceAll('</script', '\\x3C/script');
  return page.replace(
    /<body.*>/,
    (body) => `${body}<script nonce="${NONCE}">${harness}</script>${script === undefined ? EMPTY : ''}`,
  );
}

/** The English texts, parsed from their source file, which cannot be imported outside of VS Code. */
async function englishStrings(): Promise<ResultsStrings> {
  const source = await readFile(join(process.cwd(), 'src/host/results/resultsTexts.ts'), 'utf8');
  const texts = new Map([...source.matchAll(/(\w+): l10n\.t\(\s*'((?:[^'\\]|\\.)*)'/g)].map((m) => [m[1], m[2]]));
  return Object.fromEntries(RESULTS_STRING_KEYS.map((key) => [key, texts.get(key) ?? `[${key}]`])) as ResultsStrings;
}
