import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { openClient } from '../../src/core/postgres/connect/open/open';
import { setUp } from '../../src/core/postgres/durable/setup';
import { withGate, type Gate } from '../gate';
import { newDatabase, sharedServer } from '../server/support';
import { install, screenshotOnFailure, type Installed } from './installed';
import { ResultsView } from './resultsView';

/** Two instances of VS Code with profiles and workspaces of their own, as on two computers. Each test continues the one before it. */
describe('durable jobs', function () {
  this.timeout(480_000);
  let profile: ConnectionProfile;
  let one: Installed;
  let two: Installed | undefined;
  let gate: Gate;
  let closeGate: () => void;
  let gateClosed: Promise<void>;

  before(async () => {
    const server = await sharedServer();
    profile = await newDatabase(server);
    const client = await openClient(profile);
    await setUp(client);
    await client.end();
    await new Promise<void>((ready) => {
      gateClosed = withGate(profile, (opened) => {
        gate = opened;
        ready();
        return new Promise<void>((close) => (closeGate = close));
      });
    });
    one = await install({ 'work.sql': '' }, { connected: true, profile });
  });
  after(async () => {
    closeGate();
    await gateClosed;
    await two?.close();
  });
  afterEach(screenshotOnFailure(() => (two ?? one).ui));

  it('are launched with a comment, and marked in the tree', async () => {
    const sql = `-- label: six hours
-- durable: yes
SELECT g AS number, 'word ' || g AS word FROM generate_series(1, 1000) AS g
 WHERE (SELECT CASE WHEN pg_background_report_progress(40, 'half') IS NOT NULL THEN ${gate.wait} IS NOT NULL END);

-- label: to be canceled
-- durable: yes
SELECT pg_sleep(600);

-- label: fails
-- durable: yes
SELECT 1 / (g - 1) FROM generate_series(1, 1) AS g;
`;
    const { ui, workspace } = one;
    await writeFile(join(workspace, 'work.sql'), sql);
    await ui.openFile('work.sql');
    for (const [first, last] of [
      [1, 4],
      [6, 8],
      [10, 12],
    ] as const) {
      await ui.selectLines(first, last);
      await ui.command('pg_background: Run in Background');
    }
    await ui.row('six hours').filter({ hasText: '40%' }).filter({ hasText: 'durable' }).waitFor();
    await ui.row('to be canceled').filter({ hasText: 'durable' }).waitFor();
    await ui.row('fails').filter({ hasText: 'division by zero' }).waitFor();
    assert.equal(await ui.row('keeper').count(), 0, 'keepers are not listed');
  });

  it('appear in another instance once it connects, after the first one was killed', async () => {
    await one.browser.close();
    await one.vscode.stop();
    two = await install({}, { connected: true, profile });
    const { ui } = two;
    const connection = ui.row('work').first();
    await connection.hover();
    await connection.getByRole('button', { name: 'Connect', exact: true }).click();
    await ui.row('six hours').filter({ hasText: '40%' }).waitFor();
    await ui.row('fails').filter({ hasText: 'division by zero' }).waitFor();
    assert.equal(await ui.row('keeper').count(), 0, 'keepers are not listed');
  });

  it('show their outcome and their rows there', async () => {
    const { ui } = two!;
    await gate.open();
    await ui.row('six hours').filter({ hasText: '1,000 rows' }).dblclick();
    const results = new ResultsView(ui);
    await results.frame.getByText('word 1', { exact: true }).waitFor();
    await results.status.filter({ hasText: '1,000 rows' }).waitFor();
    await results.frame.getByRole('tab', { name: 'Details' }).click();
    await results.frame.getByText('the server’s commit log').waitFor();
    await ui.screenshot('durable');
  });

  it('are canceled there', async () => {
    const { ui } = two!;
    await ui.rowMenu(ui.row('to be canceled'), 'Cancel');
    await ui.notification(/“to be canceled” stopped .* after SIGTERM/).waitFor();
    await ui.row('to be canceled').filter({ hasText: 'canceled' }).waitFor();
  });
});
