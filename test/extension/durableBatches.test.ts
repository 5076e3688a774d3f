import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { JobInfo, PgBackgroundApi } from '../../src/api';
import { withGate } from '../gate';
import { Dialogs, DurableDatabase } from './durableSupport';
import { closeAll, cursorAt, eventually, launchedBy, open, set } from './editorSupport';
import { activate, databaseUrl, reaches } from './support';

const states = (jobs: readonly JobInfo[]): readonly string[] => jobs.map(({ state }) => state);

describe('durable batches', () => {
  let api: PgBackgroundApi;
  let database: DurableDatabase;

  before(async () => {
    api = await activate();
    database = await DurableDatabase.create();
    await eventually(() => api.connections().find(({ name }) => name === database.name), 'the connection');
    await api.setUpDurableJobs(database.name);
    await set('onStatementFailure', 'stop');
  });
  afterEach(() => closeAll());
  after(async () => {
    await set('onStatementFailure', undefined);
    await vscode.commands.executeCommand('pgBackground.clearFinishedJobs');
    await database.drop();
  });

  const ended = (jobs: readonly JobInfo[]): Promise<JobInfo[]> => Promise.all(jobs.map(({ id }) => api.waitFor(id)));
  const place = (): { connectionString: string } => {
    const url = new URL(databaseUrl());
    url.pathname = `/${database.name}`;
    return { connectionString: url.href };
  };

  it('run on the server, and their jobs show their place, state, and reason', async () => {
    const statements = ['CREATE TABLE made (n int)', 'INSERT INTO made VALUES (1)', 'SELECT 1/0', 'SELECT * FROM made'];
    const request = { statements, connection: database.name, label: 'load', durable: true };
    const jobs = await api.runBatch(request);
    assert.deepEqual(
      jobs.map(({ sql, durable, origin, batch }) => [sql, durable, origin, batch]),
      statements.map((sql, index) => [sql, true, 'server', { id: jobs[0]!.batch!.id, label: 'load', index, count: 4 }]),
    );
    const all = await ended(jobs);
    assert.deepEqual(states(all), ['succeeded', 'succeeded', 'failed', 'canceled']);
    assert.match(all[3]!.reason ?? '', /^Not launched, because “SELECT .*” failed\.$/);
    assert.equal(all[3]!.launchedAt, undefined);
  });

  it('wait as “queued”, and are canceled with one command', async () => {
    await withGate(place(), async (gate) => {
      const jobs = await api.runBatch({
        statements: [`SELECT ${gate.wait}`, 'SELECT 2', 'SELECT 3'],
        connection: database.name,
        durable: true,
      });
      await reaches(api, jobs[0]!.id, 'running');
      assert.deepEqual(states(api.jobs().filter(({ id }) => id === jobs[1]!.id)), ['queued']);
      const dialogs = new Dialogs();
      dialogs.stub(vscode.window, 'showWarningMessage', (_: string, __: unknown, ...buttons: vscode.MessageItem[]) =>
        Promise.resolve(buttons.find(({ title }) => title === 'Cancel 3 Jobs')),
      );
      try {
        await vscode.commands.executeCommand('pgBackground.cancelBatch', jobs[0]!.id);
      } finally {
        dialogs.restore();
      }
      assert.deepEqual(states(await ended(jobs)), ['canceled', 'canceled', 'canceled']);
    });
  });

  it('run each statement of an editor that says so, and again what failed, with the settings of those before', async () => {
    await database.query('CREATE SCHEMA again');
    const head = `-- connection: ${database.name}\n-- durable: yes\n`;
    const texts = ['SET search_path TO again', 'SELECT n FROM later', "SELECT current_setting('search_path') AS path"];
    await open(texts.map((text) => `${head}${text};\n`).join(''));
    const jobs = await launchedBy(api, 'pgBackground.runEachStatementInBackground');
    assert.deepEqual(
      jobs.map(({ durable }) => durable),
      [true, true, true],
    );
    assert.deepEqual(states(await ended(jobs)), ['succeeded', 'failed', 'canceled']);
    await database.query('CREATE TABLE again.later (n int); INSERT INTO again.later VALUES (7)');
    const repeated = await launchedBy(api, 'pgBackground.rerunFailedOfBatch', jobs[0]!.id);
    assert.deepEqual(states(await ended(repeated)), ['succeeded', 'succeeded']);
    assert.deepEqual((await api.rows(repeated[0]!.id, 0, 1)).rows, [['7']]);
    assert.deepEqual((await api.rows(repeated[1]!.id, 0, 1)).rows, [['again']]);
    assert.deepEqual(
      repeated.map(({ durable, batch }) => [durable, batch?.count]),
      [
        [true, 2],
        [true, 2],
      ],
    );
  });

  it('are refused, and nothing runs, if only some statements are durable, or one does not parse', async () => {
    const before = api.jobs().length;
    await open(
      `-- connection: ${database.name}\n-- durable: yes\nSELECT 1;\n-- connection: ${database.name}\nSELECT 2;\n`,
    );
    const dialogs = new Dialogs();
    try {
      await vscode.commands.executeCommand('pgBackground.runEachStatementInBackground');
    } finally {
      dialogs.restore();
    }
    assert.match(dialogs.errors[0]?.message ?? '', /^Only some of these statements are durable/);
    await assert.rejects(
      api.runBatch({ statements: ['SELECT 1', 'SELECT\nFROM;'], connection: database.name, durable: true }),
      /statement 2 of the batch, “.*”, cannot run \(line 2 of its text\)\. The server reports: syntax error/,
    );
    assert.equal(api.jobs().length, before);
  });

  it('run after a durable job, on the server, as a batch of two', async () => {
    const { id } = await withGate(place(), async (gate) => {
      const job = await api.run({ sql: `SELECT ${gate.wait}`, connection: database.name, durable: true });
      await reaches(api, job.id, 'running');
      const editor = await open(`-- connection: ${database.name}\nSELECT 2 AS two;\n`);
      cursorAt(editor, 'two');
      const dialogs = new Dialogs();
      const answers = ['SQL in the editor', 'Only if it succeeds'];
      dialogs.stub(vscode.window, 'showQuickPick', (items: readonly vscode.QuickPickItem[]) => {
        const answer = answers.shift();
        return Promise.resolve(items.find(({ label }) => label === answer));
      });
      try {
        await vscode.commands.executeCommand('pgBackground.runAfterJob', job.id);
      } finally {
        dialogs.restore();
      }
      const after = api.jobs().find(({ batch }) => batch?.id === job.id)!;
      assert.deepEqual([after.state, after.durable, after.batch?.index, after.batch?.count], ['queued', true, 1, 2]);
      return after;
    });
    assert.equal((await api.waitFor(id)).state, 'succeeded');
  });
});
