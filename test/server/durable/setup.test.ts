import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openClient } from '../../../src/core/postgres/connect/open/open';
import {
  lookUpFunctions,
  inspectSetup,
  removalSql,
  runScript,
  setUp,
  setupSql,
  useRefusal,
} from '../../../src/core/postgres/durable/setup';
import { resolveJobs } from '../../../src/core/postgres/durable/records';
import { STEPS } from '../../../src/core/postgres/durable/schema/tables';
import { withGate } from '../../gate';
import { eventually, newDatabase, newServer, sharedServer, type TestServer } from '../support';
import { DurableSession, newDurableDatabase, outcomeOf } from './support';

const faultOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
    return undefined;
  } catch (error) {
    return (error as { fault?: unknown }).fault ?? error;
  }
};

describe('the setup of durable jobs', () => {
  let server: TestServer;

  before(async () => {
    server = await sharedServer();
  });

  it('can be repeated, and says what is missing before it is done', async () => {
    const profile = await newDatabase(server);
    const session = await DurableSession.open(profile);
    try {
      const functions = await lookUpFunctions(session.client, profile.database!);
      assert.deepEqual(useRefusal(await inspectSetup(session.client), functions), {
        code: 'durable.notSetUp',
        params: { database: profile.database },
      });
      await setUp(session.client);
      await setUp(session.client);
      assert.equal(useRefusal(await inspectSetup(session.client), functions), undefined);
    } finally {
      await session.close();
    }
  });

  it('is refused in a database that publishes all tables, for a role that may not create schemas, and without pg_background', async () => {
    const profile = await newDatabase(server);
    const session = await DurableSession.open(profile);
    try {
      await session.client.query('CREATE PUBLICATION everything FOR ALL TABLES');
      assert.deepEqual(await faultOf(setUp(session.client)), {
        code: 'durable.publication',
        params: { publications: ['everything'] },
      });
      const script = setupSql(await lookUpFunctions(session.client, ''));
      await assert.rejects(runScript(session.client, script), /publication/);
      await session.client.query('DROP PUBLICATION everything');
      const role = `plain_${profile.database!}`;
      await session.client.query(`CREATE ROLE ${role} LOGIN`);
      const plain = await DurableSession.open(profile, role);
      try {
        assert.deepEqual(await faultOf(setUp(plain.client)), {
          code: 'durable.createDenied',
          params: { database: profile.database, role },
        });
      } finally {
        await plain.close();
      }
      await session.client.query('DROP EXTENSION pg_background');
      assert.equal(((await faultOf(setUp(session.client))) as { code: string }).code, 'server.extensionMissing');
    } finally {
      await session.close();
    }
  });

  it('is not used if it is of a newer version, or belongs to a role that could make others run its functions', async () => {
    const database = await newDurableDatabase(server);
    const { admin } = database;
    try {
      const alice = await database.role('alice');
      const functions = await lookUpFunctions(alice.client, '');
      assert.equal(useRefusal(await inspectSetup(alice.client), functions), undefined);
      await admin.client.query('UPDATE pgbackground_jobs.setup SET version = version + 1');
      const newer = { code: 'durable.newerVersion', params: { installed: STEPS.length + 1, supported: STEPS.length } };
      assert.deepEqual(useRefusal(await inspectSetup(alice.client), functions), newer);
      assert.deepEqual(await faultOf(setUp(admin.client)), newer);
      await admin.client.query("UPDATE pgbackground_jobs.setup SET version = version - 1, functions = 'others'");
      assert.deepEqual(useRefusal(await inspectSetup(alice.client), functions), { code: 'durable.outdated' });
      assert.equal(((await faultOf(setUp(alice.client))) as { code: string }).code, 'durable.notOwner');
      const mallory = await database.role('mallory');
      await admin.client.query(`ALTER SCHEMA pgbackground_jobs OWNER TO "${mallory.profile.user!}"`);
      assert.equal(useRefusal(await inspectSetup(alice.client), functions)?.code, 'durable.untrustedOwner');
    } finally {
      await database.close();
    }
  });

  it('is upgraded in place while a job runs, and keeps its records', async () => {
    const database = await newDurableDatabase(server);
    const { admin } = database;
    try {
      const alice = await database.role('alice');
      const done = await alice.ended('SELECT 1 AS one');
      await withGate(alice.profile, async (gate) => {
        const { id } = await alice.launch(`SELECT ${gate.wait}`);
        await alice.until(id, ({ state }) => state === 'running');
        const functions = await lookUpFunctions(admin.client, '');
        const steps = [...STEPS, 'ALTER TABLE pgbackground_jobs.jobs ADD COLUMN color text;'];
        await runScript(admin.client, setupSql(functions, STEPS.length, steps));
        await assert.rejects(runScript(admin.client, setupSql(functions, STEPS.length, steps)), /another version/);
        await gate.open();
        assert.deepEqual(outcomeOf(await alice.end(id)), ['succeeded', 'SELECT', '1', undefined, 'stored']);
      });
      assert.deepEqual(await alice.rows(done), [['1']]);
      assert.equal(await admin.value('SELECT version::text FROM pgbackground_jobs.setup'), String(STEPS.length + 1));
      assert.equal((await alice.ended('SELECT 2')).state, 'succeeded');
    } finally {
      await database.close();
    }
  });

  it('of version 1 is upgraded while a job runs, whose keeper finishes with the old code', async () => {
    const profile = await newDatabase(server);
    const session = await DurableSession.open(profile);
    try {
      const version1 = await readFile(join(process.cwd(), 'test/server/durable/setupVersion1.sql'), 'utf8');
      await runScript(session.client, version1);
      const functions = await lookUpFunctions(session.client, '');
      assert.deepEqual(useRefusal(await inspectSetup(session.client), functions), { code: 'durable.outdated' });
      await withGate(profile, async (gate) => {
        const { id } = await session.launch(`SELECT ${gate.wait}`);
        await eventually(
          async () => (await session.value('SELECT state FROM pgbackground_jobs.jobs')) === 'running',
          'the job runs',
        );
        await setUp(session.client);
        assert.equal(useRefusal(await inspectSetup(session.client), functions), undefined);
        assert.equal(await resolveJobs(session.client), 0);
        await session.until(id, ({ state }) => state === 'running');
        await gate.open();
        const job = await session.end(id);
        assert.deepEqual([...outcomeOf(job), job.batch], ['succeeded', 'SELECT', '1', undefined, 'stored', null]);
      });
    } finally {
      await session.close();
    }
  });

  it('is removed by one script, with the rows of all roles, while work that runs is committed', async () => {
    const database = await newDurableDatabase(server);
    const { admin } = database;
    try {
      const alice = await database.role('alice');
      await alice.ended('SELECT 1 AS one');
      await alice.client.query('CREATE TABLE kept (i int)');
      await withGate(alice.profile, async (gate) => {
        const { id } = await alice.launch(`INSERT INTO kept VALUES (1); DO $$ BEGIN PERFORM ${gate.wait}; END $$`);
        const { workerPid } = await alice.until(id, ({ state }) => state === 'running');
        await runScript(admin.client, removalSql());
        await gate.open();
        for (let alive = '1'; alive !== '0';) {
          alive = (await admin.value('SELECT count(*)::text FROM pg_stat_activity WHERE pid = $1', [workerPid])) ?? '0';
        }
      });
      assert.equal(await alice.value('SELECT count(*)::text FROM kept'), '1');
      assert.equal(
        await admin.value("SELECT count(*)::text FROM pg_namespace WHERE nspname LIKE 'pgbackground%'"),
        '0',
      );
    } finally {
      await database.close();
    }
  });

  it('is refused on a standby', async () => {
    const own = await newServer();
    try {
      const profile = await newDatabase(own);
      await own.stop('immediate');
      await own.addFile('standby.signal', '');
      await own.start();
      const client = await openClient(profile);
      try {
        assert.deepEqual(await faultOf(setUp(client)), { code: 'durable.standby' });
        const functions = await lookUpFunctions(client, '');
        assert.deepEqual(useRefusal(await inspectSetup(client), functions), { code: 'durable.standby' });
        await assert.rejects(runScript(client, setupSql(functions)), /standby/);
      } finally {
        await client.end();
      }
    } finally {
      await own.stop('immediate');
    }
  });
});
