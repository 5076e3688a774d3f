/** Opens the page of a plan in a real Chromium. The test takes the role of the host. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import type { FromPlanPage, PlanInit, PlanNodeView } from '../../../src/shared/planProtocol';
import { violations } from '../axe';
import { THEME_CLASSES, THEMES, type ThemeName } from '../page/themes';
import { launchBrowser, type TestBrowser } from '../workbench';

const DIST = resolve(__dirname.slice(0, __dirname.lastIndexOf(join('dist', 'test'))), 'dist');
const NONCE = 'bm9uY2U=';
const ATTACK = '<img src=x onerror="window.violations.push(1)"><b>x</b>';

const HOST = `
  window.sent = [];
  window.violations = [];
  document.addEventListener('securitypolicyviolation', (e) => window.violations.push(e.violatedDirective + ' ' + e.blockedURI));
  window.acquireVsCodeApi = () => ({
    postMessage: (message) => {
      window.sent.push(message);
      if (message.type === 'ready') setTimeout(() => window.dispatchEvent(new MessageEvent('message', { data: window.init })));
    },
  });
`;

const STRINGS: PlanInit['strings'] = {
  ...{ tree: 'Tree', text: 'Text', views: 'Views of the plan', node: 'Node', share: 'Own time', cost: 'Total cost' },
  ...{ rows: 'Estimated rows', time: 'Time per loop (ms)', actualRows: 'Rows per loop', loops: 'Loops' },
  ...{ details: 'Details of the node', noDetails: 'There are no further details.' },
  ...{
    expensive: 'One of the most expensive nodes',
    copyText: 'Copy Text',
    openJson: 'Open JSON',
    showJob: 'Show Job',
  },
};

function node(
  title: string,
  depth: number,
  parent: number | undefined,
  more: Partial<PlanNodeView> = {},
): PlanNodeView {
  return {
    ...{ title, depth, share: 0.05, shareText: '5 %', expensive: false, cost: '1,024.50', rows: '20,000' },
    ...{ time: '0.120', actualRows: '100', loops: '1', details: [] },
    ...(parent === undefined ? {} : { parent }),
    ...more,
  };
}

const NODES = [
  node('Hash Join', 0, undefined, { details: ['Hash Cond: (o.customer = c.id)', `Filter: (name = '${ATTACK}')`] }),
  node('Seq Scan on orders o', 1, 0, {
    share: 0.7,
    shareText: '70 %',
    expensive: true,
    details: ['Filter: (amount > 5)'],
  }),
  node('Hash', 1, 0),
  node(`Index Scan using ${ATTACK} on "Customers" c`, 2, 2, { share: 0.2, shareText: '20 %', expensive: true }),
  node('Aggregate', 3, 3, { subplan: 'SubPlan 1', share: 0, shareText: '0 %' }),
];

const INIT: PlanInit = {
  ...{ type: 'init', strings: STRINGS, language: 'en', analyzed: true, timed: true, nodes: NODES },
  title: 'Explain: SELECT … FROM orders',
  note: 'Measured. The statement was run.',
  omitted: '',
  summary: ['Planning Time: 0.120 ms', 'Execution Time: 12.300 ms'],
  text: `Hash Join  (cost=0.00..8.30 rows=1 width=4)\n  Filter: (name = '${ATTACK}')`,
};

describe('the page of a plan', function () {
  this.timeout(120_000);
  let browser: TestBrowser;
  let server: Server;
  let page: Page;

  before(async () => {
    browser = await launchBrowser();
    server = createServer((request, response) => {
      const path = request.url ?? '/';
      const source = `http://${request.headers.host ?? ''}`;
      if (/^\/plan\.(js|css)$/.test(path)) {
        const type = path.endsWith('.css') ? 'text/css' : 'text/javascript';
        void readFile(join(DIST, 'webview', path)).then((body) => response.setHeader('content-type', type).end(body));
      } else response.setHeader('content-type', 'text/html').end(shell(source));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });
  after(async () => {
    await browser.close();
    server.close();
  });
  afterEach(async () => {
    assert.deepEqual(await page.evaluate('window.violations'), []);
    await page.close();
  });

  async function open(init: PlanInit = INIT, theme: ThemeName = 'dark'): Promise<void> {
    page = await browser.context.newPage();
    const address = server.address();
    assert.ok(typeof address === 'object' && address);
    await page.addInitScript(`${HOST} window.init = ${JSON.stringify(init)};`);
    await page.goto(`http://127.0.0.1:${address.port}/`);
    await page.evaluate(
      `(([classes, variables]) => {
        document.body.className = classes;
        for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty('--vscode-' + name, value);
      })(${JSON.stringify([THEME_CLASSES[theme], THEMES[theme]])})`,
    );
    await page.locator('.plan-row:focus').waitFor();
  }

  const focused = (): Promise<string> =>
    page.evaluate("document.activeElement?.querySelector('.plan-name')?.textContent ?? ''");
  const rows = (): Promise<number> => page.locator('[data-index]').count();

  for (const theme of ['dark', 'light', 'hc-dark', 'hc-light'] as const) {
    it(`has no accessibility violations in the theme ${theme}`, async () => {
      await open(INIT, theme);
      const folder = process.env['PGBG_SCREENSHOTS'];
      if (folder !== undefined) await page.screenshot({ path: join(folder, `plan-${theme}.png`) });
      assert.deepEqual(await violations(page), []);
      await page.getByRole('tab', { name: 'Text' }).click();
      assert.deepEqual(await violations(page), []);
    });
  }

  it('is used with the keyboard as a tree grid', async () => {
    await open();
    assert.equal(await focused(), 'Hash Join');
    await page.keyboard.press('ArrowRight');
    assert.equal(await focused(), 'Seq Scan on orders o');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await rows(), 3);
    await page.keyboard.press('ArrowLeft');
    assert.equal(await focused(), 'Hash Join');
    await page.keyboard.press('End');
    assert.equal(await focused(), 'Hash');
    await page.keyboard.press('Enter');
    assert.equal(await rows(), 5);
    const row = page.getByRole('row', { name: 'Seq Scan' });
    assert.equal(await row.getAttribute('aria-level'), '2');
    assert.equal(await row.getByRole('img').getAttribute('aria-label'), 'One of the most expensive nodes');
  });

  it('shows texts of the server as they are, in the tree, the details, and the text', async () => {
    await open();
    assert.ok((await page.locator('.plan-details').innerText()).includes(ATTACK));
    assert.ok((await page.locator('.plan-grid').innerText()).includes(ATTACK));
    await page.getByRole('tab', { name: 'Text' }).click();
    assert.equal(await page.locator('.plan-text').innerText(), INIT.text);
    assert.equal(await page.locator('img').count(), 0);
  });

  it('asks the host for the actions', async () => {
    await open();
    for (const name of ['Copy Text', 'Open JSON', 'Show Job']) await page.getByRole('button', { name }).click();
    const sent = await page.evaluate<FromPlanPage[]>('window.sent');
    assert.deepEqual(
      sent.map(({ type }) => type),
      ['ready', 'copyText', 'openJson', 'showJob'],
    );
  });

  it('begins a large plan with only the most expensive nodes expanded', async () => {
    const nodes = Array.from({ length: 5000 }, (_, index) =>
      index === 0
        ? node('Append', 0, undefined)
        : index === 4999
          ? node('Last', 2, 1, { expensive: true })
          : node(`Scan ${index}`, index > 4000 ? 2 : 1, index > 4000 ? 2 : 0),
    );
    await open({ ...INIT, nodes });
    // The root, its 4,000 children, and the one below the first of them.
    assert.equal(await rows(), 4002);
    assert.ok(await page.getByText('Last', { exact: true }).isVisible());
  });
});

/** The same policy as from src/host/base/pageText.ts. */
function shell(source: string): string {
  const policy = `default-src 'none'; script-src 'nonce-${NONCE}'; style-src ${source} 'nonce-${NONCE}';`;
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Plan</title>
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="stylesheet" href="/plan.css"></head>
<body><script nonce="${NONCE}" src="/plan.js"></script></body></html>`;
}
