/** The results panel in a real VS Code in a browser, with 1,000,000 rows of a real worker, and an empty panel of another extension. */
import { packExtension } from '../ui/helperExtension';
import { install, type Installed } from '../ui/installed';
import { median, timed, type Figure } from './support';

const ROUNDS = 9;
const SQL = `-- label: million
SELECT g AS id, repeat('x', 90) || lpad(g::text, 10, '0') AS note FROM generate_series(1, 1000000) AS g;
`;

/** Offers a list before the panel, as Show Results does. */
const EMPTY = `
const vscode = require('vscode');
exports.activate = (context) =>
  context.subscriptions.push(
    vscode.commands.registerCommand('empty.show', async () => {
      await vscode.window.showQuickPick(['million']);
      const panel = vscode.window.createWebviewPanel('empty', 'Empty', vscode.ViewColumn.Beside, {});
      panel.webview.html = '<!DOCTYPE html><html><body><p class="cell active">Empty</p></body></html>';
    }),
  );
`;

const MANIFEST = {
  name: 'empty',
  publisher: 'test',
  version: '1.0.0',
  engines: { vscode: '^1.100.0' },
  main: './main.js',
  activationEvents: ['onStartupFinished'],
  contributes: { commands: [{ command: 'empty.show', title: 'Empty: Show' }] },
};

/** The ratio of docs/internals/design.md; the time alone depends on VS Code. */
export async function bench(): Promise<Figure[]> {
  const installed = await install(
    { 'million.sql': SQL },
    { connected: true, extensions: [await packExtension(MANIFEST, EMPTY)] },
  );
  try {
    const { ui } = installed;
    await ui.openFile('million.sql');
    await ui.selectLines(1, 2);
    await ui.command('pg_background: Run in Background');
    await ui.row('million').filter({ hasText: '1,000,000 rows' }).waitFor({ timeout: 120_000 });
    const empty: number[] = [];
    const rows: number[] = [];
    // The first panels load code, in VS Code and in the extension.
    for (let round = -1; round < ROUNDS; round++) {
      const pair = [
        await shown(installed, 'Empty: Show'),
        await shown(installed, 'pg_background: Show Results'),
      ] as const;
      if (round < 0) continue;
      empty.push(pair[0]);
      rows.push(pair[1]);
    }
    const value = median(rows);
    const reference = median(empty);
    return [
      {
        name: 'results panel in VS Code: first rows on screen, 1,000,000 rows',
        value,
        unit: 'ms',
        reference,
        referenceName: 'an empty panel',
        budget: '1.5 ×',
        ok: value <= 1.5 * reference,
      },
    ];
  } finally {
    await installed.close();
    await installed.server.stop();
  }
}

/** Milliseconds from the choice in the command's list until the panel has content. Closes the panel. */
async function shown({ ui }: Installed, command: string): Promise<number> {
  await ui.command(command);
  await ui.page.locator('.quick-input-list .monaco-list-row', { hasText: 'million' }).waitFor();
  // VS Code itself is busy with the list for a moment.
  await ui.page.waitForTimeout(500);
  const time = await timed(async () => {
    await ui.page.keyboard.press('Enter');
    await ui.results().locator('.cell.active').first().waitFor();
  });
  await ui.page.waitForTimeout(1_000);
  await ui.command('View: Close Editor');
  await ui.page.locator('iframe.webview').waitFor({ state: 'detached' });
  return time;
}
