import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from '../../src/api';
import { closeAll, cursorAt, launchedBy, open, problems, set } from './editorSupport';
import { Stubs } from './stubs';
import { activate } from './support';

describe('SQL on several connections', () => {
  const stubs = new Stubs();
  let api: PgBackgroundApi;
  let offered: string[];
  let questions: string[];

  before(async () => {
    api = await activate();
    const [profile] = vscode.workspace.getConfiguration('pgBackground').get<object[]>('connections', []);
    await set('connections', [
      { ...profile, name: 'east' },
      { ...profile, name: 'west', production: true },
      { ...profile, name: 'away', host: '127.0.0.1', port: 1 },
    ]);
  });
  after(async () => {
    await set('connections', undefined);
  });
  afterEach(async () => {
    stubs.restore();
    await closeAll();
  });

  /** Chooses these connections, and gives this answer to questions. */
  function choosing(names: readonly string[], answer: string): void {
    offered = [];
    questions = [];
    stubs.stub(vscode.window, 'showQuickPick', (items: readonly vscode.QuickPickItem[]) => {
      offered.push(...items.map(({ label }) => label));
      return Promise.resolve(items.filter(({ label }) => names.includes(label)));
    });
    stubs.stub(vscode.window, 'showWarningMessage', (message: string) => {
      questions.push(message);
      return Promise.resolve(answer);
    });
  }

  it('is one batch with a job for each, which asks about production by name and continues after a failure', async () => {
    choosing(['east', 'west'], 'Run');
    const editor = await open("-- label: where\nSELECT current_database() AS db, 'x' AS x;\nSELECT 2;\n");
    cursorAt(editor, 'current_database');
    const jobs = await launchedBy(api, 'pgBackground.runOnConnections');
    assert.ok(
      ['east', 'west', 'away'].every((name) => offered.includes(name)),
      offered.join(),
    );
    assert.deepEqual(questions, ['Run on the production connection “west”?']);
    assert.deepEqual(
      jobs.map(({ connection, label, state, batch }) => [connection, label, state, batch?.count, batch?.label]),
      ['east', 'west'].map((name) => [name, 'where', 'succeeded', 2, 'where']),
    );
    assert.equal(new Set(jobs.map(({ batch }) => batch?.id)).size, 1);
    for (const { sql } of jobs) assert.match(sql, /current_database/);
  });

  it('runs nothing if the user declines for one of them', async () => {
    choosing(['east', 'west'], 'Cancel');
    const editor = await open('SELECT 1 AS one;\n');
    cursorAt(editor, 'one');
    assert.deepEqual(await launchedBy(api, 'pgBackground.runOnConnections'), []);
  });

  it('ignores the connection that a comment names, and shows the error of each job at the statement', async () => {
    choosing(['east', 'west'], 'Run');
    const editor = await open('-- connection: away\nSELECT 1/0;\n');
    cursorAt(editor, '1/0');
    const jobs = await launchedBy(api, 'pgBackground.runOnConnections');
    assert.deepEqual(
      jobs.map(({ connection, state }) => [connection, state]),
      [
        ['east', 'failed'],
        ['west', 'failed'],
      ],
    );
    assert.match(problems(editor.document)[0]?.message ?? '', /division by zero/);
  });

  it('refuses several statements at once', async () => {
    choosing(['east'], 'Run');
    const messages: string[] = [];
    stubs.stub(vscode.window, 'showErrorMessage', (message: string) => Promise.resolve(void messages.push(message)));
    const editor = await open('SELECT 1;\nSELECT 2;\n');
    editor.selections = [new vscode.Selection(0, 0, 0, 9), new vscode.Selection(1, 0, 1, 9)];
    assert.deepEqual(await launchedBy(api, 'pgBackground.runOnConnections'), []);
    assert.deepEqual(messages, ['Select one statement, or put one cursor in it.']);
  });
});
