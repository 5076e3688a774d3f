import assert from 'node:assert/strict';
import { TypeCache } from '../../../src/core/postgres/client/typeCache';
import { inSession } from '../../../src/core/postgres/client/ownSession';
import { openClient } from '../../../src/core/postgres/connect/open/open';
import { launchDurableBatch } from '../../../src/core/postgres/durable/launchBatch';
import { listPurgeable } from '../../../src/core/postgres/durable/purge';
import { cancelJob, markSeen, purgeJobs, readPurgeable, resolveJobs } from '../../../src/core/postgres/durable/records';
import { withGate } from '../../gate';
import { eventually, newEngine, sharedServer } from '../support';
import { newDurableDatabase, outcomeOf, type DurableDatabase, type DurableSession } from './support';

const stateOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => (error as { code?: unknown }).code,
  );

describe('privileges on durable jobs', () => {
  let database: DurableDatabase;
  let alice: DurableSession;
  let bob: DurableSession;
  /** A member of alice's role. */
  let boss: DurableSession;

  before(async () => {
    database = await newDurableDatabase(await sharedServer());
    alice = await database.role('alice');
    bob = await database.role('bob');
    boss = await database.role('boss', ['alice']);
  });
  after(() => database.close());

  it('hide jobs, progress, and rows from other roles, and show them to members of the role', async () => {
    const job = await alice.ended("SELECT 'secret' AS s");
    assert.deepEqual(await bob.jobs(), []);
    assert.equal(await stateOf(bob.rows(job)), '42501');
    const seen = (await boss.jobs()).find(({ id }) => id === job.id)!;
    assert.deepEqual(await boss.rows(seen), [['secret']]);
    const plain = database.roleName('plain');
    await database.admin.client.query(`CREATE ROLE "${plain}"; SET ROLE "${plain}"`);
    assert.equal(await stateOf(database.admin.jobs()), '42501');
    await database.admin.client.query('RESET ROLE');
  });

  it('permit no change of another role’s job, and none of what a job runs', async () => {
    await withGate(alice.profile, async (gate) => {
      const { id } = await alice.launch(`SELECT ${gate.wait}`);
      await alice.until(id, ({ state }) => state === 'running');
      const changed = async (session: DurableSession, sql: string): Promise<number | null> =>
        (await session.client.query(sql)).rowCount;
      assert.equal(await changed(bob, "UPDATE pgbackground_jobs.jobs SET state = 'succeeded'"), 0);
      assert.equal(await changed(bob, 'DELETE FROM pgbackground_jobs.jobs'), 0);
      assert.equal(await cancelJob(bob.client, id), undefined);
      assert.deepEqual(await purgeJobs(bob.client, [id]), []);
      const forbidden = [
        "UPDATE pgbackground_jobs.jobs SET sql = 'DROP TABLE x'",
        "UPDATE pgbackground_jobs.jobs SET options = '{}'",
        'UPDATE pgbackground_jobs.jobs SET owner = 10',
        "INSERT INTO pgbackground_jobs.jobs (label, sql, options, gated, owner) VALUES ('', '', '{}', false, 10)",
        'TRUNCATE pgbackground_jobs.jobs',
        'DROP SCHEMA pgbackground_jobs CASCADE',
        'CREATE FUNCTION pgbackground_jobs.f() RETURNS int LANGUAGE sql RETURN 1',
        'UPDATE pgbackground_jobs.setup SET version = 99',
      ];
      for (const session of [alice, bob, boss])
        for (const sql of forbidden) assert.equal(await stateOf(session.client.query(sql)), '42501', sql);
      // A member may cancel. It also has the privilege to signal.
      assert.equal(await cancelJob(boss.client, id), 'signaled');
      const job = await alice.end(id);
      assert.deepEqual([job.state, job.canceledBy], ['canceled', database.roleName('boss')]);
    });
  });

  it('make no keeper run the job of another role, not even a superuser’s', async () => {
    await alice.client.query('BEGIN');
    const from = await alice.value('SELECT pg_current_xact_id()::text');
    const { rows } = await alice.client.query<[string]>({
      text: `INSERT INTO pgbackground_jobs.jobs (label, sql, options, gated) VALUES ('', 'x',
               '{"before":"","text":"CREATE TABLE public.owned_by_superuser ()","settings":[],"queue":0,"store":"none"}', true) RETURNING id::text`,
      rowMode: 'array',
    });
    await alice.client.query('COMMIT');
    const [id] = rows[0]!;
    for (const session of [database.admin, boss]) {
      await session.client.query(`CALL pgbackground_jobs.keep(${id}, '${from!}', 7)`);
      assert.equal((await alice.jobs()).find((job) => job.id === id)?.state, 'queued');
    }
    assert.equal(await database.admin.value("SELECT to_regclass('public.owned_by_superuser')"), null);
    assert.equal(await cancelJob(alice.client, id), 'canceled');
  });

  it('are not bypassed by names and operators in the search_path, of the session or of the keeper', async () => {
    const { client } = alice;
    await client.query(`CREATE SCHEMA "evil""${database.roleName('alice')}" `).catch(() => undefined);
    await database.admin.client.query(`CREATE SCHEMA evil AUTHORIZATION "${alice.profile.user!}"`);
    const types = [
      'text',
      'name',
      'int4',
      'int8',
      'oid',
      'bool',
      'timestamptz',
      'xid8',
      '"char"',
      'float8',
      'interval',
    ];
    for (const type of types) {
      for (const [i, operator] of ['=', '<>', '<', '>', '>=', '-', '+', '*', '/', '||', '~'].entries()) {
        const name = `o${i}_${type.replaceAll('"', '')}`;
        await client.query(
          `CREATE FUNCTION evil.${name}(a pg_catalog.${type}, b pg_catalog.${type}) RETURNS pg_catalog.bool LANGUAGE plpgsql
             AS $$ BEGIN RAISE EXCEPTION 'an impostor was called' USING ERRCODE = 'EVIL1'; END $$;
           CREATE OPERATOR evil.${operator} (LEFTARG = pg_catalog.${type}, RIGHTARG = pg_catalog.${type}, FUNCTION = evil.${name})`,
        );
      }
    }
    for (const name of [
      'pg_xact_status(xid8)',
      'pg_notify(text, text)',
      'set_config(text, text, bool)',
      'pg_sleep(float8)',
      'format(text, int8)',
    ]) {
      await client.query(
        `CREATE FUNCTION evil.${name} RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'an impostor' USING ERRCODE = 'EVIL1'; END $$`,
      );
    }
    await client.query('CREATE VIEW evil.pg_locks AS SELECT 1 / 0 AS pid');
    await client.query('SET search_path = evil, pg_catalog, public');
    try {
      const job = await alice.ended("SELECT 1 AS one, 'x'::pg_catalog.text AS t");
      assert.deepEqual(outcomeOf(job), ['succeeded', 'SELECT', '1', undefined, 'stored'], JSON.stringify(job));
      assert.deepEqual(await alice.rows(job), [['1', 'x']]);
      const folded = await alice.ended(
        'CREATE TABLE public.made (a int4); INSERT INTO public.made VALUES (5); TABLE public.made',
      );
      assert.deepEqual(await alice.rows(folded), [['["a"]', '(5)']], JSON.stringify(folded));
      const texts = ['CREATE TABLE public.later (a int4)', 'TABLE public.later', 'SELECT nosuch', 'SELECT 1'];
      const statements = texts.map((sql, i) => ({ sql, label: `statement ${i}` }));
      const options = { label: 'batch', parallel: 1, onFailure: 'stop' } as const;
      const { ids } = await launchDurableBatch(client, new TypeCache(), statements, options);
      const batch = [];
      for (const id of ids) batch.push((await alice.end(id)).state);
      assert.deepEqual(batch, ['succeeded', 'succeeded', 'failed', 'canceled']);
      const own = await alice.ended("SELECT 'a'::text = 'b'::text");
      assert.equal(own.error?.sqlstate, 'EVIL1');
      // A keeper that is called directly sets its own search_path.
      await client.query(
        "CALL pgbackground_jobs.keep('1'::pg_catalog.int8, '3'::pg_catalog.xid8, '8'::pg_catalog.int8)",
      );
      await client.query('SET search_path = evil, pg_catalog, public');
      await markSeen(client, [job.id]);
      assert.ok((await readPurgeable(client)).some(({ id }) => id === job.id));
      assert.deepEqual(await purgeJobs(client, [job.id]), [{ id: job.id, removed: true, problem: null }]);
    } finally {
      await client.query('RESET search_path; SET client_min_messages = notice');
    }
  });

  it('permit a role to ruin its own records, but not the list and the outcomes of others who see them', async () => {
    const { client } = alice;
    const seenBy = database.admin;
    const { id: running } = await alice.launch('SELECT pg_sleep(600)');
    const { keeperPid } = await alice.until(running, ({ workerXid }) => workerXid !== null);
    for (const options of ['{"store":"\\u0000"}', '{"folded":"x","requested":1e999999}', '[]']) {
      for (const columns of ['[null]', '"\\u0000"', '[{"name":1,"type":1e999999}]', null]) {
        await client.query({
          text: `INSERT INTO pgbackground_jobs.jobs (label, sql, options, columns, gated) VALUES (repeat('x', 1000000), 'ruined', $1, $2, true)`,
          values: [options, columns],
        });
      }
    }
    await client.query(
      `UPDATE pgbackground_jobs.jobs SET state = 'running', worker_xid = '99999999999', keeper_key = 0, started_at = 'infinity',
              command_tag = repeat('x', 1000000) WHERE sql = 'ruined'`,
    );
    await seenBy.client.query(
      'SELECT pg_terminate_backend($1), pg_terminate_backend(worker_pid) FROM pgbackground_jobs.jobs WHERE id = $2',
      [keeperPid, running],
    );
    // The process that has the transaction id may still be ending.
    await eventually(async () => {
      await resolveJobs(seenBy.client);
      return (await seenBy.jobs()).find(({ id }) => id === running)?.state === 'failed';
    }, 'the outcome of the other job');
    const ruined = (await seenBy.jobs()).filter(({ sql }) => sql === 'ruined');
    assert.equal(ruined.length, 12);
    for (const { state, reason, columns, folded, label, commandTag, requested } of ruined) {
      assert.deepEqual([state, reason, columns, folded], ['unknown', 'outcome_expired', null, false]);
      assert.ok(label.length <= 500 && commandTag!.length <= 500);
      assert.ok(requested === null || requested === Infinity);
    }
    await client.query("DELETE FROM pgbackground_jobs.jobs WHERE sql = 'ruined'");
  });

  it('suffice whatever settings the role has', async () => {
    const { user } = alice.profile;
    for (const setting of ['row_security = off', 'quote_all_identifiers = on', "plpgsql.extra_errors = 'all'"]) {
      await database.admin.client.query(`ALTER ROLE "${user!}" SET ${setting}`);
      const engine = await newEngine(alice.profile);
      try {
        const request = { sql: 'SELECT 1 AS one', label: 'x', connection: alice.profile.name, durable: true };
        const { job } = await engine.jobs.launch(request);
        await engine.jobs.waitFor(job.id);
        assert.deepEqual(await engine.rows(job), [['1']], setting);
        await inSession(openClient(alice.profile), listPurgeable);
      } finally {
        await engine.close();
        await database.admin.client.query(`ALTER ROLE "${user!}" RESET ALL`);
      }
    }
  });

  it('keep the rows private whatever the default privileges are', async () => {
    await alice.client.query(`ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, "${database.roleName('bob')}"`);
    try {
      for (const sql of ['SELECT 1', 'EXPLAIN SELECT 1']) {
        const job = await alice.ended(sql);
        assert.equal(job.rowsState, 'stored');
        assert.equal(await stateOf(bob.client.query(`TABLE pgbackground_rows.${job.rowsTable!}`)), '42501');
        const acl = await alice.value('SELECT relacl::text FROM pg_class WHERE oid = $1', [job.rowsOid]);
        assert.match(acl ?? '', new RegExp(`^\\{"?${alice.profile.user!}=\\w+/${alice.profile.user!}"?\\}$`));
      }
    } finally {
      await alice.client.query(
        `ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC, "${database.roleName('bob')}"`,
      );
    }
  });

  it('report that something else is in place of the rows, and do not read it', async () => {
    const job = await alice.ended('SELECT 1 AS one');
    const table = `pgbackground_rows.${job.rowsTable!}`;
    await alice.client.query(
      `CREATE FUNCTION public.trap() RETURNS int LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE public.trapped (); RETURN 1; END $$`,
    );
    await alice.client.query(`DROP TABLE ${table}; CREATE VIEW ${table} AS SELECT public.trap() AS c1`);
    const codeOf = async (session: DurableSession): Promise<unknown> =>
      session.rows(job).then(
        () => 'read',
        (error: unknown) => (error as { fault: { code: string } }).fault.code,
      );
    assert.equal(await codeOf(database.admin), 'durable.rowsReplaced');
    await alice.client.query(`DROP VIEW ${table}; CREATE TABLE ${table} (c1 int)`);
    assert.equal(await codeOf(database.admin), 'durable.rowsReplaced');
    await alice.client.query(`DROP TABLE ${table}`);
    assert.equal(await codeOf(database.admin), 'durable.rowsLost');
    assert.equal(await database.admin.value("SELECT to_regclass('public.trapped')"), null);
  });

  it('permit to purge finished jobs with their rows, after their outcome was seen or by choice', async () => {
    const job = await alice.ended('SELECT 1 AS one');
    assert.ok(!(await readPurgeable(alice.client, 0)).some(({ id }) => id === job.id));
    await markSeen(alice.client, [job.id]);
    const [found] = (await readPurgeable(alice.client, 0)).filter(({ id }) => id === job.id);
    assert.equal(found?.seen, true);
    assert.ok(Number(found.bytes) > 0);
    assert.ok(!(await readPurgeable(alice.client, 1)).some(({ id }) => id === job.id));
    await alice.client.query(`CREATE VIEW public.depends AS TABLE pgbackground_rows.${job.rowsTable!}`);
    const [kept] = await purgeJobs(boss.client, [job.id]);
    assert.deepEqual([kept?.removed, typeof kept?.problem], [false, 'string']);
    await alice.client.query('DROP VIEW public.depends');
    assert.deepEqual(await purgeJobs(boss.client, [job.id]), [{ id: job.id, removed: true, problem: null }]);
    assert.equal(await alice.value('SELECT count(*)::text FROM pg_class WHERE oid = $1', [job.rowsOid]), '0');
  });

  it('do not lose rows that an event trigger keeps out of a table: the job succeeds, and reports it', async () => {
    await database.admin.client.query(
      `CREATE FUNCTION public.reject() RETURNS event_trigger LANGUAGE plpgsql
         AS $$ BEGIN RAISE EXCEPTION 'no tables today'; END $$;
       CREATE EVENT TRIGGER reject ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS') EXECUTE FUNCTION public.reject()`,
    );
    try {
      const job = await alice.ended('SELECT 1 AS one');
      assert.deepEqual(
        [...outcomeOf(job), job.rowsError],
        ['succeeded', 'SELECT', '1', undefined, 'lost', 'no tables today'],
      );
    } finally {
      await database.admin.client.query('DROP EVENT TRIGGER reject');
    }
  });
});
