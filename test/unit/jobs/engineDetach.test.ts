import assert from 'node:assert/strict';
import { SessionLostError } from '../../../src/core/jobs/errors';
import { reasonOf } from '../../reasonOf';
import { FakeLink, FakeSession, newWorld, OURS, settle, detached } from './fakes';

describe('engine: workers without a session', () => {
  it('detaches a worker that another backend launched, and names the proxy', async () => {
    const { link, run } = newWorld();
    const session = new FakeSession();
    session.handle = { ...session.handle, elsewhere: true };
    link.next.push(session);
    const job = run();
    await settle();
    assert.equal(job.state, 'detached');
    assert.match(reasonOf(job), /jobs\.transactionPooler/);
    assert.equal(session.closed, true);
  });

  it('judges a detached job only by snapshots that were requested afterwards', async () => {
    const { link, jobs, run, clock } = newWorld();
    const session = new FakeSession();
    session.stopped = false;
    link.next.push(session);
    const job = run();
    await settle();
    jobs.detach(job.id);
    await settle();
    assert.equal(job.state, 'detached', 'the pending wait was ended');
    link.show({ at: clock.now() - 1 });
    assert.equal(job.state, 'detached', 'an older answer proves nothing');
    link.show({ workers: [OURS] });
    assert.equal(job.state, 'detached');
    link.show({ workers: [{ ...OURS, backendStart: 'another with the same pid' }] });
    assert.equal(job.state, 'finished');
  });

  it('follows the connection of a detached job, and concludes nothing from another server', async () => {
    const { link, world, run, clock, logged } = newWorld();
    const job = await detached(link, run);
    world.link = () => {
      throw new Error('removed');
    };
    await clock.move(10_000);
    assert.equal(job.state, 'detached', 'a removed connection proves nothing about the worker');
    assert.equal(logged.filter((line) => line.includes('removed')).length, 1);
    assert.equal(link.watching.size, 0);
    const other = new FakeLink();
    world.link = () => other;
    await clock.move(3000);
    other.show({ workers: [OURS], serverStart: 'another' });
    await settle();
    assert.equal(job.state, 'finished');
    assert.match(reasonOf(job), /^jobs\.connectionEdited/);
    assert.equal(other.watching.size, 0);
  });

  it('loses a detached job whose server was restarted', async () => {
    const { link, run } = newWorld();
    const job = await detached(link, run);
    link.show({ serverStart: 'later' });
    await settle();
    assert.equal(job.state, 'lost');
    assert.match(reasonOf(job), /^jobs\.serverRestarted/);
    assert.equal(link.watching.size, 0);
  });

  it('loses a detached job if the server’s own processes are younger than its worker', async () => {
    for (const [processesSince, state] of [
      ['a', 'finished'],
      ['c', 'lost'],
      [undefined, 'finished'],
    ] as const) {
      const { link, run } = newWorld();
      const job = await detached(link, run);
      const since = processesSince === undefined ? {} : { processesSince };
      link.show({ workers: [OURS], ...since });
      assert.equal(job.state, 'detached', 'a worker in the snapshot is running');
      link.show(since);
      assert.equal(job.state, state);
      if (state === 'lost') assert.match(reasonOf(job), /^jobs\.serverCrashed/);
    }
  });

  it('keeps a detached job of another server detached, and finds it again on its own server', async () => {
    const { link, run } = newWorld();
    const session = new FakeSession();
    const home = { start: '2026-01-02', system: '1', timeline: '1' };
    session.handle = { ...session.handle, backendStart: '2026-01-03', serverStart: home.start, server: home };
    session.stopped = false;
    link.next.push(session);
    const job = run();
    await settle();
    session.break(new SessionLostError('cut.'));
    await settle();
    const worker = { ...OURS, backendStart: '2026-01-03' };
    const others = [
      { ...home, system: '2', start: '2026-02-01' },
      { ...home, timeline: '2', start: '2026-02-01' },
      { ...home, start: '2026-01-02T12' },
      { start: '2026-02-01', system: '1' },
    ];
    for (const server of others) {
      link.show({ server, serverStart: server.start, workers: [worker], processesSince: '2026-03-01' });
      assert.equal(job.state, 'detached', JSON.stringify(server));
      assert.match(reasonOf(job), /^jobs\.onOtherServer .*cut\./);
    }
    link.show({ server: home, serverStart: home.start, workers: [worker] });
    assert.match(reasonOf(job), /^jobs\.backOnServer/);
    link.show({ server: { ...home, start: '2026-02-01' }, serverStart: '2026-02-01' });
    assert.equal(job.state, 'lost');
    assert.match(reasonOf(job), /^jobs\.serverRestarted: cut\./);
  });
});
