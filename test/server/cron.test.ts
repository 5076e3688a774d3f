/** Schedules, on a server with pg_cron. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Fault } from '../../src/core/base/fault';
import {
  checkSchedule,
  createSchedule,
  findCron,
  readRuns,
  scheduleSql,
  type OpenSession,
} from '../../src/core/postgres/cron/cron';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { openClient } from '../../src/core/postgres/connect/open/open';
import { eventually, newDatabase, newServer, repository, sharedServer, type TestServer } from './support';

interface CronScripts {
  readonly pgCronSettings: (options: {
    log: (message: string) => void;
    database: string;
  }) => Promise<Record<string, string>>;
}

/** The database of pg_cron. */
const HOME = 'cron_home';

const opener =
  (profile: ConnectionProfile): OpenSession =>
  (database) =>
    openClient(database === undefined ? profile : { ...profile, database });

async function faultOf(work: Promise<unknown>): Promise<Fault | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return (error as { fault: Fault }).fault;
  }
}

describe('schedules with pg_cron', () => {
  let server: TestServer;
  let home: ConnectionProfile;
  let other: ConnectionProfile;
  let role: string;

  before(async () => {
    const file = pathToFileURL(join(repository, 'scripts/lib/pgCron.mjs')).href;
    const { pgCronSettings } = (await import(file)) as CronScripts;
    server = await newServer(await pgCronSettings({ log: () => undefined, database: HOME }));
    other = await newDatabase(server);
    home = { ...other, name: HOME, database: HOME };
    await server.psql(`CREATE DATABASE ${HOME}`);
    role = `scheduler_${other.database!}`;
    await server.psql(`CREATE ROLE ${role} LOGIN`);
  });
  after(async () => {
    await server.stop();
  });

  it('need pg_cron in the database, or in the one that the server has it in', async () => {
    const without = await newDatabase(await sharedServer());
    assert.deepEqual(await faultOf(findCron(opener(without))), {
      code: 'cron.notInstalled',
      params: { database: without.database },
    });
    const notCreated = { code: 'cron.notCreated', params: { database: HOME } };
    assert.deepEqual(await faultOf(findCron(opener(home))), notCreated);
    assert.deepEqual(await faultOf(findCron(opener(other))), notCreated);
    // This role may not read where pg_cron is.
    const params = { database: other.database };
    assert.deepEqual(await faultOf(findCron(opener({ ...other, user: role }))), { code: 'cron.notInstalled', params });
  });

  describe('once it is created', () => {
    before(async () => {
      await server.psql('CREATE EXTENSION pg_cron', { database: HOME });
    });
    afterEach(async () => {
      await server.psql('TRUNCATE cron.job, cron.job_run_details', { database: HOME });
    });

    const count = (table: string): Promise<string> =>
      server.psql(`SELECT count(*) FROM cron.${table}`, { database: HOME });

    it('run exactly the SQL, in the database of the connection', async () => {
      const sql = `INSERT INTO ran VALUES ('it''s', E'\\\\', '$job$', "current_database"());\n-- done $job`;
      for (const profile of [home, other]) {
        await server.psql('CREATE TABLE ran (a text, b text, c text, d text)', { database: profile.database! });
        const open = opener(profile);
        const place = await findCron(open);
        assert.deepEqual(
          [place.elsewhere, place.database, place.timeZone],
          [profile === home ? undefined : HOME, profile.database, 'GMT'],
        );
        const wanted = { name: `it's "${profile.database!}" \\ $job$`, schedule: '1 second', sql };
        assert.deepEqual(await checkSchedule(open, place, wanted), { kind: 'valid', replaces: undefined });
        assert.equal(await count('job'), profile === home ? '0' : '1');
        const id = await createSchedule(open, place, wanted);
        await eventually(async () => {
          const { runs } = await readRuns(open, place);
          return runs.some(({ status }) => status === 'succeeded');
        }, 'a run');
        const { jobs, runs } = await readRuns(open, place);
        assert.deepEqual(jobs, [
          { id, name: wanted.name, schedule: '1 second', command: sql, role: 'postgres', active: true },
        ]);
        const run = runs.findLast(({ status }) => status === 'succeeded');
        assert.deepEqual([run?.jobId, run?.name, run?.command, run?.role], [id, wanted.name, sql, 'postgres']);
        assert.ok(run?.startedAt && run.finishedAt && run.startedAt <= run.finishedAt);
        assert.equal(
          await server.psql('SELECT DISTINCT * FROM ran', { database: profile.database! }),
          `it's|\\|$job$|${profile.database!}`,
        );
      }
    });

    it('are checked by the server before anything is stored', async () => {
      const open = opener(home);
      const place = await findCron(open);
      const wanted = { name: 'n', sql: 'SELECT 1' };
      const check = await checkSchedule(open, place, { ...wanted, schedule: 'every day' });
      assert.ok(check.kind === 'invalid');
      assert.match(check.message, /^invalid schedule: every day/);
      assert.equal(await count('job'), '0');
      await createSchedule(open, place, { ...wanted, schedule: '0 3 * * *' });
      assert.deepEqual(await checkSchedule(open, place, { ...wanted, schedule: '0 4 * * *' }), {
        kind: 'valid',
        replaces: { schedule: '0 3 * * *', command: 'SELECT 1' },
      });
      const { jobs } = await readRuns(open, place);
      assert.deepEqual(
        jobs.map(({ schedule }) => schedule),
        ['0 3 * * *'],
      );
    });

    it('need privileges, which the error names', async () => {
      const open = opener({ ...home, user: role });
      const place = await findCron(open);
      const wanted = { name: 'n', schedule: '0 3 * * *', sql: 'SELECT 1' };
      for (const work of [checkSchedule, createSchedule]) {
        const fault = await faultOf(work(open, place, wanted));
        assert.deepEqual([fault?.code, fault?.params], ['cron.denied', { role, database: HOME }]);
        assert.match(String(fault?.cause?.params?.['text']), /permission denied for schema cron/);
      }
      assert.equal((await faultOf(readRuns(open, place)))?.code, 'cron.denied');
      await server.psql(`GRANT USAGE ON SCHEMA cron TO ${role}`, { database: HOME });
      await createSchedule(opener(home), place, { ...wanted, schedule: '0 5 * * *' });
      // A schedule of another role is neither seen nor replaced.
      assert.deepEqual(await checkSchedule(open, place, wanted), { kind: 'valid', replaces: undefined });
      await createSchedule(open, place, wanted);
      assert.deepEqual(
        (await readRuns(open, place)).jobs.map((job) => job.role),
        [role],
      );
      assert.equal(await count('job'), '2');
    });
  });

  it('are shown as the statement that runs', () => {
    const place = { database: `a'b`, elsewhere: undefined, role: 'r', timeZone: undefined };
    const wanted = { name: `it's`, schedule: '0 3 * * *', sql: `SELECT 'x'` };
    assert.equal(scheduleSql(place, wanted), `SELECT cron.schedule('it''s', '0 3 * * *', $job$SELECT 'x'$job$);`);
    assert.equal(
      scheduleSql({ ...place, elsewhere: HOME }, { ...wanted, sql: `SELECT '$job'` }),
      `SELECT cron.schedule_in_database('it''s', '0 3 * * *', 'SELECT ''$job''', 'a''b');`,
    );
  });
});
