import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { JobInfo, PgBackgroundApi } from '../../src/api';
import { withGate } from '../gate';
import { closeAll, cursorAt, eventually, launchedBy, lenses, open, problems, replace, set } from './editorSupport';
import { activate, openSql, place, reaches, sql } from './support';

const THREE = `-- the first one
SELECT 'one' AS n;

-- label: number two
SELECT 'two' AS n;

SELECT
  'three' AS n;
`;

describe('SQL in the editor', () => {
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

  describe('run', () => {
    it('runs the statement at the cursor, the third of a file', async () => {
      const editor = await open(THREE);
      cursorAt(editor, "'three'");
      const job = await run();
      assert.equal(job.sql, "SELECT\n  'three' AS n");
      assert.deepEqual((await api.rows(job.id, 0, 9)).rows, [['three']]);
    });

    it('runs what was selected when the command was called, and not what the user selected right after', async () => {
      const editor = await open(THREE);
      cursorAt(editor, "'three'");
      const launched = vscode.commands.executeCommand<string | undefined>('pgBackground.runInBackground');
      cursorAt(editor, "'one'");
      const id = await launched;
      assert.ok(id, 'a job was launched');
      assert.deepEqual((await api.rows((await api.waitFor(id)).id, 0, 9)).rows, [['three']]);
    });

    it('runs what was selected also if another editor was opened right after', async () => {
      const editor = await open(THREE);
      cursorAt(editor, "'three'");
      const launched = vscode.commands.executeCommand<string | undefined>('pgBackground.runInBackground');
      await open("SELECT 'four' AS n");
      const id = await launched;
      assert.ok(id, 'a job was launched');
      assert.deepEqual((await api.rows((await api.waitFor(id)).id, 0, 9)).rows, [['three']]);
    });

    it('runs a statement with the cursor in its comments, with the label there', async () => {
      const editor = await open(THREE);
      cursorAt(editor, 'label:');
      const job = await run();
      assert.deepEqual([job.label, job.rowCount], ['number two', 1]);
    });

    it('runs each of several selections as a separate job', async () => {
      const editor = await open(THREE);
      editor.selections = [
        new vscode.Selection(1, 0, 1, 18),
        new vscode.Selection(2, 0, 2, 0),
        new vscode.Selection(6, 0, 7, 14),
      ];
      const jobs = await launchedBy(api, 'pgBackground.runInBackground');
      assert.deepEqual(
        jobs.map(({ sql: text }) => text),
        ["SELECT 'one' AS n;", "SELECT\n  'three' AS n"],
      );
    });

    it('runs each statement once for several cursors', async () => {
      const editor = await open(THREE);
      editor.selections = [1, 1, 4].map((line, index) => new vscode.Selection(line, index, line, index));
      const jobs = await launchedBy(api, 'pgBackground.runInBackground');
      assert.deepEqual(
        jobs.map(({ label }) => label),
        ['SELECT … AS n', 'number two'],
      );
    });

    it('runs nothing if there is no statement', async () => {
      const editor = await open('SELECT 1;\n\n\n-- only a comment\n');
      editor.selection = new vscode.Selection(2, 0, 2, 0);
      assert.deepEqual(await launchedBy(api, 'pgBackground.runInBackground'), []);
    });

    it('refuses, marks, and selects SQL that cannot work, and removes the mark on an edit', async () => {
      const editor = await open('SELECT 1;\n\nCOMMIT;\n');
      cursorAt(editor, 'COMMIT');
      assert.deepEqual(await launchedBy(api, 'pgBackground.runInBackground'), []);
      const [problem] = problems(editor.document);
      assert.match(problem!.message, /^COMMIT cannot run in a worker/);
      assert.equal(problem!.range.start.line, 2);
      assert.equal(editor.document.getText(editor.selection), 'COMMIT');
      await replace(editor, 'COMMIT', 'SELECT 2');
      assert.deepEqual(problems(editor.document), []);
    });

    it('runs a whole file as one transaction', async () => {
      const editor = await open("SELECT pg_current_xact_id() AS a;\nSELECT 'last' AS b;\n");
      const [job] = await launchedBy(api, 'pgBackground.runFileInBackground');
      assert.equal(job!.sql, editor.document.getText());
      assert.deepEqual((await api.rows(job!.id, 0, 9)).rows, [['last']]);
    });

    it('runs unsaved text as the editor shows it', async () => {
      const editor = await openSql("SELECT 'untitled' AS n;\n");
      await editor.edit((edit) => edit.insert(new vscode.Position(1, 0), "SELECT 'typed' AS n;\n"));
      cursorAt(editor, 'typed');
      const typed = await run();
      assert.deepEqual((await api.rows(typed.id, 0, 9)).rows, [['typed']]);
      const [whole] = await launchedBy(api, 'pgBackground.runFileInBackground');
      assert.equal(whole!.sql, editor.document.getText());
      await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
      const saved = await open("SELECT 'saved' AS n;\n");
      await replace(saved, 'saved', 'unsaved');
      const [unsaved] = await launchedBy(api, 'pgBackground.runFileInBackground', saved.document.uri, [
        saved.document.uri,
      ]);
      assert.deepEqual((await api.rows(unsaved!.id, 0, 9)).rows, [['unsaved']]);
    });

    it('shows lenses in SQL cells of a notebook that run them', async () => {
      const cell = new vscode.NotebookCellData(vscode.NotebookCellKind.Code, "SELECT 'cell' AS n;\nSELECT 2;", 'sql');
      const notebook = await vscode.workspace.openNotebookDocument('jupyter-notebook', new vscode.NotebookData([cell]));
      await vscode.window.showNotebookDocument(notebook);
      const found = await lenses(notebook.cellAt(0).document);
      assert.deepEqual(
        found.map(({ line }) => line),
        [0, 1],
      );
      const { command, arguments: args = [] } = found[0]!.lens.command!;
      const [job] = await launchedBy(api, command, ...(args as unknown[]));
      assert.deepEqual((await api.rows(job!.id, 0, 9)).rows, [['cell']]);
      await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    });

    it('skips psql commands of a script, or refuses those that change its meaning', async () => {
      const editor = await open("\\set ON_ERROR_STOP on\nSELECT 'one' AS n \\g\n\\echo done\n");
      const [job] = await launchedBy(api, 'pgBackground.runFileInBackground');
      assert.deepEqual((await api.rows(job!.id, 0, 9)).rows, [['one']]);
      await replace(editor, '\\echo done', '\\connect other');
      for (const command of ['pgBackground.runFileInBackground', 'pgBackground.runEachStatementInBackground']) {
        assert.deepEqual(await launchedBy(api, command), [], command);
        const [problem, ...more] = problems(editor.document);
        assert.deepEqual([editor.document.getText(problem!.range), more], ['\\connect other', []]);
        assert.match(problem!.message, /^This is a psql command/);
      }
    });

    it('runs each file of the explorer as one job', async () => {
      const folder = vscode.workspace.workspaceFolders![0]!.uri;
      const uris = ['a.sql', 'b.sql'].map((name) => vscode.Uri.joinPath(folder, name));
      for (const [index, uri] of uris.entries()) {
        await vscode.workspace.fs.writeFile(uri, Buffer.from(`SELECT ${index} AS file;`));
      }
      const jobs = await launchedBy(api, 'pgBackground.runFileInBackground', uris[0], uris);
      assert.deepEqual(
        jobs.map(({ label, state }) => [label, state]),
        [
          ['a.sql', 'succeeded'],
          ['b.sql', 'succeeded'],
        ],
      );
    });
  });

  describe('each statement', () => {
    const text =
      'CREATE TABLE each_one (n int);\nINSERT INTO each_one VALUES (1);\nSELECT nosuch;\nINSERT INTO each_one VALUES (2);\n';

    beforeEach(() => sql('DROP TABLE IF EXISTS each_one'));
    afterEach(() => set('onStatementFailure', undefined));

    it('runs in order and stops at the first failure', async () => {
      await set('onStatementFailure', 'stop');
      const editor = await open(text);
      const jobs = await launchedBy(api, 'pgBackground.runEachStatementInBackground');
      assert.deepEqual(
        jobs.map(({ state }) => state),
        ['succeeded', 'succeeded', 'failed', 'canceled'],
      );
      assert.equal(jobs[3]!.reason, 'Not launched, because “SELECT nosuch” failed.');
      assert.deepEqual(await sql('SELECT n FROM each_one'), [[1]]);
      const [problem] = await eventually(() => {
        const found = problems(editor.document);
        return found.length > 0 ? found : undefined;
      }, 'the problem');
      assert.equal(problem!.range.start.line, 2);
    });

    it('continues after a failure if so configured', async () => {
      await set('onStatementFailure', 'continue');
      await open(text);
      const jobs = await launchedBy(api, 'pgBackground.runEachStatementInBackground');
      assert.deepEqual(
        jobs.map(({ state }) => state),
        ['succeeded', 'succeeded', 'failed', 'succeeded'],
      );
      assert.deepEqual(await sql('SELECT n FROM each_one ORDER BY n'), [[1], [2]]);
    });
  });

  it('allows edits while statements wait for the previous one', async () => {
    await set('onStatementFailure', 'continue');
    try {
      const { editor, all } = await withGate(place(), async (gate) => {
        const opened = await open(`SELECT ${gate.wait};\nSELECT nosuch FROM pg_class;\n`);
        const before = new Set(api.jobs().map(({ id }) => id));
        const command = vscode.commands.executeCommand('pgBackground.runEachStatementInBackground');
        const first = await eventually(() => api.jobs().find(({ id }) => !before.has(id)), 'the first job');
        await reaches(api, first.id, 'running');
        await opened.edit((edit) => edit.insert(new vscode.Position(0, 0), '-- a new line\n\n\n'));
        return { editor: opened, all: command };
      });
      await all;
      const problem = await eventually(() => problems(editor.document)[0], 'the problem');
      assert.equal(editor.document.getText(problem.range), 'nosuch');
      const failed = (await lenses(editor.document)).find(({ title }) => title.startsWith('✗'));
      assert.equal(failed?.line, 4);
    } finally {
      await set('onStatementFailure', undefined);
    }
  });

  describe('lenses', () => {
    it('can be disabled for one language', async () => {
      const editor = await open(THREE);
      const of = (languageId: string): vscode.WorkspaceConfiguration =>
        vscode.workspace.getConfiguration('pgBackground', { languageId });
      try {
        await of('plaintext').update('codeLens', false, vscode.ConfigurationTarget.Global, true);
        assert.equal((await lenses(editor.document)).length, 3);
        await of('sql').update('codeLens', false, vscode.ConfigurationTarget.Global, true);
        assert.deepEqual(await lenses(editor.document), []);
      } finally {
        await of('sql').update('codeLens', undefined, vscode.ConfigurationTarget.Global, true);
        await of('plaintext').update('codeLens', undefined, vscode.ConfigurationTarget.Global, true);
      }
    });

    it('run a statement that has moved since the lens was drawn', async () => {
      const editor = await open('SELECT 1 AS one;\nSELECT 2 AS two;\n');
      const [, stale] = await lenses(editor.document);
      const { command, arguments: args = [] } = stale!.lens.command!;
      await replace(editor, 'SELECT 1', '-- another line\nSELECT 1, 1');
      const id = await vscode.commands.executeCommand<string>(command, ...(args as unknown[]));
      assert.equal((await api.waitFor(id)).sql, 'SELECT 2 AS two');
      // Also a statement that was edited: the user sees its current text.
      await replace(editor, '2 AS two', '22 AS two');
      const again = await vscode.commands.executeCommand<string>(command, ...(args as unknown[]));
      assert.equal((await api.waitFor(again)).sql, 'SELECT 22 AS two');
    });

    it('are above each statement and run it', async () => {
      const editor = await open(THREE);
      const found = await lenses(editor.document);
      assert.deepEqual(
        found.map(({ line, title }) => [line, title]),
        [1, 4, 6].map((line) => [line, 'Run in Background']),
      );
      const { command, arguments: args = [] } = found[2]!.lens.command!;
      const [job] = await launchedBy(api, command, ...(args as unknown[]));
      assert.equal(job!.sql, "SELECT\n  'three' AS n");
      const after = await eventually(async () => {
        const now = await lenses(editor.document);
        return now.find(({ title }) => title.startsWith('✓'));
      }, 'the outcome');
      assert.equal(after.line, 6);
      assert.match(after.title, /^✓ 1 row · [\d.]+ m?s — Show Results$/);
    });

    it('change with the job and follow their statement while the text is edited', async () => {
      const editor = await open(`SELECT 'before';\n\nSELECT pg_sleep(100), 'slow';\n\nSELECT 'behind';\n`);
      cursorAt(editor, 'slow');
      const id = await vscode.commands.executeCommand<string>('pgBackground.runInBackground');
      await reaches(api, id, 'running');
      const running = await eventually(
        async () => (await lenses(editor.document)).find(({ title }) => /^Cancel · \d\d:\d\d/.test(title)),
        'the running lens',
      );
      assert.equal(running.line, 2);
      await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), '-- a new line\n\n'));
      await replace(editor, "'slow'", "'slower'");
      const moved = (await lenses(editor.document)).find(({ title }) => title.startsWith('Cancel'));
      assert.equal(moved!.line, 4);
      assert.deepEqual(moved!.lens.command!.arguments, [id]);
      await vscode.commands.executeCommand(moved!.lens.command!.command, id);
      assert.equal((await api.waitFor(id)).state, 'canceled');
      const done = await eventually(
        async () => (await lenses(editor.document)).find(({ title }) => title.startsWith('⊘')),
        'the canceled lens',
      );
      assert.match(done.title, /canceled .*edited since$/);
      assert.equal(done.line, 4);
    });

    it('are hidden if the setting is off', async () => {
      const editor = await open(THREE);
      await set('codeLens', false);
      try {
        assert.deepEqual(await lenses(editor.document), []);
      } finally {
        await set('codeLens', undefined);
      }
    });
  });

  describe('options', () => {
    it('are set by comments', async () => {
      const editor = await open(
        "-- label: with options\n-- timeout: 7s\n-- queue-size: 256kB\nSELECT current_setting('statement_timeout');\n",
      );
      cursorAt(editor, 'current_setting');
      const job = await run();
      assert.equal(job.label, 'with options');
      assert.deepEqual((await api.rows(job.id, 0, 1)).rows, [['7s']]);
    });

    it('store the rows in a table, which another job reads', async () => {
      const editor = await open(
        '-- into: public."Stored rows"\nSELECT generate_series(1, 3) AS n;\n\nSELECT sum(n) FROM "Stored rows";\n',
      );
      cursorAt(editor, 'generate_series');
      assert.equal((await run()).rowCount, 3);
      cursorAt(editor, 'sum');
      assert.deepEqual((await api.rows((await run()).id, 0, 1)).rows, [['6']]);
    });

    it('are completed and described in comments', async () => {
      const editor = await open('-- ti\n-- connection:\nSELECT 1;\n');
      const complete = async (line: number, character: number): Promise<(string | vscode.CompletionItemLabel)[]> => {
        const list = await vscode.commands.executeCommand<vscode.CompletionList>(
          'vscode.executeCompletionItemProvider',
          editor.document.uri,
          new vscode.Position(line, character),
        );
        return list.items.map(({ label }) => label);
      };
      assert.ok((await complete(0, 5)).includes('timeout'));
      assert.ok((await complete(1, 14)).includes('test'));
      const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
        'vscode.executeHoverProvider',
        editor.document.uri,
        new vscode.Position(1, 6),
      );
      const texts = hovers.flatMap(({ contents }) => contents as vscode.MarkdownString[]).map(({ value }) => value);
      assert.ok(
        texts.some((text) => text.includes('connection to run on')),
        texts.join('\n'),
      );
    });

    it('include a connection per file', async () => {
      await api.addConnection({ name: 'unreachable', host: '127.0.0.1', port: 9 });
      await set('defaultConnection', 'unreachable');
      try {
        const editor = await open('SELECT 1;\n');
        await vscode.commands.executeCommand('pgBackground.setFileConnection', 'test');
        cursorAt(editor, '1');
        assert.deepEqual([(await run()).connection, api.jobs().at(-1)!.state], ['test', 'succeeded']);
      } finally {
        await set('defaultConnection', undefined);
        const configuration = vscode.workspace.getConfiguration('pgBackground');
        await configuration.update('connections', undefined, vscode.ConfigurationTarget.Global);
      }
    });
  });

  it('has key bindings that no other command uses in an editor', async () => {
    const document = await vscode.workspace.openTextDocument(
      vscode.Uri.parse('vscode://defaultsettings/keybindings.json'),
    );
    const others = [...document.getText().matchAll(/\{[^{}]*?"key":\s*"shift\+alt\+[br]"[^{}]*\}/g)]
      .map(([entry]) => entry)
      .filter((entry) => !entry.includes('pgBackground.') && !entry.includes('!editorFocus'));
    assert.ok(document.getText().includes('"key"'), 'VS Code’s key bindings were read');
    assert.deepEqual(others, []);
  });
});
