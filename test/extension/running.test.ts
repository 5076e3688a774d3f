import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from '../../src/api';
import { withGate } from '../gate';
import { activate, openSql, place, reaches, sleeps, sql } from './support';

describe('running jobs', () => {
  let api: PgBackgroundApi;

  before(async () => {
    api = await activate();
  });

  it('runInBackground accepts a request from code and resolves to the job’s id', async () => {
    const id = await vscode.commands.executeCommand<string>('pgBackground.runInBackground', {
      sql: 'SELECT g AS n, NULL::text AS nothing FROM generate_series(1, 3) AS g',
      label: 'from code',
    });
    const job = await api.waitFor(id);
    assert.deepEqual([job.state, job.label, job.rowCount, job.connection], ['succeeded', 'from code', 3, 'test']);
    const page = await api.rows(id, 1, 10);
    assert.deepEqual(page, {
      columns: [
        { name: 'n', type: 'integer' },
        { name: 'nothing', type: 'text' },
      ],
      rows: [
        ['2', null],
        ['3', null],
      ],
    });
  });

  it('runInBackground runs the selection in the editor', async () => {
    const editor = await openSql("SELECT 'first';\nSELECT 'second' AS picked;\n");
    editor.selection = new vscode.Selection(1, 0, 1, 25);
    const id = await vscode.commands.executeCommand<string>('pgBackground.runInBackground');
    assert.equal((await api.waitFor(id)).state, 'succeeded');
    assert.deepEqual((await api.rows(id, 0, 10)).rows, [['second']]);
  });

  it('takes the label from a leading comment, or else from the SQL', async () => {
    const named = await api.run({ sql: '-- label: nightly report\nSELECT 1' });
    const unnamed = await api.run({ sql: '\n  SELECT   2\n' });
    assert.equal(named.label, 'nightly report');
    assert.equal(unnamed.label, 'SELECT …');
  });

  it('keeps the worker’s messages with their severity', async () => {
    const { id } = await api.run({ sql: "DO $$ BEGIN RAISE NOTICE 'hello'; RAISE WARNING 'careful'; END $$" });
    await api.waitFor(id);
    assert.deepEqual(
      api.notices(id).map(({ severity, message }) => [severity, message]),
      [
        ['NOTICE', 'hello'],
        ['WARNING', 'careful'],
      ],
    );
  });

  it('keeps the server’s error of a failed query with its position', async () => {
    const text = 'SELECT nosuch FROM pg_class';
    const job = await api.waitFor((await api.run({ sql: text })).id);
    assert.equal(job.state, 'failed');
    assert.equal(job.error?.sqlstate, '42703');
    assert.equal(job.error.position, text.indexOf('nosuch'));
  });

  it('cancels a cooperative worker, which the server then no longer lists', async () => {
    const { id } = await api.run({ sql: 'SELECT pg_sleep(120)', label: 'to cancel' });
    const running = await reaches(api, id, 'running');
    // The server's activity view shows a worker some milliseconds after its launch.
    let worker;
    while (!worker) worker = (await api.workers('test')).find(({ pid }) => pid === running.pid);
    assert.equal(worker.jobId, id);
    assert.equal(await api.cancel(id), 'stopped');
    assert.equal((await api.waitFor(id)).state, 'canceled');
    const left = await sql(
      `SELECT 1 FROM pg_stat_activity WHERE pid = ${running.pid!} AND backend_type = 'pg_background'`,
    );
    assert.deepEqual(left, []);
  });

  it('lists a worker that ignores the cancel as unresponsive until it ends', async () => {
    const id = await withGate(place(), async (gate) => {
      const job = await api.run({ sql: gate.swallow });
      await sleeps(api, job.id);
      assert.equal(await api.cancel(job.id, { graceMs: 300 }), 'unresponsive');
      const stuck = api.jobs().find(({ id }) => id === job.id);
      assert.equal(stuck?.state, 'unresponsive');
      assert.match(stuck.reason ?? '', /catches the cancel/);
      return job.id;
    });
    assert.equal((await api.waitFor(id)).state, 'succeeded');
  });

  it('limits the worker by the statement_timeout of its request', async () => {
    const { id } = await api.run({ sql: 'SELECT pg_sleep(60)', statementTimeoutMs: 100 });
    const job = await api.waitFor(id);
    assert.deepEqual([job.state, job.error?.sqlstate], ['failed', '57014']);
  });

  it('refuses SQL that cannot run, with instructions', async () => {
    await assert.rejects(api.run({ sql: '  -- nothing\n' }), /empty|nothing to run|no statement/i);
    await assert.rejects(api.run({ sql: 'SELECT 1', connection: 'nowhere' }), /no connection “nowhere”/);
    await assert.rejects(
      Promise.resolve(vscode.commands.executeCommand('pgBackground.runInBackground', { sql: 'SELECT 1', label: 7 })),
      /“label” must be a string/,
    );
  });

  it('runs a job again and clears finished jobs', async () => {
    const { id } = await api.run({ sql: 'SELECT 1', label: 'once more' });
    await api.waitFor(id);
    const again = await vscode.commands.executeCommand<string>('pgBackground.rerunJob', id);
    assert.notEqual(again, id);
    assert.equal((await api.waitFor(again)).label, 'once more');
    await vscode.commands.executeCommand('pgBackground.clearFinishedJobs');
    assert.equal(
      api.jobs().some((job) => job.id === id || job.id === again),
      false,
    );
  });
});
