import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { JobInfo, PgBackgroundApi } from '../../src/api';
import { withGate } from '../gate';
import { closeAll, cursorAt, eventually, launchedBy, open, problems, set } from './editorSupport';
import { activate, place, reaches, sql } from './support';
import { Stubs } from './stubs';

describe('batches', () => {
  let api: PgBackgroundApi;
  const { window } = vscode;
  const stubs = new Stubs();

  before(async () => {
    api = await activate();
  });

  afterEach(async () => {
    stubs.restore();
    await closeAll();
  });

  /** Replaces a function of `vscode.window` until the end of the test. */
  function stub(name: keyof typeof window, value: unknown): void {
    stubs.stub(window, name, value);
  }

  /** Chooses items of lists by their labels, one after the other. @returns what the lists showed */
  function choosing(...labels: string[]): string[][] {
    const lists: string[][] = [];
    const next = (items: readonly vscode.QuickPickItem[]): vscode.QuickPickItem | undefined => {
      lists.push(items.map(({ label, description = '' }) => [label, description].filter(Boolean).join(': ')));
      const label = labels.shift();
      return items.find((item) => item.label === label);
    };
    stub('createQuickPick', () => {
      const accepted: (() => void)[] = [];
      const pick = {
        items: [] as vscode.QuickPickItem[],
        selectedItems: [] as vscode.QuickPickItem[],
        onDidTriggerButton: () => undefined,
        onDidHide: () => undefined,
        onDidAccept: (listener: () => void) => accepted.push(listener),
        hide: () => undefined,
        dispose: () => undefined,
        show: () =>
          setImmediate(() => {
            const item = next(pick.items);
            pick.selectedItems = item ? [item] : [];
            for (const listener of accepted) listener();
          }),
      };
      return pick;
    });
    stub('showQuickPick', (items: readonly vscode.QuickPickItem[]) => Promise.resolve(next(items)));
    return lists;
  }

  /** Types an answer into the next input box. */
  function typing(value: string): void {
    stub('createInputBox', () => {
      const accepted: (() => void)[] = [];
      const box = {
        value: '',
        validationMessage: undefined,
        onDidTriggerButton: () => undefined,
        onDidChangeValue: () => undefined,
        onDidHide: () => undefined,
        onDidAccept: (listener: () => void) => accepted.push(listener),
        hide: () => undefined,
        dispose: () => undefined,
        show: () =>
          setImmediate(() => {
            box.value = value;
            for (const listener of accepted) listener();
          }),
      };
      return box;
    });
  }

  const outcomes = (jobs: readonly JobInfo[]): readonly string[] => jobs.map(({ state }) => state);
  const waitForAll = (jobs: readonly JobInfo[]): Promise<JobInfo[]> =>
    Promise.all(jobs.map(({ id }) => api.waitFor(id)));

  describe('of the API', () => {
    it('run in order, and their jobs show their place', async () => {
      await sql('DROP TABLE IF EXISTS in_order; CREATE TABLE in_order (n int, at serial)');
      const statements = [1, 2, 3].map((n) => `INSERT INTO in_order VALUES (${n})`);
      const jobs = await api.runBatch({ statements, connection: 'test', label: 'load' });
      const id = jobs[0]!.batch!.id;
      assert.deepEqual(
        jobs.map(({ batch }) => batch),
        [0, 1, 2].map((index) => ({ id, label: 'load', index, count: 3 })),
      );
      assert.deepEqual(
        jobs.map((job) => job.sql),
        statements,
      );
      assert.deepEqual(outcomes(await waitForAll(jobs)), ['succeeded', 'succeeded', 'succeeded']);
      assert.deepEqual(await sql('SELECT n FROM in_order ORDER BY at'), [[1], [2], [3]]);
    });

    it('stop at a failure with a reason, or continue', async () => {
      const statements = ['SELECT 1/0', 'SELECT 2 AS two'];
      const [failed, left] = await waitForAll(await api.runBatch({ statements }));
      assert.deepEqual([failed!.state, left!.state], ['failed', 'canceled']);
      assert.match(left!.reason ?? '', /^Not launched, because “.*” failed\.$/);
      assert.equal(left!.launchedAt, undefined);
      const both = await waitForAll(await api.runBatch({ statements, onFailure: 'continue' }));
      assert.deepEqual(outcomes(both), ['failed', 'succeeded']);
    });

    it('show one notification, at their end, which opens the first failure', async () => {
      const shown: string[] = [];
      const opened = new Promise<unknown>((resolve) => {
        stub('showErrorMessage', (message: string, _: unknown, ...buttons: string[]) => {
          shown.push(message);
          resolve(buttons);
          return Promise.resolve(buttons[0]);
        });
      });
      const statements = ['SELECT 1/0', 'SELECT nosuch', 'SELECT 3 AS three'];
      const jobs = await api.runBatch({ statements, label: 'noisy', onFailure: 'continue' });
      await waitForAll(jobs);
      assert.deepEqual(await opened, ['Show First Failure']);
      const title = await eventually(
        () => window.tabGroups.activeTabGroup.activeTab?.label.includes(jobs[0]!.label) || undefined,
        'the panel of the first failure',
      );
      assert.ok(title);
      assert.deepEqual(shown, [`“noisy”: 3 of 3, 2 failed. “${jobs[0]!.label}” failed.`]);
    });

    it('run several at a time', async () => {
      const jobs = await withGate(place(), async (gate) => {
        const started = await api.runBatch({
          statements: Array(3).fill(`SELECT ${gate.wait}`) as string[],
          parallel: 2,
        });
        await Promise.all(started.slice(0, 2).map(({ id }) => reaches(api, id, 'running')));
        assert.equal(api.jobs().find(({ id }) => id === started[2]!.id)?.state, 'queued');
        return started;
      });
      assert.deepEqual(outcomes(await waitForAll(jobs)), ['succeeded', 'succeeded', 'succeeded']);
    });

    for (const [name, request, message] of [
      ['is empty', { statements: [] }, /at least one/],
      ['is durable on a database without the setup', { statements: ['SELECT 1'], durable: true }, /not set up/],
      ['has a wrong type', { statements: ['SELECT 1'], durable: 'yes' as unknown as boolean }, /“durable”/],
      ['runs none at a time', { statements: ['SELECT 1'], parallel: 0 }, /“parallel”/],
      ['has an unknown rule', { statements: ['SELECT 1'], onFailure: 'retry' as 'stop' }, /“onFailure”/],
      ['has a statement that cannot run', { statements: ['SELECT 1', ' '] }, /./],
      ['has an unknown connection', { statements: ['SELECT 1'], connection: 'nowhere' }, /nowhere/],
    ] as const) {
      it(`is rejected, and nothing runs, if it ${name}`, async () => {
        const before = api.jobs().length;
        await assert.rejects(api.runBatch(request), message);
        assert.equal(api.jobs().length, before);
      });
    }
  });

  describe('of Run Each Statement', () => {
    afterEach(() => set('onStatementFailure', undefined));

    it('run with the answers of one list, which remembers them', async () => {
      await open('SELECT 1 AS one;\nSELECT nosuch;\nSELECT 3 AS three;\n');
      const first = choosing('If a statement fails', 'Order', 'Up to N at a time…', 'Run');
      typing('2');
      const jobs = await launchedBy(api, 'pgBackground.runEachStatementInBackground');
      assert.deepEqual(outcomes(jobs), ['succeeded', 'failed', 'succeeded']);
      assert.deepEqual(first[0]?.slice(-2), ['Order: in order', 'If a statement fails: stop']);
      const asBefore = ['Order: up to 2 at a time', 'If a statement fails: continue with the next statement'];
      assert.deepEqual(first.at(-1)?.slice(-2), asBefore);
      assert.match(jobs[0]!.batch!.label, /\.sql$|^Untitled/);
      const again = choosing('Order', 'In order', 'If a statement fails', 'Run');
      assert.equal((await launchedBy(api, 'pgBackground.runEachStatementInBackground')).length, 3);
      assert.deepEqual(again[0]?.slice(-2), asBefore);
    });

    it('do not run if the user closes the list', async () => {
      await open('SELECT 1;\nSELECT 2;\n');
      stub('createQuickPick', () => ({
        onDidTriggerButton: () => undefined,
        onDidAccept: () => undefined,
        onDidHide: (listener: () => void) => setImmediate(listener),
        show: () => undefined,
        dispose: () => undefined,
      }));
      assert.deepEqual(await launchedBy(api, 'pgBackground.runEachStatementInBackground'), []);
    });

    it('run again only what failed, with the settings of the statements before it', async () => {
      await set('onStatementFailure', 'stop');
      await sql('DROP SCHEMA IF EXISTS again CASCADE; CREATE SCHEMA again');
      const editor = await open(
        "SET search_path TO again;\nSELECT 1 FROM later;\nSELECT current_setting('search_path') AS path;\n",
      );
      const jobs = await launchedBy(api, 'pgBackground.runEachStatementInBackground');
      assert.deepEqual(outcomes(jobs), ['succeeded', 'failed', 'canceled']);
      await eventually(() => problems(editor.document)[0], 'the problem');
      await sql('CREATE TABLE again.later (n int)');
      const repeated = await launchedBy(api, 'pgBackground.rerunFailedOfBatch', jobs[0]!.id);
      assert.deepEqual(outcomes(await waitForAll(repeated)), ['succeeded', 'succeeded']);
      assert.deepEqual((await api.rows(repeated[1]!.id, 0, 1)).rows, [['again']]);
      assert.equal(repeated[0]!.batch?.label, jobs[0]!.batch?.label);
      assert.deepEqual(problems(editor.document), []);
    });

    it('mark the position of an error in a statement that takes over a role', async () => {
      await set('onStatementFailure', 'continue');
      const [[user]] = (await sql('SELECT current_user')) as [[string]];
      const editor = await open(`SET ROLE "${user}";\nSELECT 1 + nosuch;\n`);
      const jobs = await launchedBy(api, 'pgBackground.runEachStatementInBackground');
      assert.deepEqual(outcomes(jobs), ['succeeded', 'failed']);
      assert.match(jobs[1]!.sql, /^SET LOCAL ROLE/);
      const problem = await eventually(() => problems(editor.document)[0], 'the problem');
      assert.equal(editor.document.getText(problem.range), 'nosuch');
    });
  });

  describe('of two', () => {
    it('run SQL of the editor after a job, however it ends or only if it succeeds', async () => {
      for (const [answer, expected] of [
        ['Always, however it ends', 'succeeded'],
        ['Only if it succeeds', 'canceled'],
      ] as const) {
        const { first, after } = await withGate(place(), async (gate) => {
          const job = await api.run({ sql: `SELECT ${gate.wait}; SELECT 1/0`, label: 'first' });
          const editor = await open('SELECT 2 AS two;\n');
          cursorAt(editor, 'two');
          choosing('SQL in the editor', answer);
          const before = new Set(api.jobs().map(({ id }) => id));
          await vscode.commands.executeCommand('pgBackground.runAfterJob', job.id);
          return { first: job, after: api.jobs().find(({ id }) => !before.has(id))! };
        });
        assert.deepEqual([after.state, after.batch?.id, after.batch?.index], ['queued', first.id, 1]);
        assert.equal((await api.waitFor(first.id)).state, 'failed');
        assert.equal((await api.waitFor(after.id)).state, expected);
      }
    });
  });
});
