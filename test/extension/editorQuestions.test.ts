import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from '../../src/api';
import { closeAll, cursorAt, eventually, launchedBy, open, problems, replace, set } from './editorSupport';
import { activate, sql } from './support';
import { Stubs } from './stubs';

describe('SQL in the editor: questions before a launch', () => {
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

  /** Answers modal warnings. @returns the questions */
  function answerWarnings(answer: string | undefined): string[] {
    const asked: string[] = [];
    stub('showWarningMessage', (message: string, { detail = '' }: vscode.MessageOptions = {}) => {
      asked.push([message, detail.split('\n')[0]].filter(Boolean).join(': '));
      return Promise.resolve(answer);
    });
    return asked;
  }

  /** Presses Enter in every quick input until a command is done. */
  async function accepting<T>(running: Thenable<T>): Promise<T> {
    const state = { done: false };
    const finished = Promise.resolve(running).finally(() => (state.done = true));
    for (const end = Date.now() + 20_000; Date.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      if (state.done) break;
      await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
    }
    return finished;
  }

  it('asks about a DELETE without WHERE and does not run it if the user cancels', async () => {
    await sql('DROP TABLE IF EXISTS to_empty; CREATE TABLE to_empty AS SELECT 1 AS n');
    const editor = await open('DELETE FROM to_empty;\n');
    cursorAt(editor, 'DELETE');
    const asked = answerWarnings(undefined);
    assert.deepEqual(await launchedBy(api, 'pgBackground.runInBackground'), []);
    assert.match(asked.join(), /^This DELETE has no WHERE.*: DELETE FROM to_empty$/);
    answerWarnings('Run Anyway');
    const [job] = await launchedBy(api, 'pgBackground.runInBackground');
    assert.equal(job!.state, 'succeeded');
    assert.deepEqual(await sql('SELECT n FROM to_empty'), []);
  });

  it('ignores a second launch of the same SQL right after the first, like a double click', async () => {
    await sql('DROP TABLE IF EXISTS clicks; CREATE TABLE clicks (n int)');
    const editor = await open('INSERT INTO clicks VALUES (1);\n');
    cursorAt(editor, 'INSERT');
    const [first, second] = await Promise.all([
      vscode.commands.executeCommand<string>('pgBackground.runInBackground'),
      vscode.commands.executeCommand<string>('pgBackground.runInBackground'),
    ]);
    assert.equal((await api.waitFor(first)).state, 'succeeded');
    assert.equal(second, undefined);
    assert.deepEqual(await sql('SELECT n FROM clicks'), [[1]]);
  });

  it('asks each time on a production connection until it is trusted for the session, but not for launches from code', async () => {
    const [profile] = vscode.workspace.getConfiguration('pgBackground').get<object[]>('connections', []);
    await set('connections', [{ ...profile, name: 'live', production: true }]);
    try {
      const editor = await open('-- connection: live\nSELECT 1;\n');
      cursorAt(editor, 'SELECT');
      const asked = answerWarnings(undefined);
      assert.deepEqual(await launchedBy(api, 'pgBackground.runInBackground'), []);
      assert.deepEqual(asked, ['Run on the production connection “live”?']);
      const again = answerWarnings('Don’t Ask Again for This Connection in This Session');
      const [first] = await launchedBy(api, 'pgBackground.runInBackground');
      // The same text again would count as a double click.
      await replace(editor, 'SELECT', 'SELECT ');
      const [second] = await launchedBy(api, 'pgBackground.runInBackground');
      assert.deepEqual([first!.state, second!.connection, again.length], ['succeeded', 'live', 1]);
      await launchedBy(api, 'pgBackground.runInBackground', { sql: 'SELECT 2', connection: 'live' });
      assert.equal(again.length, 1);
    } finally {
      await set('connections', undefined);
    }
  });

  it('offers a lock_timeout for a strong lock on a production connection', async () => {
    const [profile] = vscode.workspace.getConfiguration('pgBackground').get<object[]>('connections', []);
    await set('connections', [{ ...profile, name: 'guarded', production: true }]);
    try {
      await sql('DROP TABLE IF EXISTS locked; CREATE TABLE locked AS SELECT 1 AS n');
      const alter = (column: string): string =>
        `ALTER TABLE locked ADD ${column} text DEFAULT current_setting('lock' || '_timeout');\n`;
      const editor = await open(
        `-- connection: guarded\n${alter('a')}\n-- connection: guarded\n-- lock-timeout: 2s\n${alter('b')}`,
      );
      const asked = answerWarnings('Run with lock_timeout 5s');
      cursorAt(editor, 'ADD a');
      await launchedBy(api, 'pgBackground.runInBackground');
      assert.match(asked.join(), /^Run on the production connection “guarded”\?: ALTER TABLE takes a lock/);
      // With a limit of its own, it is like any launch on a production connection.
      const again = answerWarnings('Run');
      cursorAt(editor, 'ADD b');
      await launchedBy(api, 'pgBackground.runInBackground');
      assert.deepEqual(again, ['Run on the production connection “guarded”?']);
      assert.deepEqual(await sql('SELECT a, b FROM locked'), [['5s', '2s']]);
    } finally {
      await set('connections', undefined);
    }
  });

  /** Types an answer into each input that opens. Without an answer, the initial value stays. */
  function typing(...answers: (string | undefined)[]): void {
    const create = window.createInputBox.bind(window);
    stub('createInputBox', () => {
      const box = create();
      const value = answers.shift();
      setTimeout(() => (box.value = value ?? box.value), 20);
      return box;
    });
  }

  it('asks for variables, quotes them, and maps a later error to its position', async () => {
    const editor = await open('SELECT :who AS who, $1 AS n, nosuch;\n');
    typing("O'Brien; --", '42');
    cursorAt(editor, 'who');
    const id = await accepting(vscode.commands.executeCommand<string>('pgBackground.runInBackground'));
    const job = await api.waitFor(id);
    assert.equal(job.sql, "SELECT 'O''Brien; --' AS who, 42 AS n, nosuch");
    assert.equal(job.label, 'SELECT :who AS who, $1 AS n, nosuch');
    const problem = await eventually(() => problems(editor.document)[0], 'the problem');
    assert.equal(editor.document.getText(problem.range), 'nosuch');
  });

  /** Chooses these rows in the lists that open, one after the other, and then Run. */
  function choosing(...labels: string[]): void {
    const create = window.createQuickPick.bind(window);
    stub('createQuickPick', () => {
      const pick = create();
      const label = labels.shift();
      setTimeout(() => {
        if (label !== undefined) pick.activeItems = pick.items.filter((item) => item.label === label);
      }, 20);
      return pick;
    });
  }

  it('shows the options in a list, where Enter runs', async () => {
    const editor = await open("-- label: flows\n-- timeout: 90s\nSELECT current_setting('statement_timeout');\n");
    cursorAt(editor, 'current_setting');
    const lists: vscode.QuickPick<vscode.QuickPickItem>[] = [];
    const create = window.createQuickPick.bind(window);
    stub('createQuickPick', () => {
      const pick = create();
      lists.push(pick);
      return pick;
    });
    const id = await accepting(vscode.commands.executeCommand<string>('pgBackground.runInBackgroundWithOptions'));
    const job = await api.waitFor(id);
    assert.deepEqual([job.label, job.state, lists.length], ['flows', 'succeeded', 1]);
    assert.deepEqual((await api.rows(id, 0, 1)).rows, [['90s']]);
    const rows = new Map(lists[0]!.items.map(({ label, description }) => [label, description]));
    assert.deepEqual(
      ['Label', 'statement_timeout', 'pg_background.worker_timeout', 'Notify when done'].map((name) => rows.get(name)),
      ['flows', '90s', 'server default', 'as in the settings'],
    );
    assert.equal(lists[0]!.items[0]!.label, 'Run');
  });

  it('prefers changed options to comments, even if they are empty', async () => {
    const editor = await open("-- label: flows\n-- timeout: 90s\nSELECT current_setting('statement_timeout');\n");
    cursorAt(editor, 'current_setting');
    choosing('Label', 'statement_timeout');
    typing('', '7s');
    const id = await accepting(vscode.commands.executeCommand<string>('pgBackground.runInBackgroundWithOptions'));
    const job = await api.waitFor(id);
    assert.equal(job.state, 'succeeded');
    assert.notEqual(job.label, 'flows');
    assert.deepEqual((await api.rows(id, 0, 1)).rows, [['7s']]);
  });

  it('saves options as the file’s defaults and requests a notification', async () => {
    const editor = await open("SELECT current_setting('statement_timeout');\n");
    cursorAt(editor, 'current_setting');
    choosing('Label', 'statement_timeout', 'Notify when done', 'Save as defaults for this file');
    typing('only this time', '77s');
    // The settings alone would not show a notification for such a short job.
    const notification = new Promise((resolve) => {
      stub('showInformationMessage', (message: string) => {
        resolve(message);
        return Promise.resolve(undefined);
      });
    });
    const id = await accepting(vscode.commands.executeCommand<string>('pgBackground.runInBackgroundWithOptions'));
    assert.equal((await api.waitFor(id)).label, 'only this time');
    assert.match(String(await notification), /^“only this time” succeeded: 1 row/);
    await replace(editor, 'SELECT', 'SELECT ');
    const [again] = await launchedBy(api, 'pgBackground.runInBackground');
    assert.notEqual(again!.label, 'only this time');
    assert.deepEqual((await api.rows(again!.id, 0, 1)).rows, [['77s']]);
  });
});
