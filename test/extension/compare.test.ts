import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from '../../src/api';
import type { CompareOutcome } from '../../src/host/results/compare/comparisons';
import { closeAll, eventually } from './editorSupport';
import { Stubs } from './stubs';
import { activate, EXTENSION_ID, reaches } from './support';

const COMMAND = 'pgBackground.compareResults';

describe('Compare Results with…', () => {
  let api: PgBackgroundApi;
  const stubs = new Stubs();
  let items: vscode.QuickPickItem[] = [];
  let shown: string[] = [];

  before(async () => {
    api = await activate();
  });
  beforeEach(() => {
    shown = [];
    for (const kind of ['showErrorMessage', 'showWarningMessage'] as const) {
      stubs.stub(vscode.window, kind, (message: string, options?: vscode.MessageOptions) => {
        shown.push([message, options?.detail].filter((text) => text !== undefined).join('\n'));
        return Promise.resolve(undefined);
      });
    }
  });
  afterEach(async () => {
    stubs.restore();
    await closeAll();
  });

  /** Runs a query to its end. */
  async function job(sql: string, label: string): Promise<string> {
    const { id } = await api.run({ sql, label, connection: 'test' });
    assert.equal((await api.waitFor(id)).state, 'succeeded');
    return id;
  }

  /** Answers the questions for a job, by its label, and for the key columns, which stay as proposed. */
  function answer(label?: string): void {
    stubs.stub(vscode.window, 'showQuickPick', (list: vscode.QuickPickItem[], options: vscode.QuickPickOptions) => {
      items = list;
      if (options.canPickMany === true) return Promise.resolve(list.filter(({ picked }) => picked === true));
      return Promise.resolve(list.find((item) => item.label === label));
    });
  }

  const compare = async (...ids: string[]): Promise<CompareOutcome | undefined> =>
    vscode.commands.executeCommand(COMMAND, ids[0], ids);

  const panels = (): vscode.Tab[] =>
    vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs.filter(({ label }) => label.startsWith('Differences')));

  /** The folders of comparisons that exist, in the storage that scripts/test.mjs sets up next to the workspace. */
  async function folders(): Promise<string[]> {
    const workspace = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
    const workspaces = join(workspace, '../user/User/globalStorage', EXTENSION_ID, 'workspaces');
    const found: string[] = [];
    for (const key of existsSync(workspaces) ? await readdir(workspaces) : []) {
      const rows = join(workspaces, key, 'rows');
      if (existsSync(rows)) found.push(...(await readdir(rows)).filter((name) => name.startsWith('compared-')));
    }
    return found;
  }

  const ROWS = `SELECT i AS id, 'row ' || i AS note, i * 1.5 AS price FROM generate_series(1, 5000) AS i`;

  it('compares the rows of two jobs, shows the differences, and removes them with their panel', async () => {
    const later = `SELECT price, id::bigint, CASE WHEN id % 1000 = 0 THEN 'new' ELSE note END AS note FROM (${ROWS}) AS r
      WHERE id > 3 UNION ALL SELECT 1, 5000 + i, 'added' FROM generate_series(1, 12) AS i`;
    const one = await job(ROWS, 'earlier rows');
    const two = await job(later, 'later rows');
    answer('earlier rows');
    // Chosen in the other order: the earlier job is still the first one.
    const outcome = await compare(two);
    assert.deepEqual(shown, []);
    assert.ok(outcome);
    const { added, removed, changed, equal, duplicateKeys, changedIn } = outcome;
    assert.deepEqual([added, removed, changed, equal, duplicateKeys], [12, 3, 5, 4992, 0]);
    assert.deepEqual(changedIn, [{ column: 'note', rows: 5 }]);
    assert.deepEqual(
      items.filter(({ picked }) => picked === true).map(({ label }) => label),
      ['id'],
    );
    const panel = await eventually(() => panels()[0], 'the panel of the comparison');
    assert.equal(panel.label, 'Differences: earlier rows → later rows');
    assert.equal((await folders()).length, 1);
    await vscode.window.tabGroups.close(panel);
    await eventually(async () => ((await folders()).length === 0 ? true : undefined), 'the rows are removed');
    // The jobs keep theirs.
    assert.equal((await api.rows(one, 0, 10)).rows.length, 10);
  });

  it('compares two selected jobs without a question about them', async () => {
    const one = await job('SELECT 1 AS id, 2 AS n', 'one');
    const two = await job('SELECT 1.0 AS id, 2 AS n', 'two');
    answer();
    const outcome = await compare(one, two);
    assert.deepEqual([outcome?.equal, outcome?.changed, outcome?.added], [1, 0, 0]);
  });

  it('lists jobs with the same columns first', async () => {
    const one = await job('SELECT 1 AS first_column, 2 AS second_column', 'one');
    await job('SELECT 2 AS second_column, 1 AS first_column', 'same columns');
    await job('SELECT 1 AS other', 'other columns');
    answer();
    assert.equal(await compare(one), undefined);
    assert.equal(items[0]?.label, 'same columns');
    assert.match(items[0].description ?? '', /^same columns · /);
  });

  it('refuses a job that still runs, and one without rows', async () => {
    const one = await job('SELECT 1 AS id', 'one');
    const { id: running } = await api.run({ sql: 'SELECT pg_sleep(600)', label: 'endless', connection: 'test' });
    await reaches(api, running, 'running');
    await compare(one, running);
    await api.cancel(running);
    const none = await job('DO $$ BEGIN END $$', 'nothing');
    await compare(one, none);
    assert.deepEqual(shown, [
      '“endless” has not ended. Compare its rows when all of them have arrived.',
      '“nothing” has no rows to compare.',
    ]);
    assert.deepEqual(await folders(), []);
  });

  it('refuses results without a common column', async () => {
    const one = await job('SELECT 1 AS a', 'one');
    const two = await job('SELECT 1 AS b', 'two');
    await compare(one, two);
    assert.deepEqual(shown, ['The results cannot be compared: they have no column name in common.']);
  });

  it('asks before it compares rows that were cut by a limit', async () => {
    const settings = vscode.workspace.getConfiguration('pgBackground');
    await settings.update('results.maxRows', 10, vscode.ConfigurationTarget.Global);
    let one: string;
    try {
      one = await job(ROWS, 'cut');
    } finally {
      await settings.update('results.maxRows', undefined, vscode.ConfigurationTarget.Global);
    }
    const two = await job(ROWS, 'whole');
    answer();
    assert.equal(await compare(one, two), undefined);
    assert.deepEqual(shown, [
      'Compare results that are not complete?\n' +
        'cut: Only the first 10 rows were kept: the limit of 10 rows was reached.\n' +
        'Rows that were not kept look like added or removed rows.',
    ]);
    assert.equal(panels().length, 0);
  });

  it('leaves nothing behind when it is canceled', async () => {
    const one = await job(ROWS, 'one');
    const two = await job(ROWS, 'two');
    answer();
    stubs.stub(
      vscode.window,
      'withProgress',
      (_options: unknown, task: (progress: unknown, token: unknown) => Promise<unknown>) =>
        task(
          { report: () => undefined },
          {
            onCancellationRequested: (cancel: () => void) => {
              cancel();
              return { dispose: () => undefined };
            },
          },
        ),
    );
    assert.equal(await compare(one, two), undefined);
    assert.deepEqual(shown, []);
    assert.deepEqual(await folders(), []);
  });
});
