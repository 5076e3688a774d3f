import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { JobInfo, PgBackgroundApi } from '../../src/api';
import { closeAll, cursorAt, eventually, open, problems, replace } from './editorSupport';
import { Stubs } from './stubs';
import { activate, sql } from './support';

describe('Explain', () => {
  let api: PgBackgroundApi;
  const stubs = new Stubs();

  before(async () => {
    api = await activate();
    await sql('DROP TABLE IF EXISTS explained; CREATE TABLE explained AS SELECT 1 AS id');
  });
  after(() => sql('DROP TABLE explained'));
  afterEach(async () => {
    stubs.restore();
    await closeAll();
  });

  /** Runs the command. @returns the job, which has ended */
  async function explain(command: 'explain' | 'explainAnalyze'): Promise<JobInfo | undefined> {
    const id = await vscode.commands.executeCommand<string | undefined>(`pgBackground.${command}`);
    return id === undefined ? undefined : api.jobs().find((job) => job.id === id);
  }

  /** The pages of plans that are open. */
  function pages(): string[] {
    return vscode.window.tabGroups.all
      .flatMap(({ tabs }) => tabs)
      .filter(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.endsWith('pgBackground.plan'))
      .map(({ label }) => label);
  }

  /** Resolves when the page with this title is open. VS Code lists a new tab a little later. */
  async function shows(label: string): Promise<void> {
    await eventually(() => (pages().includes(label) ? true : undefined), `the page ${label}`);
  }

  /** Answers the modal questions. @returns them */
  function answerWarnings(answer: string | undefined): { text: string; detail: string; items: string[] }[] {
    const asked: { text: string; detail: string; items: string[] }[] = [];
    stubs.stub(
      vscode.window,
      'showWarningMessage',
      (text: string, { detail = '' }: vscode.MessageOptions, ...items: (string | vscode.MessageItem)[]) => {
        const titles = items.map((item) => (typeof item === 'string' ? item : item.title));
        asked.push({ text, detail, items: titles });
        const picked = items.find((_, index) => titles[index] === answer);
        return Promise.resolve(picked);
      },
    );
    return asked;
  }

  function errors(): string[] {
    const shown: string[] = [];
    stubs.stub(vscode.window, 'showErrorMessage', (text: string) => {
      shown.push(text);
      return Promise.resolve(undefined);
    });
    return shown;
  }

  it('shows the plan of the statement at the cursor, which it does not run, without a question about WHERE', async () => {
    const asked = answerWarnings(undefined);
    const editor = await open('SELECT 1;\nDELETE FROM explained;\n');
    cursorAt(editor, 'FROM explained');
    const job = await explain('explain');
    assert.equal(job?.state, 'succeeded');
    assert.match(job.label, /^Explain: DELETE FROM explained/);
    assert.match((await api.rows(job.id, 0, 1)).rows[0]?.[0] ?? '', /"Operation": "Delete"/);
    assert.deepEqual(await sql('SELECT id FROM explained'), [[1]]);
    assert.deepEqual(asked, []);
    await shows(job.label);
  });

  it('uses the settings and the psql variables of the file', async () => {
    stubs.stub(vscode.window, 'showWarningMessage', (_: string, __: unknown, ...items: vscode.MessageItem[]) =>
      Promise.resolve(items[0]),
    );
    const editor = await open("\\set what explained\nSELECT * FROM :what WHERE id = :'id';\n");
    stubs.stub(vscode.window, 'showErrorMessage', () => Promise.resolve(undefined));
    await replace(editor, ":'id'", '7');
    cursorAt(editor, 'WHERE');
    const job = await explain('explain');
    assert.equal(job?.state, 'succeeded');
    assert.match(job.sql, /FROM explained WHERE id = 7/);
  });

  it('marks an error at the statement in the editor, and opens no page', async () => {
    const editor = await open('SELECT 1;\nSELECT nosuch FROM explained;\n');
    cursorAt(editor, 'nosuch');
    const job = await explain('explain');
    assert.equal(job?.state, 'failed');
    assert.deepEqual(pages(), []);
    const [problem] = problems(editor.document);
    assert.equal(problem && editor.document.getText(problem.range), 'nosuch');
  });

  it('says which statements have no plan', async () => {
    const shown = errors();
    const editor = await open('CREATE TABLE other (a int);\n\nSELECT 1; SELECT 2;\n');
    cursorAt(editor, 'other');
    assert.equal(await explain('explain'), undefined);
    const line = editor.document.lineAt(2).range;
    editor.selection = new vscode.Selection(line.start, line.end);
    assert.equal(await explain('explain'), undefined);
    assert.match(shown[0] ?? '', /^CREATE TABLE has no plan/);
    assert.match(shown[1] ?? '', /^Explain takes one statement/);
  });

  it('Analyze runs nothing if the user does not agree', async () => {
    const asked = answerWarnings(undefined);
    const editor = await open('DELETE FROM explained;\n');
    cursorAt(editor, 'FROM');
    assert.equal(await explain('explainAnalyze'), undefined);
    assert.match(asked[0]?.text ?? '', /really runs the statement/);
    assert.match(asked[0]?.detail ?? '', /^DELETE FROM explained\n\nThis DELETE has no WHERE/);
    assert.deepEqual(asked[0]?.items, ['Run and Roll Back', 'Run and Keep Changes']);
    assert.deepEqual(await sql('SELECT id FROM explained'), [[1]]);
  });

  it('Analyze measures a write and rolls it back', async () => {
    answerWarnings('Run and Roll Back');
    const editor = await open('UPDATE explained SET id = id + 1 WHERE id > 0;\n');
    cursorAt(editor, 'SET');
    const job = await explain('explainAnalyze');
    assert.equal(job?.state, 'succeeded', JSON.stringify(job?.error));
    assert.match((await api.rows(job.id, 0, 1)).rows[0]?.[0] ?? '', /"Actual Rows"/);
    assert.deepEqual(await sql('SELECT id FROM explained'), [[1]]);
    await shows(job.label);
  });

  it('Analyze keeps the changes if the user wants that', async () => {
    answerWarnings('Run and Keep Changes');
    const editor = await open('UPDATE explained SET id = id + 1 WHERE id > 0;\n');
    cursorAt(editor, 'SET');
    assert.equal((await explain('explainAnalyze'))?.state, 'succeeded');
    assert.deepEqual(await sql('SELECT id FROM explained'), [[2]]);
  });
});
