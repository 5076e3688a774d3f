import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import * as vscode from 'vscode';
import type { JobInfo, PgBackgroundApi } from '../../src/api';
import { withGate } from '../gate';
import { closeAll, eventually, open, problems } from './editorSupport';
import { Stubs } from './stubs';
import { activate, place, reaches, sql } from './support';

/** A task in tasks.json. */
interface Entry {
  readonly label: string;
  readonly [property: string]: unknown;
}

describe('tasks', () => {
  const stubs = new Stubs();
  let api: PgBackgroundApi;
  let folder: vscode.WorkspaceFolder;

  before(async () => {
    api = await activate();
    const [first] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(first);
    folder = first;
  });

  afterEach(async () => {
    stubs.restore();
    for (const terminal of vscode.window.terminals) terminal.dispose();
    await closeAll();
  });

  /** Writes tasks.json, and returns its task with this name as VS Code reads it. */
  async function configured(
    name: string,
    tasks: readonly Entry[],
    inputs: readonly object[] = [],
  ): Promise<vscode.Task> {
    const types = tasks.map((task) => ({ type: 'pgbg', ...task }));
    const text = JSON.stringify({ version: '2.0.0', tasks: types, inputs });
    await vscode.workspace.fs.writeFile(vscode.Uri.joinPath(folder.uri, '.vscode/tasks.json'), Buffer.from(text));
    const given = Object.entries(types.find(({ label }) => label === name) ?? {}).filter(
      ([key]) => key !== 'dependsOn',
    );
    return eventually(async () => {
      const found = await vscode.tasks.fetchTasks({ type: 'pgbg' });
      return found.find(({ definition }) => given.every(([key, value]) => isDeepStrictEqual(definition[key], value)));
    }, `the task ${name}`);
  }

  async function write(name: string, text: string): Promise<vscode.Uri> {
    const uri = vscode.Uri.joinPath(folder.uri, name);
    await vscode.workspace.fs.writeFile(uri, Buffer.from(text));
    return uri;
  }

  /** Resolves with the exit code of the next process of a task. */
  function ends(name: string): Promise<number | undefined> {
    return new Promise((resolve) => {
      const listener = vscode.tasks.onDidEndTaskProcess(({ execution, exitCode }) => {
        if (execution.task.name !== name) return;
        listener.dispose();
        resolve(exitCode);
      });
    });
  }

  /** Executes a task. @returns its exit code, and the jobs that it has launched */
  async function execute(task: vscode.Task): Promise<{ code: number | undefined; jobs: readonly JobInfo[] }> {
    const known = new Set(api.jobs().map(({ id }) => id));
    const ended = ends(task.name);
    await vscode.tasks.executeTask(task);
    return { code: await ended, jobs: api.jobs().filter(({ id }) => !known.has(id)) };
  }

  /** Executes a task whose job runs until a gate opens. Calls `act` while the job runs. */
  async function whileRunning(label: string, act: (job: JobInfo) => Promise<void>): Promise<JobInfo> {
    return withGate(place(), async (gate) => {
      const task = await configured(label, [{ label, sql: `SELECT ${gate.wait}` }]);
      await vscode.tasks.executeTask(task);
      const { id } = await eventually(() => api.jobs().find((job) => job.label === label), 'the job');
      await act(await reaches(api, id, 'running'));
      await gate.open();
      return api.waitFor(id);
    });
  }

  /** The problems of documents with this name, as `name:line: text`. Other tests leave those of other documents. */
  function problemsOf(document: string): string[] {
    return vscode.languages
      .getDiagnostics()
      .filter(([uri]) => uri.path.endsWith(`/${document}`))
      .flatMap(([, found]) => found.filter(({ source }) => source === 'pg_background'))
      .map(({ range, message }) => `${document}:${range.start.line + 1}: ${message}`);
  }

  it('run a file, with the label of the task, and with values for variables', async () => {
    await write(
      'run.sql',
      "-- label: of the file\nSELECT :'day' AS day, :n + 1 AS n, :none AS none, :'asked' AS asked\n",
    );
    stubs.register('pgbgTest.answer', () => 'O’Neil');
    const variables = { day: '${workspaceFolderBasename}', n: 41, none: null, asked: '${input:asked}' };
    const file = '${workspaceFolder}/run.sql';
    const { code, jobs } = await execute(
      await configured(
        'nightly',
        [{ label: 'nightly', file, timeout: '5min', variables }],
        [{ id: 'asked', type: 'command', command: 'pgbgTest.answer' }],
      ),
    );
    assert.equal(code, 0);
    const [job] = jobs;
    assert.ok(job);
    assert.deepEqual([job.label, job.state, job.connection], ['nightly', 'succeeded', 'test']);
    assert.deepEqual((await api.rows(job.id, 0, 10)).rows, [['workspace', '42', null, 'O’Neil']]);
  });

  it('show an error of their file in Problems, and remove it in the next run', async () => {
    const name = 'fails.sql';
    await write(name, 'SELECT 1;\nSELECT nosuch FROM pg_class;\n');
    const task = await configured('fails', [{ label: 'fails', file: name }]);
    assert.equal((await execute(task)).code, 1);
    await eventually(
      () => problemsOf(name).includes('fails.sql:2: column "nosuch" does not exist') || undefined,
      'the problem',
    );
    // As a task before it would write the file: the document changes only when VS Code's watcher notices it.
    await write(name, 'SELECT 1;\nSELECT relname FROM pg_class LIMIT 3;\n');
    const again = await execute(task);
    assert.equal(again.code, 0);
    assert.deepEqual(
      again.jobs.map(({ rowCount }) => rowCount),
      [3],
    );
    assert.deepEqual(problemsOf(name), []);
  });

  it('show an error of the SQL in tasks.json in Problems, also if it is found before the launch', async () => {
    const task = await configured('from tasks.json', [{ label: 'from tasks.json', sql: 'SELECT 1,\n  nosuch' }]);
    assert.equal((await execute(task)).code, 1);
    await eventually(
      () =>
        problemsOf('from tasks.json.sql').includes('from tasks.json.sql:2: column "nosuch" does not exist') ||
        undefined,
      'the problem',
    );
    const broken = await configured('from tasks.json', [{ label: 'from tasks.json', sql: 'SELECT 1;\n\nBEGIN' }]);
    const { code, jobs } = await execute(broken);
    assert.deepEqual([code, jobs], [1, []]);
    assert.equal(problemsOf('from tasks.json.sql').length, 1);
    assert.match(problemsOf('from tasks.json.sql')[0] ?? '', /^from tasks\.json\.sql:3: /);
  });

  it('depend on each other: the next one runs only if the one before has succeeded', async () => {
    await sql('DROP TABLE IF EXISTS task_steps');
    const steps = [
      { label: 'first step', sql: 'CREATE TABLE task_steps AS SELECT 7 AS n' },
      { label: 'second step', sql: 'INSERT INTO task_steps SELECT n + 1 FROM task_steps', dependsOn: 'first step' },
    ];
    const second = await configured('second step', steps);
    assert.equal((await execute(second)).code, 0);
    assert.deepEqual(await sql('SELECT n FROM task_steps ORDER BY n'), [[7], [8]]);
    // The table exists now.
    const failed = ends('first step');
    const stopped = new Promise<void>((resolve) => {
      const listener = vscode.tasks.onDidEndTask(({ execution }) => {
        if (execution.task.name !== 'first step') return;
        listener.dispose();
        resolve();
      });
    });
    await vscode.tasks.executeTask(second);
    assert.equal(await failed, 1);
    await stopped;
    assert.equal((await execute(await configured('later', [{ label: 'later', sql: 'SELECT 1' }]))).code, 0);
    assert.deepEqual(await sql('SELECT n FROM task_steps ORDER BY n'), [[7], [8]]);
  });

  it('run each statement of a file as a batch, and fail if one of them fails', async () => {
    const file = 'each.sql';
    await write(file, 'SELECT 1;\nSELECT 1/0;\nSELECT 3;\n');
    const all = { label: 'each', file, batch: { parallel: 1, onFailure: 'continue' } };
    const { code, jobs } = await execute(await configured('each', [all]));
    assert.equal(code, 1);
    assert.deepEqual(
      jobs.map(({ state, batch }) => [state, batch?.label, batch?.index]),
      [
        ['succeeded', 'each', 0],
        ['failed', 'each', 1],
        ['succeeded', 'each', 2],
      ],
    );
    const { document } = await vscode.window.showTextDocument(vscode.Uri.joinPath(folder.uri, file));
    const problem = await eventually(() => problems(document)[0], 'the problem');
    assert.equal(document.getText(problem.range), 'SELECT 1/0');
  });

  it('are canceled with Ctrl+C in their terminal', async () => {
    const ended = ends('stops');
    const job = await whileRunning('stops', async () => {
      await vscode.commands.executeCommand('workbench.action.terminal.focus');
      await vscode.commands.executeCommand('workbench.action.terminal.sendSequence', { text: '\x03' });
      assert.equal(await ended, 1);
    });
    assert.equal(job.state, 'canceled');
  });

  it('go on when their terminal is closed, unless the user cancels the job', async () => {
    const answers: (string | undefined)[] = ['Cancel Job', 'Keep Running'];
    const asked: unknown[][] = [];
    stubs.stub(vscode.window, 'showWarningMessage', (...question: unknown[]) => {
      asked.push(question);
      return Promise.resolve(answers.pop());
    });
    const close = async (): Promise<void> => {
      const { length } = asked;
      for (const execution of vscode.tasks.taskExecutions) execution.terminate();
      await eventually(() => (asked.length > length ? true : undefined), 'the question');
    };
    assert.equal((await whileRunning('kept', close)).state, 'succeeded');
    assert.deepEqual(asked, [
      ['The terminal of the task “kept” is closed. Its job keeps running.', {}, 'Keep Running', 'Cancel Job'],
    ]);
    const canceled = await whileRunning('given up', async (job) => {
      await close();
      await reaches(api, job.id, 'canceled');
    });
    assert.equal(canceled.state, 'canceled');
  });

  it('ask before they run on a production connection, and launch nothing if the user declines', async () => {
    const configuration = vscode.workspace.getConfiguration('pgBackground');
    const [own] = configuration.get<readonly object[]>('connections', []);
    const connections = [own, { ...own, name: 'live for tasks', production: true }];
    const asked: unknown[] = [];
    stubs.stub(vscode.window, 'showWarningMessage', (text: string) => {
      asked.push(text);
      return Promise.resolve(undefined);
    });
    await configuration.update('connections', connections, vscode.ConfigurationTarget.Workspace);
    try {
      const task = await configured('on live', [{ label: 'on live', sql: 'SELECT 1', connection: 'live for tasks' }]);
      const { code, jobs } = await execute(task);
      assert.deepEqual([code, jobs], [1, []]);
      assert.deepEqual(asked, ['Run on the production connection “live for tasks”?']);
    } finally {
      await configuration.update('connections', [own], vscode.ConfigurationTarget.Workspace);
    }
  });

  it('launch nothing if their definition is invalid', async () => {
    for (const [label, invalid] of Object.entries({
      neither: {},
      both: { file: 'a.sql', sql: 'SELECT 1' },
      'no duration': { sql: 'SELECT 1', timeout: 'soon' },
      'no connection': { sql: 'SELECT 1', connection: 'nowhere' },
      'no file': { file: 'nosuch.sql' },
    })) {
      const { code, jobs } = await execute(await configured(label, [{ label, ...invalid }]));
      assert.deepEqual([code, jobs], [1, []], label);
    }
  });

  it('are offered for the SQL files that are open, and can be rerun', async () => {
    const { document } = await open('SELECT 5 AS five');
    const file = vscode.workspace.asRelativePath(document.uri, false);
    const task = await eventually(
      async () => (await vscode.tasks.fetchTasks({ type: 'pgbg' })).find(({ name }) => name === file),
      'the task',
    );
    assert.deepEqual({ ...task.definition }, { type: 'pgbg', file });
    assert.equal((await execute(task)).code, 0);
    const again = ends(file);
    await vscode.commands.executeCommand('workbench.action.tasks.reRunTask');
    assert.equal(await again, 0);
    assert.equal(api.jobs().filter(({ label }) => label === file).length, 2);
  });
});
