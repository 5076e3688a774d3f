import assert from 'node:assert/strict';
import { valuesOf } from '../../../src/host/connectionPages/formModel';
import type { FormInit, TestInit, TestReport } from '../../../src/shared/connectionProtocol';
import { CONNECTION_STRING_KEYS } from '../../../src/shared/connectionStrings';
import { violations } from '../axe';
import { FormHarness, type FormPageDriver } from './support';

const ATTACK = '<img src=x onerror="window.violations.push(1)"><b>x</b>';
const SECRET = 'S3cret';

const REPORT: TestReport = {
  number: 3,
  running: false,
  summary: `One problem: ${ATTACK}.`,
  findings: [
    { status: 'ok', title: 'Reachable', detail: ATTACK, fixes: [] },
    {
      status: 'error',
      title: ATTACK,
      detail: 'Missing.',
      fixes: [
        { title: 'Create it', sql: `SELECT '${ATTACK}';`, mayRun: true },
        { title: 'Edit the connection', acts: true },
      ],
    },
    { status: 'info', title: 'Hidden', detail: 'x', fixes: [{ title: 'Grant it', sql: 'GRANT x TO y;' }] },
  ],
};

describe('the connection page', function () {
  this.timeout(120_000);
  let harness: FormHarness;
  let form: FormPageDriver;

  before(async () => {
    harness = await FormHarness.start();
  });
  after(() => harness.stop());
  afterEach(async () => {
    assert.deepEqual(await form.problems(), []);
    await form.page.close();
  });

  const init = (more: Partial<FormInit> = {}): FormInit => ({
    type: 'init',
    kind: 'form',
    strings: harness.strings,
    language: 'en',
    title: 'New Connection',
    values: valuesOf({}, 'stored', 'user'),
    password: 'none',
    hostLocation: 'Connections start from this computer.',
    hasWorkspace: true,
    ...more,
  });
  const types = async (): Promise<string[]> => (await form.sent()).map(({ type }) => type);

  it('has no accessibility violations in the form and in the report', async () => {
    form = await harness.open(init({ report: REPORT }));
    await form.page.getByText('Advanced').click();
    assert.deepEqual(await violations(form.page), []);
    await form.page.close();
    form = await harness.open({
      type: 'init',
      kind: 'test',
      strings: harness.strings,
      language: 'en',
      title: 'Test of “x”',
      connection: 'x',
      uri: 'postgresql://h/d',
      report: REPORT,
    });
    assert.deepEqual(await violations(form.page), []);
  });

  it('has a text for every key, and a label for every control', async () => {
    form = await harness.open(init({ report: REPORT }));
    await form.page.getByText('Advanced').click();
    const seen = await form.page.locator('body').ariaSnapshot();
    // A missing text would show its key.
    for (const key of CONNECTION_STRING_KEYS) assert.ok(!seen.includes(`[${key}]`), key);
    assert.doesNotMatch(seen, /Text field|(textbox|combobox|checkbox|button)( \[|:|$)/m);
  });

  it('Save waits until a pasted string is parsed, and input made meanwhile stays', async () => {
    form = await harness.open(init());
    await form.focused(form.box('URI or DSN'));
    await form.sent();
    await form.box('URI or DSN').fill(`postgres://u:${SECRET}@h/d`);
    await form.page.keyboard.press('Enter');
    await form.box('Name').fill('mine');
    await form.button('Save').click();
    const before = await form.sent();
    assert.deepEqual(
      before.map(({ type }) => type).filter((type) => type !== 'check'),
      ['paste'],
    );
    const values = valuesOf({ name: 'd@h', host: 'h', user: 'u', database: 'd' }, 'stored', 'user');
    await form.deliver({ type: 'fill', values, password: 'imported', message: 'Filled in.' });
    const [save] = await form.sent();
    assert.deepEqual(save, { type: 'save', values: { ...values, name: 'mine' } });
    assert.equal(await form.box('URI or DSN').inputValue(), '');
    assert.equal(
      await form.box('Password').getAttribute('placeholder'),
      'A password was imported. Leave empty to use it.',
    );
  });

  it('an invalid pasted string prevents saving, and its field shows why', async () => {
    form = await harness.open(init());
    await form.box('URI or DSN').fill('postgres://a@b@c/');
    await form.button('Save').click();
    await form.deliver({ type: 'problems', problems: { paste: 'The URI has more than one "@".' }, all: true });
    await form.focused(form.box('URI or DSN'));
    assert.equal(await form.box('URI or DSN').getAttribute('aria-invalid'), 'true');
    assert.ok(!(await types()).includes('save'));
    await form.box('URI or DSN').fill('');
    await form.page.keyboard.press('Tab');
    assert.equal(await form.box('URI or DSN').getAttribute('aria-invalid'), null);
  });

  it('a password is sent only with Test and Save, and is never saved in the page', async () => {
    form = await harness.open(init());
    await form.box('Host').fill('h');
    await form.box('Password').fill(SECRET);
    await form.box('URI or DSN').fill(`host=h password=${SECRET}x`);
    await form.box('Host').focus();
    await form.deliver({
      type: 'fill',
      values: valuesOf({ name: 'n' }, 'stored', 'user'),
      password: 'none',
      message: '',
    });
    await form.box('Password').fill(SECRET);
    await form.box('Port').fill('5433');
    await form.sent();
    await form.button('Test').click();
    const test = (await form.sent()).find(({ type }) => type === 'test');
    assert.ok(test?.type === 'test' && test.password === SECRET);
    assert.ok(!JSON.stringify(test.values).includes(SECRET));
    assert.doesNotMatch(JSON.stringify(await form.state()), /S3cret/);
    assert.doesNotMatch(await form.page.content(), /S3cret/);
    await form.page.reload();
    await form.page.locator('.connection-page').waitFor();
    assert.equal(await form.box('Port').inputValue(), '5433');
    assert.equal(await form.box('Password').inputValue(), '');
    await form.box('Password').fill(SECRET);
    await form.deliver({ type: 'saved' });
    assert.equal(await form.box('Password').inputValue(), '');
  });

  it('the password source decides which fields are visible and what is sent', async () => {
    form = await harness.open(init({ editing: 'x', password: 'stored' }));
    const from = form.page.getByRole('combobox', { name: 'Password source' });
    await form.box('Password').fill(SECRET);
    await from.focus();
    await form.page.keyboard.press('ArrowDown');
    await form.page.getByText('Saving deletes the stored password.').waitFor();
    assert.equal(await form.box('Password').isVisible(), false);
    await form.sent();
    await form.button('Save').click();
    const [save] = await form.sent();
    assert.ok(save?.type === 'save' && save.password === undefined && save.values.passwordFrom === 'lookup');
    await from.focus();
    await form.page.keyboard.press('End');
    await form.box('Command').waitFor();
    await form.deliver({ type: 'focus', field: 'password' });
    await form.focused(form.box('Password'));
  });

  it('problems appear at their fields, also in a closed section', async () => {
    form = await harness.open(init());
    const message = 'Use a color.';
    assert.equal(await form.box('Color').isVisible(), false);
    await form.deliver({ type: 'problems', problems: { color: message }, all: true });
    await form.focused(form.box('Color'));
    await form.page.getByText(message).waitFor();
    assert.equal(await form.box('Color').getAttribute('aria-invalid'), 'true');
    // Fields that were not touched show no problems while others are filled in.
    await form.deliver({ type: 'problems', problems: { port: 'No port.', color: message }, all: false });
    assert.equal(await form.page.getByText('No port.').count(), 0);
    await form.deliver({ type: 'problems', problems: {}, all: true });
    assert.equal(await form.box('Color').getAttribute('aria-invalid'), null);
  });

  it('a field that the form does not show stays unchanged and is listed', async () => {
    const values = valuesOf(
      { name: 'x', hostaddr: '10.0.0.1', requireAuth: 'md5', applicationName: 'a' },
      'ask',
      'user',
    );
    form = await harness.open(init({ editing: 'x', values }));
    // The section is open, because the connection has a field of it.
    await form.page.getByText('hostaddr = 10.0.0.1, requireAuth = md5').waitFor();
    await form.sent();
    await form.page.keyboard.press('Control+Enter');
    assert.deepEqual(await form.sent(), [{ type: 'save', values }]);
  });

  it('the tooltip of Save names the modifier key of the operating system', async () => {
    for (const [system, key] of [
      ['X11; Linux x86_64', 'Ctrl+'],
      ['Macintosh; Intel Mac OS X 10_15_7', '⌘'],
    ] as const) {
      form = await harness.open(init(), `Mozilla/5.0 (${system})`);
      await form.page.getByTitle(`Save (${key}Enter)`, { exact: true }).waitFor();
      if (key === 'Ctrl+') await form.page.close();
    }
  });

  it('findings show text as text, offer to run only SQL that may run, and label each button with its fix', async () => {
    form = await harness.open(init({ report: REPORT }));
    const item = (index: number): ReturnType<FormPageDriver['box']> => form.page.getByRole('listitem').nth(index);
    assert.equal(await item(1).getByRole('heading').textContent(), ATTACK);
    assert.equal(await form.page.locator('img, b').count(), 0);
    await form.sent();
    await form.button('Copy: Create it').click();
    await form.button('Run: Create it').click();
    await item(1).getByRole('button', { name: 'Edit the connection' }).click();
    await form.button('Copy: Grant it').click();
    const fix = { type: 'fix', report: 3 };
    assert.deepEqual(await form.sent(), [
      { ...fix, finding: 1, fix: 0, way: 'copy' },
      { ...fix, finding: 1, fix: 0, way: 'run' },
      { ...fix, finding: 1, fix: 1, way: 'act' },
      { ...fix, finding: 2, fix: 0, way: 'copy' },
    ]);
    assert.equal(await form.button('Run: Grant it').count(), 0);
  });

  it('Start From… opens a menu of sources for mouse and keyboard', async () => {
    form = await harness.open(init());
    await form.sent();
    await form.button('Start From…').click();
    assert.deepEqual(await types(), ['offers']);
    await form.deliver({
      type: 'offers',
      offers: [
        { label: 'one', detail: 'x' },
        { label: 'two', detail: 'y' },
      ],
    });
    await form.focused(form.page.getByRole('menuitem', { name: 'one' }));
    await form.page.keyboard.press('ArrowDown');
    await form.page.keyboard.press('Enter');
    const [use] = await form.sent();
    assert.ok(use?.type === 'useOffer' && use.offer === 1);
    await form.button('Start From…').click();
    await form.deliver({ type: 'offers', offers: [] });
    await form.page.getByRole('menuitem', { name: /Nothing found/, disabled: true }).waitFor();
    await form.page.keyboard.press('Escape');
    assert.equal(await form.page.getByRole('menuitem').count(), 0);
  });

  it('the report of Test is visible without scrolling in small and wide windows, and the focus stays on the button', async () => {
    for (const viewport of [
      { width: 700, height: 480 },
      { width: 1400, height: 480 },
    ]) {
      form = await harness.open(init());
      await form.page.setViewportSize(viewport);
      await form.box('Host').focus();
      await form.button('Test').click();
      await form.deliver({ type: 'report', report: { number: 3, running: true, summary: '', findings: [] } });
      await form.focused(form.button('Cancel Test'));
      await form.deliver({ type: 'report', report: REPORT });
      await form.deliver({ type: 'mark', field: 'host', problem: 'A problem with the host.' });
      await form.focused(form.button('Test'));
      for (const visible of [
        form.page.locator('.findings-summary'),
        form.page.getByRole('heading', { name: 'Reachable' }),
      ]) {
        const { x, y, width, height } = (await visible.boundingBox())!;
        assert.ok(x >= 0 && y >= 0 && x + width <= viewport.width && y + height <= viewport.height);
        const top = await form.page.evaluate(
          `document.querySelector('.findings').contains(document.elementFromPoint(${x + 5}, ${y + height / 2}))`,
        );
        assert.equal(top, true, `nothing covers it in a window of ${viewport.width} pixels`);
      }
      if (viewport.width === 700) await form.page.close();
    }
  });

  it('Cancel closes the form without saving', async () => {
    form = await harness.open(init());
    await form.box('Host').fill('h');
    await form.sent();
    await form.button('Cancel').click();
    assert.deepEqual(
      (await types()).filter((type) => type !== 'check'),
      ['close'],
    );
  });

  it('the test of a saved connection can be canceled, and the focus stays on the visible button', async () => {
    const test: TestInit = {
      type: 'init',
      kind: 'test',
      strings: harness.strings,
      language: 'en',
      title: 'Test of “x”',
      connection: 'x',
      uri: 'postgresql://h/d',
      report: REPORT,
    };
    form = await harness.open(test);
    await form.focused(form.button('Test Again'));
    await form.sent();
    await form.page.keyboard.press('Enter');
    assert.deepEqual(await types(), ['testAgain']);
    await form.deliver({ type: 'report', report: { number: 4, running: true, summary: '', findings: [] } });
    await form.focused(form.button('Cancel'));
    assert.equal(await form.page.getByRole('listitem').count(), 0);
    await form.page.keyboard.press('Enter');
    assert.deepEqual(await types(), ['cancelTest']);
    await form.deliver({ type: 'report', report: { ...REPORT, number: 4 } });
    await form.focused(form.button('Test Again'));
    assert.deepEqual(await form.state(), { version: 1, kind: 'test', connection: 'x' });
  });
});
