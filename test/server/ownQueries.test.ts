import { reasonOf } from '../reasonOf';
import assert from 'node:assert/strict';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../gate';
import {
  atWork,
  detachedJob,
  endSessions,
  eventually,
  newDatabase,
  newEngine,
  newLink,
  outcomeOf,
  reaches,
  sharedServer,
  until,
  type TestServer,
} from './support';

/** Types whose operators our queries use, or might use by mistake. */
const COMPARED = ['text', 'name', 'int4', 'int8', 'oid', 'bool', 'timestamptz', '"char"', 'numeric'];

describe('queries of this extension', () => {
  let server: TestServer;

  before(async () => {
    server = await sharedServer();
  });

  const databaseWith = async (encoding: string): Promise<ConnectionProfile> => {
    const profile = await newDatabase(server, { extension: false });
    await server.psql(`DROP DATABASE ${profile.database!}`);
    await server.psql(
      `CREATE DATABASE ${profile.database!} ENCODING ${encoding} LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
    );
    await server.psql('CREATE EXTENSION pg_background', { database: profile.database! });
    return profile;
  };

  it('use no operators that a user created in the search_path, while the worker has that search_path', async () => {
    const profile = await newDatabase(server);
    const database = profile.database!;
    const operators = COMPARED.flatMap((type, i) =>
      ['=', '<>', '<', '>', '-', '+', '||'].map(
        (operator) =>
          `CREATE FUNCTION evil.o${i}_${operator.codePointAt(0)!}_${operator.length}(a pg_catalog.${type}, b pg_catalog.${type})
             RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'an impostor was called'; END $$;
           CREATE OPERATOR evil.${operator} (LEFTARG = pg_catalog.${type}, RIGHTARG = pg_catalog.${type},
             FUNCTION = evil.o${i}_${operator.codePointAt(0)!}_${operator.length});`,
      ),
    );
    await server.psql(
      `CREATE SCHEMA evil; CREATE TYPE public.pair AS (a int, b text); CREATE DOMAIN public.short AS text;
       CREATE FUNCTION public.plain() RETURNS text LANGUAGE sql RETURN pg_catalog.current_setting('search_path');
       ${operators.join('\n')}
       ALTER DATABASE ${database} SET search_path = evil, pg_catalog, public;
       ALTER DATABASE ${database} SET statement_timeout = '50s'`,
      { database },
    );
    const engine = await newEngine(profile, { graceMs: 20_000 });
    try {
      const types = await engine.ended(
        "SELECT ROW(1, 'x')::pair, 'y'::short, '{1}'::int4[], relacl[1], plain() FROM pg_class WHERE relname OPERATOR(pg_catalog.=) 'pg_class'",
        { statementTimeoutMs: 60_000 },
      );
      assert.deepEqual(outcomeOf(types), ['succeeded', 'SELECT', 1, undefined], JSON.stringify(types.record));
      const [row] = await engine.rows(types);
      assert.deepEqual([row![0], row![1], row![2], row![4]], ['(1,x)', 'y', '{1}', 'evil, pg_catalog, public']);
      const waits = engine.run('SELECT pg_sleep(60)');
      await atWork(engine, waits);
      assert.equal(await engine.jobs.cancel(waits.id), 'stopped');
      assert.equal(waits.state, 'canceled');
      const read = engine.run("SELECT i, repeat('x', 2000), pg_sleep(0.001) FROM generate_series(1, 100000) AS i");
      await reaches(engine.jobs, read, 'reading');
      assert.equal(await engine.jobs.cancel(read.id), 'stopped');
      assert.equal(read.state, 'canceled');
      const detached = await detachedJob(engine);
      assert.equal(await engine.jobs.cancel(detached.id), 'stopped');
      assert.equal(detached.state, 'finished');
    } finally {
      await engine.close();
    }
  });

  it('are not canceled by the role’s statement_timeout of 1 ms, which applies to the worker', async () => {
    const profile = await newDatabase(server);
    const user = `hasty_${profile.database!}`;
    await server.psql(
      `CREATE ROLE ${user} LOGIN IN ROLE pgbackground_role; ALTER ROLE ${user} SET statement_timeout = '1ms'`,
    );
    const engine = await newEngine({ ...profile, user });
    try {
      for (let i = 0; i < 5; i++) {
        const patient = await engine.ended("SELECT current_setting('statement_timeout')", {
          statementTimeoutMs: 60_000,
        });
        assert.deepEqual(await engine.rows(patient), [['1min']]);
      }
      const hasty = await engine.ended('SELECT pg_sleep(60)');
      assert.deepEqual([hasty.state, hasty.record.error?.sqlstate], ['failed', '57014']);
      // Each runs in a new session.
      await endSessions(server, profile);
      assert.equal((await engine.ended('SELECT 1', { statementTimeoutMs: 60_000 })).state, 'succeeded');
    } finally {
      await engine.close();
    }
  });

  for (const [what, refuse, allow] of [
    ['NOLOGIN', 'NOLOGIN', 'LOGIN'],
    ['no more connections', 'CONNECTION LIMIT 0', 'CONNECTION LIMIT -1'],
  ] as const) {
    it(`keep jobs queued while a role cannot connect anymore (${what}), and launch them once it can again`, async () => {
      const profile = await newDatabase(server);
      const user = `once_${profile.database!}`;
      await server.psql(`CREATE ROLE ${user} LOGIN IN ROLE pgbackground_role`);
      const engine = await newEngine({ ...profile, user });
      try {
        assert.equal((await engine.ended('SELECT 1')).state, 'succeeded');
        await server.psql(`ALTER ROLE ${user} ${refuse}`);
        await endSessions(server, profile);
        const job = engine.run('SELECT 2');
        await until(engine.jobs, job, () => job.final || (job.state === 'queued' && reasonOf(job).includes(user)));
        assert.equal(job.state, 'queued');
        await server.psql(`ALTER ROLE ${user} ${allow}`);
        engine.jobs.retryNow();
        await job.ended;
        assert.equal(job.state, 'succeeded');
      } finally {
        await engine.close();
      }
    });
  }

  it('fail a job at once if the role could never connect', async () => {
    const profile = await newDatabase(server);
    const user = `never_${profile.database!}`;
    await server.psql(`CREATE ROLE ${user} NOLOGIN`);
    const engine = await newEngine({ ...profile, user });
    try {
      assert.equal((await engine.ended('SELECT 1')).state, 'failed');
    } finally {
      await engine.close();
    }
  });

  it('replace a label that the database’s encoding cannot represent, and report it', async () => {
    const profile = await databaseWith('LATIN1');
    const engine = await newEngine(profile);
    try {
      const job = await withGate(profile, async (gate) => {
        const running = engine.run(`SELECT ${gate.wait}`, { label: 'nächtlich 🚀' });
        await atWork(engine, running);
        const shown = engine.link.snapshot!.workers.find(({ pid }) => pid === running.record.pid)!;
        // A LATIN1 server shows the escape of one byte, which is not UTF-8.
        assert.equal(shown.label, 'n\\xe4chtlich ?');
        return running;
      });
      await job.ended;
      assert.equal(job.state, 'succeeded');
      assert.equal(job.record.label, 'nächtlich 🚀');
      assert.match(job.notices.map(({ message }) => message).join('\n'), /jobs\.labelReplaced .*shown=nächtlich \?/);
      const text = await engine.ended("SELECT '🚀'");
      assert.deepEqual([text.state, text.record.error?.sqlstate], ['failed', '22P05'], 'SQL is never changed');
    } finally {
      await engine.close();
    }
  });

  it('list workers without their statements, and log the cause, if the text of one cannot be converted', async () => {
    const latin = await databaseWith('LATIN1');
    const ascii = await databaseWith('SQL_ASCII');
    const engine = await newEngine(ascii);
    const other = newLink(latin);
    try {
      const session = await other.acquire();
      await withGate(latin, async (gate) => {
        const worker = await session.launch({ sql: `SELECT 'caf\u00e9', ${gate.wait}`, label: 'foreign' });
        const job = engine.run('SELECT pg_sleep(600)');
        await reaches(engine.jobs, job, 'running');
        await eventually(async () => {
          const { workers } = await engine.link.refresh();
          return workers.some(({ pid, state }) => pid === worker.launchId && state === 'active');
        }, 'the foreign worker is shown');
        const snapshot = await engine.link.refresh();
        assert.match(snapshot.textsMissing ?? '', /UTF8/);
        assert.equal(snapshot.workers.find(({ pid }) => pid === worker.launchId)?.label, 'foreign');
        assert.equal(engine.log.lines.filter((line) => /without their statements: .*UTF8/.test(line)).length, 1);
        engine.jobs.detach(job.id);
        await reaches(engine.jobs, job, 'detached');
        assert.equal(await engine.jobs.cancel(job.id, 20_000), 'stopped');
      });
      await eventually(async () => (await engine.link.refresh()).textsMissing === undefined, 'texts are back');
    } finally {
      await engine.close();
      await other.dispose();
    }
  });
});
