import assert from 'node:assert/strict';
import { Client } from 'pg';
import type { JobInfo, PgBackgroundApi } from '../../src/api';
import { withGate } from '../gate';
import { eventually, set } from './editorSupport';
import { activate, databaseUrl, place, reaches, sleeps, sql } from './support';

/** Every member of src/api.ts, used as by another extension. */
describe('public API', () => {
  let api: PgBackgroundApi;

  before(async () => {
    api = await activate();
  });

  it('run resolves with the job as soon as it is listed', async () => {
    const before = Date.now();
    const job = await api.run({ sql: 'SELECT 1', label: 'first', connection: 'test' });
    assert.deepEqual([job.label, job.sql, job.connection, job.origin], ['first', 'SELECT 1', 'test', 'thisWindow']);
    assert.ok(['queued', 'launching'].includes(job.state), job.state);
    assert.ok(job.queuedAt >= before && job.queuedAt <= Date.now());
    assert.deepEqual(
      [job.pid, job.launchedAt, job.finishedAt, job.error],
      [undefined, undefined, undefined, undefined],
    );
    assert.ok(api.jobs().some(({ id }) => id === job.id));
    await api.waitFor(job.id);
  });

  it('run accepts timeouts and a queue size', async () => {
    const limits = await api.waitFor(
      (
        await api.run({
          sql: "SELECT current_setting('statement_timeout'), current_setting('pg_background.worker_timeout')",
          statementTimeoutMs: 61_000,
          workerTimeoutMs: 62_000,
          queueSizeBytes: 1024 * 1024,
        })
      ).id,
    );
    assert.deepEqual((await api.rows(limits.id, 0, 1)).rows[0]?.[1], '62s');
    const refused = await api.waitFor((await api.run({ sql: 'SELECT 1', queueSizeBytes: 1 })).id);
    assert.equal(refused.state, 'failed');
    assert.match(refused.error?.message ?? '', /queue/i);
  });

  it('jobs and onDidChangeJob report every state in order, and progress; a disposed listener is not called', async () => {
    const seen: JobInfo[] = [];
    let callsAfterDispose = 0;
    api.onDidChangeJob(() => callsAfterDispose++).dispose();
    const listener = api.onDidChangeJob((job) => seen.push(job));
    const id = await withGate(place(), async (gate) => {
      const job = await api.run({
        sql: `SELECT pg_background_report_progress(40, 'nearly'); SELECT ${gate.wait}`,
        label: 'reports progress',
      });
      await eventually(
        () => seen.find(({ id, progress }) => id === job.id && progress?.pct === 40 && progress.message === 'nearly'),
        'the progress',
      );
      return job.id;
    });
    const ended = await api.waitFor(id);
    listener.dispose();
    const own = seen.filter((job) => job.id === id);
    const states = own.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1]);
    assert.deepEqual(states, ['queued', 'launching', 'running', 'reading', 'succeeded']);
    assert.equal(callsAfterDispose, 0);
    assert.deepEqual(
      api.jobs().find((job) => job.id === id),
      ended,
    );
    const order = api.jobs().map(({ queuedAt }) => queuedAt);
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
      'oldest first',
    );
  });

  it('waitFor resolves with all facts about how the job ended', async () => {
    // Sleeps for a moment, because the server may not report the pid of a worker that ends at once.
    const good = await api.waitFor(
      (await api.run({ sql: 'SELECT g FROM generate_series(1, 5) AS g, pg_sleep(0.1)' })).id,
    );
    assert.deepEqual([good.state, good.rowCount, good.commandTag, good.reason], ['succeeded', 5, 'SELECT', undefined]);
    assert.ok(good.pid! > 0, JSON.stringify(good));
    assert.ok(good.launchedAt! >= good.queuedAt && good.finishedAt! >= good.launchedAt!, JSON.stringify(good));
    const bad = await api.waitFor(
      (
        await api.run({
          sql: "DO $$ BEGIN RAISE EXCEPTION 'm' USING ERRCODE = 'P0042', DETAIL = 'd', HINT = 'h'; END $$",
        })
      ).id,
    );
    const { sqlstate, message, detail, hint, context } = bad.error!;
    assert.deepEqual([bad.state, sqlstate, message, detail, hint], ['failed', 'P0042', 'm', 'd', 'h']);
    assert.match(context!, /PL\/pgSQL function/);
    await assert.rejects(
      Promise.resolve().then(() => api.waitFor('nowhere')),
      /no job nowhere/,
    );
  });

  it('rows returns pages of text with null for NULL, also while rows are received, and none without a result set', async () => {
    const { id } = await api.run({
      sql: "SELECT i, NULL::text AS n, repeat('x', 1000) AS t FROM generate_series(1, 3000) AS i",
    });
    await reaches(api, id, 'reading', 'succeeded');
    const early = await api.rows(id, 0, 2);
    assert.ok(early.rows.length <= 2);
    await api.waitFor(id);
    const page = await api.rows(id, 2998, 10);
    assert.deepEqual(
      page.rows.map(([i, n, t]) => [i, n, t?.length]),
      [
        ['2999', null, 1000],
        ['3000', null, 1000],
      ],
    );
    assert.deepEqual(page.columns, [
      { name: 'i', type: 'integer' },
      { name: 'n', type: 'text' },
      { name: 't', type: 'text' },
    ]);
    assert.deepEqual((await api.rows(id, 3000, 10)).rows, []);
    const withoutRows = await api.waitFor((await api.run({ sql: 'DO $$ BEGIN END $$' })).id);
    assert.deepEqual(await api.rows(withoutRows.id, 0, 10), { columns: [], rows: [] });
    await assert.rejects(api.rows('nowhere', 0, 1), /no job nowhere/);
  });

  it('notices returns messages in order, with detail and hint', async () => {
    const { id } = await api.run({
      sql: "DO $$ BEGIN RAISE WARNING 'w' USING DETAIL = 'd', HINT = 'h'; RAISE NOTICE 'n'; END $$",
    });
    const from = Date.now();
    await api.waitFor(id);
    const [warning, notice] = api.notices(id);
    const { at, ...rest } = warning!;
    assert.deepEqual(rest, { severity: 'WARNING', message: 'w', detail: 'd', hint: 'h' });
    assert.ok(at >= from - 1000 && at <= Date.now());
    assert.deepEqual([notice?.severity, notice?.message], ['NOTICE', 'n']);
    assert.throws(() => api.notices('nowhere'), /no job nowhere/);
  });

  it('cancel returns stopped or unresponsive after the caller’s grace window, and stopped for an ended job', async () => {
    // Longer than this test may take, to prove that the grace window of the call applies.
    await set('cancelGraceSeconds', 3600);
    const id = await withGate(place(), async (gate) => {
      const job = await api.run({ sql: gate.swallow, label: 'catches' });
      await sleeps(api, job.id);
      assert.equal(await api.cancel(job.id, { graceMs: 200 }), 'unresponsive');
      return job.id;
    }).finally(() => set('cancelGraceSeconds', undefined));
    assert.equal((await api.waitFor(id)).state, 'succeeded');
    assert.equal(await api.cancel(id), 'stopped');
    await assert.rejects(api.cancel('nowhere'), /no job nowhere/);
  });

  it('workers returns our workers with their job ids, and foreign ones without', async () => {
    const other = new Client({ connectionString: databaseUrl() });
    await other.connect();
    try {
      const { rows } = await other.query<{ pid: number }>(
        "SELECT pid FROM pg_background_launch('SELECT pg_sleep(30)', 0, 'of another session')",
      );
      const { id } = await api.run({ sql: 'SELECT pg_sleep(30)', label: 'ours' });
      const [ours, foreign] = await eventually(async () => {
        const workers = await api.workers('test');
        const found = [
          workers.find(({ jobId, state }) => jobId === id && state === 'active'),
          workers.find(({ pid, state }) => pid === rows[0]?.pid && state === 'active'),
        ];
        return found.every(Boolean) ? found : undefined;
      }, 'both are shown');
      assert.equal(ours!.label, 'ours');
      const seen = await eventually(() => {
        const worker = api.activity(id);
        return Promise.resolve(worker?.kind === undefined ? undefined : worker);
      }, 'two samples agree');
      assert.deepEqual(
        [seen.pid, seen.jobId, seen.kind, seen.waitEventType, seen.waitEvent, seen.blockedBy],
        [ours!.pid, id, 'waiting', 'Timeout', 'PgSleep', undefined],
      );
      assert.throws(() => api.activity('nowhere'), /no job nowhere/);
      assert.deepEqual([foreign!.label, foreign!.user, foreign!.jobId], ['of another session', 'postgres', undefined]);
      assert.match(foreign!.backendStart, /^\d{4}-\d\d-\d\dT/);
      assert.deepEqual(
        [[foreign!.database], ...(await sql('SELECT current_database()'))],
        [[ours!.database], [ours!.database]],
      );
      await api.cancel(id);
      await sql(`SELECT pg_terminate_backend(${foreign!.pid})`);
      await assert.rejects(api.workers('nowhere'), /no connection “nowhere”/);
    } finally {
      await other.end();
    }
  });

  it('addConnection rejects invalid profiles with a reason', async () => {
    await assert.rejects(api.addConnection({ name: '' }), /name/i);
    await assert.rejects(api.addConnection({ name: 'x', port: 'many' }), /“port” is invalid/);
    assert.ok(!api.connections().some(({ name }) => name === 'x'));
  });
});
