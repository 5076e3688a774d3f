import assert from 'node:assert/strict';
import { type GridPage, Harness, type PageOptions } from './support';

/** A job whose statement returns no rows. */
const NO_ROWS: PageOptions = { rows: 0, columns: 0, head: { commandTag: 'DO' } };
const ERROR = { sqlstate: '22012', message: 'division by zero' };

describe('tabs of the results page', () => {
  let harness: Harness;
  let grid: GridPage;

  before(async () => {
    harness = await Harness.start();
  });
  after(async () => {
    await harness.stop();
  });
  afterEach(async () => {
    assert.deepEqual(await grid.problems(), []);
    await grid.close();
  });

  const tabs = (): Promise<string[]> => grid.page.getByRole('tab').allInnerTexts();
  const selected = (): Promise<string> => grid.page.locator('[role=tab][aria-selected=true]').innerText();

  it('opens the messages of a succeeded job without rows', async () => {
    grid = await harness.open({ ...NO_ROWS, notices: 3 });
    assert.equal(await selected(), 'Messages (3)');
    assert.deepEqual(await tabs(), ['Messages (3)', 'Query', 'Details']);
    await grid.page.getByText('step 2 done').waitFor();
  });

  it('opens the details of a succeeded job without rows and messages', async () => {
    grid = await harness.open(NO_ROWS);
    assert.equal(await selected(), 'Details');
    assert.deepEqual(await tabs(), ['Query', 'Details']);
  });

  it('opens the Error tab of a failed job, and has none for a succeeded one', async () => {
    grid = await harness.open({ rows: 5, notices: 3 });
    assert.equal(await selected(), 'Rows (5)');
    assert.deepEqual(await tabs(), ['Rows (5)', 'Messages (3)', 'Query', 'Details']);
    await grid.close();
    grid = await harness.open({ ...NO_ROWS, notices: 3, head: { state: 'failed', error: ERROR } });
    assert.equal(await selected(), 'Error');
  });

  it('does not open an empty value on Enter in an empty grid', async () => {
    grid = await harness.open({ rows: 0 });
    await grid.page.locator('.grid').focus();
    for (const key of ['Enter', 'Space', 'F2']) {
      await grid.press(key);
      assert.equal(await grid.page.locator('.detail:visible').count(), 0, key);
      await grid.press('Escape');
    }
    await grid.page.getByRole('button', { name: 'Show Value' }).click();
    await grid.settle();
    assert.equal(await grid.page.locator('.detail:visible').count(), 0);
  });

  it('links an error to its location in the file, instead of showing the sent line', async () => {
    const sql = 'SELECT 1,\n  nosuch\nFROM t';
    const error = { sqlstate: '42703', message: 'column "nosuch" does not exist', position: sql.indexOf('nosuch') };
    const head = { state: 'failed', error, sql, sqlLength: sql.length } as const;
    grid = await harness.open({ ...NO_ROWS, head: { ...head, errorPlace: 'sample.sql:28:17' } });
    const link = grid.page.locator('.view-error dd').first().getByRole('button', { name: 'sample.sql:28:17' });
    await link.focus();
    await grid.press('Enter');
    assert.equal((await grid.sent('openError')).length, 1);
    assert.equal(await grid.page.getByText('Line 2').count(), 0);
    assert.match(await grid.page.locator('.error-sql').innerText(), /^ {2}nosuch\n {2}\^$/);
    // The text was edited.
    const now = Date.now();
    const base = { id: 'job-1', label: 'x', connection: 'c', stateText: 'Failed', now, details: [], canCancel: false };
    await grid.send({ type: 'head', head: { ...base, ...head, canRerun: true } });
    assert.equal(await link.count(), 0);
    await grid.page.getByText('Line 2, column 3').waitFor();
  });

  it('shows one time for messages that were received together', async () => {
    grid = await harness.open({ ...NO_ROWS, notices: 2 });
    const at = 1_790_000_060_000;
    await grid.send({
      type: 'notices',
      from: 2,
      notices: [0, 4, 9].map((ms, index) => ({
        at: at + ms,
        severity: 'NOTICE',
        message: `later ${index}`,
        number: 2 + index,
      })),
    });
    await grid.page.getByText('later 2').waitFor();
    const lines = (await grid.page.locator('.messages').innerText()).split('\n').filter((line) => line !== '');
    const times = lines.filter((line) => line.startsWith('Received '));
    assert.equal(times.length, 2, lines.join('\n'));
    assert.match(times[0]!, /^Received \w+ \d+, \d{4}, \d+:\d\d:\d\d/);
  });
});
