/** Opens the connection page in a real Chromium. The test takes the role of the host. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join, resolve } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import type { FormInit, TestInit, ToConnectionPage } from '../../../src/shared/connectionProtocol';
import type { FromConnectionPage, SavedConnectionPage } from '../../../src/shared/connectionRequests';
import { CONNECTION_STRING_KEYS, type ConnectionStrings } from '../../../src/shared/connectionStrings';
import { launchBrowser, type TestBrowser } from '../workbench';

const DIST = resolve(__dirname.slice(0, __dirname.lastIndexOf(join('dist', 'test'))), 'dist');
const NONCE = 'bm9uY2U=';

/** Replaces VS Code: keeps the page's state over a reload, records its messages, and delivers those of the test. */
const HOST = `
  window.sent = [];
  window.violations = [];
  document.addEventListener('securitypolicyviolation', (e) => window.violations.push(e.violatedDirective + ' ' + e.blockedURI));
  window.deliver = (message) => window.dispatchEvent(new MessageEvent('message', { data: message }));
  window.acquireVsCodeApi = () => ({
    postMessage: (message) => {
      window.sent.push(structuredClone(message));
      if (message.type === 'ready') setTimeout(() => window.deliver(window.init));
    },
    getState: () => JSON.parse(sessionStorage.getItem('state') ?? 'null') ?? undefined,
    setState: (state) => sessionStorage.setItem('state', JSON.stringify(state)),
  });
`;

/** A browser, and a server for the page's files. */
export class FormHarness {
  readonly #browser: TestBrowser;
  readonly #server: Server;
  readonly #origin: string;

  private constructor(
    browser: TestBrowser,
    server: Server,
    origin: string,
    readonly strings: ConnectionStrings,
  ) {
    this.#browser = browser;
    this.#server = server;
    this.#origin = origin;
  }

  static async start(): Promise<FormHarness> {
    const server = createServer((request, response) => {
      const path = request.url ?? '/';
      if (path === '/')
        response.setHeader('content-type', 'text/html').end(shell(`http://${request.headers.host ?? ''}`));
      else if (/^\/connection\.(js|css)$/.test(path)) {
        const type = path.endsWith('.css') ? 'text/css' : 'text/javascript';
        void readFile(join(DIST, 'webview', path)).then((body) => response.setHeader('content-type', type).end(body));
      } else response.writeHead(404).end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('The server has no address.');
    return new FormHarness(await launchBrowser(), server, `http://127.0.0.1:${address.port}/`, await englishStrings());
  }

  /** @param userAgent the browser's, if it matters */
  async open(init: FormInit | TestInit, userAgent?: string): Promise<FormPageDriver> {
    const page = await this.#browser.context.newPage();
    const opened = new FormPageDriver(page);
    if (userAgent !== undefined) {
      const value = JSON.stringify(userAgent);
      await page.addInitScript(`Object.defineProperty(Navigator.prototype, 'userAgent', { get: () => ${value} });`);
    }
    await page.addInitScript(`${HOST} window.init = ${JSON.stringify(init)};`);
    await page.goto(this.#origin);
    await page.locator('.connection-page').waitFor();
    return opened;
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    this.#server.close();
  }
}

export class FormPageDriver {
  readonly #errors: string[] = [];

  constructor(readonly page: Page) {
    page.on('pageerror', (error) => this.#errors.push(error.message));
  }

  box(name: string): Locator {
    return this.page.getByRole('textbox', { name, exact: true });
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  async deliver(message: ToConnectionPage): Promise<void> {
    await this.page.evaluate(`window.deliver(${JSON.stringify(message)})`);
  }

  /** Returns the messages that the page has sent since the last call. */
  async sent(): Promise<FromConnectionPage[]> {
    return this.page.evaluate<FromConnectionPage[]>('window.sent.splice(0)');
  }

  async state(): Promise<SavedConnectionPage | null> {
    return this.page.evaluate<SavedConnectionPage | null>(`JSON.parse(sessionStorage.getItem('state') ?? 'null')`);
  }

  /** Resolves when the element has the keyboard focus. */
  async focused(target: Locator): Promise<void> {
    await target.evaluate(`element => new Promise((done) => {
      const check = () => element.matches(':focus') ? done() : requestAnimationFrame(check);
      check();
    })`);
  }

  /** Returns errors and violations of the content security policy. There must be none. */
  async problems(): Promise<string[]> {
    return [...this.#errors, ...(await this.page.evaluate<string[]>('window.violations'))];
  }
}

/** The same page and policy as from src/host/base/pageHtml.ts. */
function shell(source: string): string {
  const policy = `default-src 'none'; script-src 'nonce-${NONCE}'; style-src ${source} 'nonce-${NONCE}';`;
  return `<!DOCTYPE html><html><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta property="csp-nonce" content="${NONCE}">
<link rel="stylesheet" href="/connection.css"></head>
<body><script nonce="${NONCE}" src="/connection.js"></script></body></html>`;
}

/** Reads the English texts from their source file, which cannot be imported outside VS Code. */
async function englishStrings(): Promise<ConnectionStrings> {
  const source = await readFile(join(process.cwd(), 'src/host/connectionPages/formStrings.ts'), 'utf8');
  const texts = new Map(
    [...source.matchAll(/'?([\w-]+)'?: l10n\.t\(\s*'((?:[^'\\]|\\.)*)'/g)].map((m) => [m[1], m[2]]),
  );
  return Object.fromEntries(
    CONNECTION_STRING_KEYS.map((key) => [key, texts.get(key) ?? `[${key}]`]),
  ) as ConnectionStrings;
}
