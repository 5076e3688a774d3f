import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { JobInfo, PgBackgroundApi } from '../../src/api';
import { withGate } from '../gate';
import { closeAll, cursorAt, eventually, open, problems, replace } from './editorSupport';
import { activate, place, reaches, sql } from './support';

describe('problems in the editor', () => {
  let api: PgBackgroundApi;

  before(async () => {
    api = await activate();
  });

  afterEach(closeAll);

  async function run(): Promise<JobInfo> {
    const id = await vscode.commands.executeCommand<string | undefined>('pgBackground.runInBackground');
    assert.ok(id, 'a job was launched');
    return api.waitFor(id);
  }

  async function fails(editor: vscode.TextEditor): Promise<vscode.Diagnostic> {
    assert.equal((await run()).state, 'failed');
    return eventually(() => problems(editor.document)[0], 'the problem');
  }

  it('are at the position of the error, move with the text, and disappear when the statement is edited', async () => {
    const editor = await open(`SELECT 1;\n\n-- 😀\nSELECT relname, '😀', relkindd\nFROM pg_class;\n`);
    cursorAt(editor, 'relname');
    const problem = await fails(editor);
    assert.equal(editor.document.getText(problem.range), 'relkindd');
    assert.equal(problem.code, '42703');
    assert.match(problem.message, /^column "relkindd" does not exist\nHINT: /);
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), '\n\n'));
    const moved = await eventually(
      () => problems(editor.document).find(({ range }) => range.start.line === 5),
      'the moved problem',
    );
    assert.equal(editor.document.getText(moved.range), 'relkindd');
    await replace(editor, 'relkindd', 'relkind');
    assert.deepEqual(problems(editor.document), []);
  });

  it('disappear with the next run and are not shown if the text was edited meanwhile', async () => {
    const editor = await open('SELECT pg_sleep(0.5), nosuch();\nSELECT 1/0;\n');
    cursorAt(editor, '1/0');
    const problem = await fails(editor);
    assert.equal(problem.message, 'division by zero');
    assert.equal(editor.document.getText(problem.range), 'SELECT 1/0');
    const id = await withGate(place(), async (gate) => {
      await sql(
        `CREATE OR REPLACE FUNCTION late() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM ${gate.wait}; RETURN 1/0; END $$`,
      );
      await gate.open();
      await replace(editor, '1/0', 'late()');
      assert.deepEqual(problems(editor.document), []);
      cursorAt(editor, 'late()');
      const late = await fails(editor);
      assert.match(late.message, /CONTEXT: .*late\(\)/s);
      await gate.close();
      // The same text again would count as a double click.
      await replace(editor, 'late()', ' late()');
      const again = await vscode.commands.executeCommand<string>('pgBackground.runInBackground');
      assert.deepEqual(problems(editor.document), []);
      await replace(editor, 'late()', 'late() + 1');
      return again;
    });
    assert.equal((await api.waitFor(id)).state, 'failed');
    // Failures are reported in order, so nothing more is reported for the earlier job by then.
    cursorAt(editor, 'nosuch');
    await fails(editor);
    assert.deepEqual(
      problems(editor.document).map(({ range }) => editor.document.getText(range)),
      ['nosuch'],
    );
  });

  it('mark the failed statement of a whole file, even if other parts were edited meanwhile', async () => {
    const { editor, id } = await withGate(place(), async (gate) => {
      const opened = await open(`SELECT ${gate.wait};\n\nSELECT nosuch FROM pg_class;\n`);
      const launched = await vscode.commands.executeCommand<string>('pgBackground.runFileInBackground');
      await reaches(api, launched, 'running');
      await replace(opened, `SELECT ${gate.wait};`, '-- gone\n\nSELECT 1;');
      return { editor: opened, id: launched };
    });
    await api.waitFor(id);
    const problem = await eventually(() => problems(editor.document)[0], 'the problem');
    assert.equal(editor.document.getText(problem.range), 'nosuch');
  });

  it('offer to run again with a longer timeout', async () => {
    const editor = await open('-- timeout: 100ms\nSELECT pg_sleep(60);\n');
    cursorAt(editor, 'pg_sleep');
    const problem = await fails(editor);
    assert.equal(problem.code, '57014');
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      editor.document.uri,
      problem.range,
    );
    const action = actions.find(({ title }) => title === 'Run Again with a Longer statement_timeout…');
    assert.equal(action?.command?.command, 'pgBackground.rerunJobWithTimeout');
  });

  it('offer to run the right job again for each of several timeouts', async () => {
    const editor = await open('-- timeout: 100ms\nSELECT pg_sleep(60);\n\n-- timeout: 100ms\nSELECT pg_sleep(61);\n');
    for (const seconds of ['60', '61']) {
      cursorAt(editor, `pg_sleep(${seconds})`);
      const job = await run();
      const problem = await eventually(
        () => problems(editor.document).find(({ range }) => editor.document.getText(range).includes(seconds)),
        'the problem',
      );
      const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
        'vscode.executeCodeActionProvider',
        editor.document.uri,
        problem.range,
      );
      const jobs = actions
        .map(({ command }) => command)
        .filter((command) => command?.command.startsWith('pgBackground.'));
      assert.deepEqual(
        jobs.map((command) => command?.arguments),
        [[job.id]],
      );
    }
  });
});
