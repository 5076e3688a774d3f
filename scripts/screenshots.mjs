// Takes the pictures of the documentation from the real UI: `npm run screenshots`.
// Starts the demo, drives it as a user would, and writes docs/images/<name>-<theme>.png.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ensureDependencies } from './ensure-deps.mjs';
import { repoRoot } from './lib/cache.mjs';
import { launchBrowser } from './lib/browser.mjs';
import { log, runScript, startProcess } from './lib/process.mjs';

/** @typedef {import('playwright-core').Page} Page */

const THEMES = { light: 'Default Light Modern', dark: 'Default Dark Modern' };
const VIEWPORT = { width: 1280, height: 800 };
const IMAGES = path.join(repoRoot, 'docs', 'images');
/** Waits for events on screen; only a stuck UI reaches it. Milliseconds. */
const TIMEOUT = 120_000;

async function main() {
  await ensureDependencies({ log });
  const { url, workspace } = await startDemo();
  const settings = path.join(workspace, '.vscode', 'settings.json');
  const browser = await launchBrowser({ log, deviceScaleFactor: 2, viewport: VIEWPORT });
  browser.context.setDefaultTimeout(TIMEOUT);
  const page = await browser.context.newPage();
  setInterval(() => page.screenshot({ path: '/tmp/shot-debug.png' }).catch(() => {}), 5000).unref();
  await page.goto(url);
  await page.locator('.tab', { hasText: 'sample.sql' }).waitFor();
  // A command that is run while the workbench is still starting may be lost.
  const view = page.locator('.pane-body .monaco-list-row', { hasText: 'demo' }).first();
  do await run(page, 'Focus on Background Workers View');
  while (!(await shows(view)));
  await run(page, 'Notifications: Clear All Notifications');
  const lines = (await readFile(path.join(workspace, 'sample.sql'), 'utf8')).split('\n');

  for (const label of ['quick', 'misspelled', 'a million rows']) {
    await launch(page, lines, label);
    await row(page, label, label === 'misspelled' ? /column/ : /rows?/);
  }
  await launch(page, lines, 'with progress');
  await row(page, 'with progress', /[1-9]\d\s?%/);
  await eachTheme(page, settings, 'workers');

  await (await row(page, 'a million rows', /rows/)).dblclick();
  await page.locator('.tab.active', { hasText: 'a million rows' }).waitFor();
  await page
    .frameLocator('iframe.webview.ready')
    .frameLocator('#active-frame')
    .getByRole('gridcell', { name: 'row 9 of a million' })
    .waitFor();
  await eachTheme(page, settings, 'results');

  await page.locator('.tab', { hasText: 'sample.sql' }).click();
  await launch(page, lines, 'ignores cancel');
  const ignoring = await row(page, 'ignores cancel', /\d s/);
  await ignoring.hover();
  await ignoring.getByRole('button', { name: /^Cancel/ }).click();
  await page.locator('.notification-list-item', { hasText: 'statement_timeout' }).waitFor();
  await eachTheme(page, settings, 'cancel');

  await browser.close();
  process.exitCode = 0;
}

/** @returns {Promise<{ url: string, workspace: string }>} the address of the demo, and its workspace folder */
async function startDemo() {
  const demo = await startProcess(process.execPath, [path.join(repoRoot, 'scripts', 'demo.mjs')], { name: 'demo' });
  const [url = ''] = await demo.waitForLine(/http:\S+folder=\S+/, 900_000);
  const folder = new URL(url).searchParams.get('folder');
  if (!folder) throw new Error(`The demo's address has no folder: ${url}`);
  return { url, workspace: folder };
}

/**
 * Runs a command by its title in the palette.
 *
 * @param {Page} page
 * @param {string} title
 */
async function run(page, title) {
  const input = page.locator('.quick-input-widget:not([style*="display: none"]) .quick-input-box input');
  const entry = page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first();
  // Keys are ignored before the workbench is ready, and the list has the commands that were known when the text was typed.
  for (let found = false; !found;) {
    if (!(await input.isVisible())) await page.keyboard.press('F1');
    if (!(await shows(input))) continue;
    await input.fill('>');
    await input.fill(`>${title}`);
    found = await shows(entry);
  }
  await page.keyboard.press('Enter');
  await input.waitFor({ state: 'hidden' });
}

/**
 * @param {import('playwright-core').Locator} element
 * @returns {Promise<boolean>} whether it appears within two seconds
 */
function shows(element) {
  return element.waitFor({ timeout: 2000 }).then(
    () => true,
    () => false,
  );
}

/**
 * Puts the cursor into the statement with this label and runs it.
 *
 * @param {Page} page
 * @param {readonly string[]} lines of sample.sql
 * @param {string} label
 */
async function launch(page, lines, label) {
  const line = lines.indexOf(`-- label: ${label}`) + 2;
  await page.locator('.editor-instance .view-lines').first().click();
  await page.keyboard.press('Control+g');
  const input = page.locator('.quick-input-widget:not([style*="display: none"]) .quick-input-box input');
  await input.fill(`:${line}`);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Shift+Alt+B');
}

/**
 * @param {Page} page
 * @param {string} label
 * @param {RegExp} text
 * @returns {Promise<import('playwright-core').Locator>} the job's row in the tree, once it shows the text
 */
async function row(page, label, text) {
  const found = page.locator('.pane-body .monaco-list-row', { hasText: label }).filter({ hasText: text }).first();
  await found.waitFor();
  return found;
}

/**
 * @param {Page} page
 * @param {string} settings the workspace's settings.json
 * @param {string} name of the picture
 */
async function eachTheme(page, settings, name) {
  for (const [key, theme] of Object.entries(THEMES)) {
    const before = JSON.parse(await readFile(settings, 'utf8'));
    await writeFile(settings, `${JSON.stringify({ ...before, 'workbench.colorTheme': theme }, null, 2)}\n`);
    await page.locator(`.monaco-workbench.${key === 'dark' ? 'vs-dark' : 'vs'}`).waitFor();
    await page.mouse.move(VIEWPORT.width / 2, VIEWPORT.height - 2);
    // The webview draws the new colors after the workbench.
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1000)));
    const file = path.join(IMAGES, `${name}-${key}.png`);
    await page.screenshot({ path: file });
    log(`docs/images/${name}-${key}.png`);
  }
}

runScript(main);
