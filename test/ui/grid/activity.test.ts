import assert from 'node:assert/strict';
import { join } from 'node:path';
import { violations } from '../axe';
import { fakeActivity } from '../page/fakeActivity';
import type { ThemeName } from '../page/themes';
import { type GridPage, Harness, type PageOptions } from './support';

const RUNNING: PageOptions = { rows: 0, columns: 0, head: { state: 'running', stateText: 'Running', hasWorker: true } };
/** Where to store pictures of the view in all themes, to look at them. */
const PICTURES = process.env['PGBG_PICTURES'];

describe('activity tab of the results page', () => {
  let harness: Harness;
  let grid: GridPage;

  before(async () => {
    harness = await Harness.start();
  });
  after(() => harness.stop());
  afterEach(async () => {
    assert.deepEqual(await grid.problems(), []);
    await grid.close();
  });

  const shown = async (): Promise<boolean[]> => (await grid.sent('activity')).map((message) => message.shown);
  const open = async (): Promise<void> => {
    grid = await harness.open(RUNNING);
    await grid.page.getByRole('tab', { name: 'Activity' }).click();
    await grid.send({ type: 'activity', activity: fakeActivity() });
  };

  it('exists while the job has a worker, and requests the activity only while it is shown', async () => {
    grid = await harness.open({ ...RUNNING, notices: 1 });
    assert.deepEqual(await shown(), []);
    await grid.page.getByRole('tab', { name: 'Activity' }).click();
    await grid.page.getByText('Waiting for the server…').waitFor();
    assert.deepEqual(await shown(), [true]);
    await grid.page.getByRole('tab', { name: 'Query' }).click();
    await grid.settle();
    assert.deepEqual(await shown(), [true, false]);
    await grid.page.getByRole('tab', { name: 'Activity' }).click();
    await grid.settle();
    const now = Date.now();
    const ended = { state: 'succeeded', stateText: 'Succeeded', finishedAt: now, hasWorker: false } as const;
    const base = { id: 'job-1', label: 'x', connection: 'c', now, details: [], sql: '', sqlLength: 0 };
    await grid.send({ type: 'head', head: { ...base, ...ended, canCancel: false, canRerun: true } });
    assert.deepEqual(await shown(), [true, false, true, false]);
    assert.equal(await grid.page.getByRole('tab', { name: 'Activity' }).count(), 0);
  });

  it('keeps the focus, the layout, and the elements at an update', async () => {
    await open();
    const terminate = grid.page.getByRole('button', { name: /^Terminate Session… pid 499/ });
    await terminate.focus();
    const before = await terminate.boundingBox();
    await grid.page.evaluate("document.querySelectorAll('.activity *').forEach((one) => { one.marked = true; })");
    await grid.send({ type: 'activity', activity: fakeActivity(13) });
    await grid.page.getByText('idle in transaction for 13 s').waitFor();
    assert.deepEqual(await terminate.boundingBox(), before);
    assert.equal(
      await grid.page.evaluate("[...document.querySelectorAll('.activity *')].every((one) => one.marked)"),
      true,
    );
    await grid.press('Enter');
    assert.deepEqual(await grid.sent('signalBlocker'), [
      { type: 'signalBlocker', pid: 499, backendStart: '2026-11-27T02:00:00.000000Z', signal: 'terminate' },
    ]);
  });

  it('draws its parts one below the other', async () => {
    await open();
    const boxes = await grid.page.evaluate<{ top: number; bottom: number }[]>(
      "[...document.querySelector('.activity').children].map((one) => one.getBoundingClientRect().toJSON())",
    );
    assert.equal(boxes.length, 5);
    for (const [index, { top }] of boxes.entries()) {
      assert.ok(index === 0 || top >= boxes[index - 1]!.bottom, JSON.stringify(boxes));
    }
  });

  it('removes what is no longer there', async () => {
    await open();
    const { sections, ...rest } = fakeActivity();
    await grid.send({ type: 'activity', activity: { ...rest, warning: '', sections: sections.slice(2) } });
    assert.equal(await grid.page.getByRole('heading', { name: 'Blocked by' }).count(), 0);
    assert.equal(await grid.page.locator('.activity-warning:visible').count(), 0);
    assert.deepEqual(await grid.page.locator('.activity-heading').allInnerTexts(), ['State', 'Locks', 'Settings']);
  });

  it('has a text for screen readers instead of the bars, and passes axe, in all themes', async () => {
    await open();
    await grid.page.getByRole('heading', { name: 'Waiting for a lock' }).waitFor();
    const strip = grid.page.getByRole('img', { name: /^Samples of the last minute, one per second\./ });
    assert.equal(await strip.locator('.samples-bar[data-kind]').count(), 52);
    for (const theme of ['dark', 'light', 'hc-dark', 'hc-light'] satisfies ThemeName[]) {
      await grid.page.evaluate(`harness.setTheme('${theme}')`);
      await grid.settle();
      assert.deepEqual(await violations(grid.page), [], theme);
      if (PICTURES !== undefined) await grid.page.screenshot({ path: join(PICTURES, `activity-${theme}.png`) });
    }
  });
});
