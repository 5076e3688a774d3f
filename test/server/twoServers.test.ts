import { reasonOf } from '../reasonOf';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Job } from '../../src/core/jobs/job';
import { UnreachableError } from '../../src/core/jobs/errors';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import { startNetwork, type Network } from './network';
import {
  atWork,
  detachedJob,
  eventually,
  newEngine,
  newLink,
  newServer,
  outcomeOf,
  reaches,
  reconnected,
  scripts,
  until,
  type Engine,
  type TestServer,
} from './support';

const DATABASE = 'both';
const run = promisify(execFile);

/** Two servers on one machine never share pids, so a signal to the wrong server leaves a warning in its log. */
async function wrongSignals(server: TestServer): Promise<string[]> {
  const lines = (await server.serverLog()).split('\n');
  return (
    lines
      .flatMap((line, i) =>
        /is not a PostgreSQL (server|backend) process/.test(line)
          ? [`${line} ${lines.slice(i + 1, i + 6).join(' ')}`]
          : [],
      )
      // Signals of this test itself, which may find a session that has just ended.
      .filter((line) => !line.includes('FROM pg_stat_activity'))
  );
}

async function serverWithRuns(): Promise<TestServer> {
  const server = await newServer();
  const { createDatabase } = await scripts();
  await createDatabase(server, DATABASE);
  await server.psql('CREATE TABLE runs (n int)', { database: DATABASE });
  return server;
}

const runsOn = (server: TestServer): Promise<string> =>
  server.psql('SELECT count(*), count(DISTINCT n) FROM runs', { database: DATABASE });

/** Terminates the control connection of the engine, which is the one that queries the activity. */
const endControl = (server: TestServer): Promise<string> =>
  server.psql(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = '${DATABASE}' AND backend_type = 'client backend' AND query LIKE '%max_worker_processes%'
        AND pid <> pg_backend_pid()`,
  );

describe('a connection that leads to two servers', function () {
  this.timeout(120_000);
  let a: TestServer;
  let b: TestServer;
  let engine: Engine | undefined;
  let network: Network | undefined;

  before(async () => {
    [a, b] = await Promise.all([serverWithRuns(), serverWithRuns()]);
  });
  after(() => Promise.all([a.stop(), b.stop()]));
  beforeEach(() => Promise.all([a, b].map((server) => server.psql('TRUNCATE runs', { database: DATABASE }))));
  afterEach(async () => {
    await engine?.close();
    await network?.close();
    engine = network = undefined;
    for (const server of [a, b]) assert.deepEqual(await wrongSignals(server), []);
  });

  const listOf = (...servers: TestServer[]): ConnectionProfile => ({
    name: DATABASE,
    host: servers.map(({ host }) => host).join(','),
    port: servers.map(({ port }) => port).join(','),
    user: a.user,
    database: DATABASE,
    loadBalanceHosts: 'random',
  });
  const through = (proxy: Network): ConnectionProfile => ({
    name: DATABASE,
    host: proxy.host,
    port: proxy.port,
    user: a.user,
    database: DATABASE,
  });

  /** Runs many jobs that end in every way. All must run on one server, whichever it is, and end as expected. */
  async function manyJobs(on: Engine): Promise<TestServer> {
    const { jobs, link } = on;
    const launch = (sql: string): Job => on.run(sql);
    const inserts = Array.from({ length: 24 }, (_, n) => launch(`INSERT INTO runs VALUES (${n}) RETURNING n`));
    const sleepers = Array.from({ length: 4 }, () => launch('SELECT pg_sleep(60)'));
    const readers = Array.from({ length: 3 }, () =>
      launch("SELECT i, repeat('x', 2000), pg_sleep(0.001) FROM generate_series(1, 100000) AS i"),
    );
    const detached = launch('SELECT pg_sleep(60)');
    for (const job of inserts) {
      await job.ended;
      assert.deepEqual(outcomeOf(job), ['succeeded', 'INSERT', 1, undefined]);
    }
    await Promise.all([...sleepers, detached].map((job) => reaches(jobs, job, 'running')));
    await Promise.all(readers.map((job) => reaches(jobs, job, 'reading')));
    jobs.detach(detached.id);
    await reaches(jobs, detached, 'detached');
    const { server } = await link.refresh();
    const home = server?.address?.endsWith(`:${a.port}`) ? a : b;
    // The control connection is opened again in the meantime.
    await endControl(home);
    await reconnected(on);
    const canceled = [...sleepers, ...readers, detached];
    assert.deepEqual(
      await Promise.all(canceled.map((job) => jobs.cancel(job.id, 30_000))),
      canceled.map(() => 'stopped'),
    );
    assert.deepEqual(
      canceled.map(({ state }) => state),
      [...[...sleepers, ...readers].map(() => 'canceled'), 'finished'],
    );
    for (const job of [...inserts, ...canceled]) assert.equal(job.record.server?.address, server?.address);
    return home;
  }

  it('runs all jobs on one server of a list of hosts in random order', async () => {
    for (let round = 0; round < 3; round++) {
      engine = await newEngine(listOf(a, b), { maxConcurrentJobs: 12 });
      const home = await manyJobs(engine);
      assert.equal(await runsOn(home), '24|24');
      assert.equal(await runsOn(home === a ? b : a), '0|0');
      await engine.close();
      engine = undefined;
      await home.psql('TRUNCATE runs', { database: DATABASE });
    }
  });

  it('opens sessions until one is on the right server, behind a proxy that distributes connections', async () => {
    network = await startNetwork(a);
    network.leadTo(a, b);
    engine = await newEngine(through(network), { maxConcurrentJobs: 12 });
    const home = await manyJobs(engine);
    assert.deepEqual([await runsOn(home), await runsOn(home === a ? b : a)], ['24|24', '0|0']);
  });

  it('does not report jobs as lost, and signals nothing on the new server, after a proxy was switched over', async () => {
    network = await startNetwork(a);
    engine = await newEngine(through(network), { maxConcurrentJobs: 0 });
    const { jobs, link } = engine;
    const running = Array.from({ length: 3 }, (_, n) =>
      engine!.run(`INSERT INTO runs VALUES (${n}); SELECT pg_sleep(600)`),
    );
    for (const job of running) await atWork(engine, job);
    network.leadTo(b);
    network.reset();
    for (const job of running) await reaches(jobs, job, 'detached');
    const elsewhere = (job: Job): boolean => /^jobs\.onOtherServer .*jobPlace=/.test(reasonOf(job));
    for (const job of running) {
      jobs.retryNow();
      await until(jobs, job, () => elsewhere(job));
      assert.equal(job.state, 'detached');
    }
    for (const job of running) await assert.rejects(jobs.cancel(job.id), /server\.otherServer/);
    const foreign = { ...running[0]!.record, pid: running[0]!.record.pid! };
    assert.equal(await link.terminate(foreign.pid, foreign.backendStart!), false, 'no such worker on the new server');
    assert.deepEqual(outcomeOf(await engine.ended('INSERT INTO runs VALUES (9)')), [
      'succeeded',
      'INSERT',
      1,
      undefined,
    ]);
    assert.equal(await runsOn(b), '1|1');
    // The next window, or the same one after a reload, knows on which server they run.
    await engine.close({ keep: true });
    const { folder } = engine;
    engine = await newEngine(through(network), { folder });
    await engine.jobs.restore();
    const restored = running.map(({ id }) => engine!.jobs.get(id)!);
    for (const job of restored) await until(engine.jobs, job, () => elsewhere(job));
    network.leadTo(a);
    network.reset();
    for (const job of restored) {
      await eventually(async () => {
        engine!.jobs.retryNow();
        return Promise.resolve(/^jobs\.backOnServer/.test(reasonOf(job)));
      }, 'the job is found again');
      assert.equal(await engine.jobs.cancel(job.id, 30_000), 'stopped');
      assert.equal(job.state, 'finished');
    }
  });

  it('looks for the server of a running job first after a reload, behind a list of hosts or a proxy', async () => {
    network = await startNetwork(a);
    for (const profile of [listOf(a, b), through(network)]) {
      for (let round = 0; round < 4; round++) {
        // Whichever server comes next, the job is found on the server that it runs on.
        if (profile.host === network.host && profile.port === network.port)
          network.leadTo(...(round % 2 ? [a, b] : [b, a]));
        engine = await newEngine(profile);
        const { id } = engine.run('SELECT pg_sleep(600)');
        await atWork(engine, engine.jobs.get(id)!);
        const { folder } = engine;
        await engine.close({ keep: true });
        engine = await newEngine(profile, { folder });
        await engine.jobs.restore();
        assert.equal(await engine.jobs.cancel(id, 30_000), 'stopped');
        assert.equal(engine.jobs.get(id)!.state, 'finished');
        await engine.close();
        engine = undefined;
      }
    }
  });

  it('reports that new connections lead to another server, and uses only that one for the next attempt', async () => {
    network = await startNetwork(a);
    const link = newLink(through(network));
    try {
      await link.connect();
      network.leadTo(b);
      await assert.rejects(link.acquire(), (error) => {
        assert.ok(error instanceof UnreachableError);
        assert.match(error.message, /server\.newConnectionsElsewhere/);
        return true;
      });
      const session = await link.acquire();
      const worker = await session.launch({ sql: 'INSERT INTO runs VALUES (1)', label: '' });
      while (!(await session.wait(worker, 1000)).stopped);
      assert.equal(await runsOn(b), '1|1');
    } finally {
      await link.dispose();
    }
  });

  it('distinguishes a restart of the server from another server', async () => {
    engine = await newEngine(listOf(a), { maxConcurrentJobs: 0 });
    const job = await detachedJob(engine, 'SELECT pg_sleep(600)');
    await a.restart('immediate');
    await eventually(async () => {
      engine!.jobs.retryNow();
      return Promise.resolve(job.final);
    }, 'the restart is seen');
    assert.equal(job.state, 'lost');
    assert.match(reasonOf(job), /^jobs\.serverRestarted/);
  });

  it('treats a primary and its standby as two servers although they share a system identifier, also after a promotion', async () => {
    const standby = await standbyOf(a);
    try {
      network = await startNetwork(a);
      engine = await newEngine(through(network), { maxConcurrentJobs: 0 });
      const job = await detachedJob(engine, 'SELECT pg_sleep(600)');
      const { server: primary } = await engine.link.refresh();
      network.leadTo(standby);
      network.reset();
      const seenOnOther = async (): Promise<boolean> => {
        engine!.jobs.retryNow();
        return Promise.resolve(/^jobs\.onOtherServer/.test(reasonOf(job)) || job.final);
      };
      await eventually(seenOnOther, 'the other server is seen');
      const seen = await engine.link.refresh();
      assert.equal(seen.server?.system, primary?.system);
      assert.notEqual(seen.serverStart, primary?.start);
      assert.equal(job.state, 'detached');
      await assert.rejects(engine.jobs.cancel(job.id), /server\.otherServer/);
      // Workers start only on a primary (measured with 2.0.3). A promotion does not restart the server: it is the same as before.
      await standby.psql('SELECT pg_promote()');
      const promoted = engine.run('SELECT pg_sleep(600)');
      await atWork(engine, promoted);
      assert.equal(promoted.record.serverStart, seen.serverStart);
      assert.equal(await engine.jobs.cancel(promoted.id, 30_000), 'stopped');
      assert.equal(promoted.state, 'canceled');
      network.reset();
      await reconnected(engine);
      await eventually(seenOnOther, 'the promoted server is seen');
      assert.equal(job.state, 'detached', 'the worker still runs on the former primary');
      network.leadTo(a);
      network.reset();
      await eventually(async () => {
        engine!.jobs.retryNow();
        return Promise.resolve(/^jobs\.backOnServer/.test(reasonOf(job)));
      }, 'the job is found again');
      assert.equal(await engine.jobs.cancel(job.id, 30_000), 'stopped');
      assert.deepEqual(await wrongSignals(standby), []);
    } finally {
      await standby.stop('immediate');
    }
  });
});

/** Starts a streaming standby: a server with a copy of the primary's data. */
async function standbyOf(primary: TestServer): Promise<TestServer> {
  const standby = await newServer();
  await standby.stop();
  await primary.stop();
  await rm(standby.dataDir, { recursive: true });
  // Including the owner: PostgreSQL refuses a folder that belongs to another user.
  await run('cp', ['-a', primary.dataDir, standby.dataDir]);
  await primary.start();
  const settings = {
    unix_socket_directories: standby.socketDir,
    primary_conninfo: `host=${primary.host} port=${primary.port} user=${primary.user}`,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'`);
  await appendFile(join(standby.dataDir, 'postgresql.conf'), `\n${lines.join('\n')}\n`);
  await standby.addFile('standby.signal', '');
  await standby.addFile('server.log', '');
  await standby.start();
  return standby;
}
