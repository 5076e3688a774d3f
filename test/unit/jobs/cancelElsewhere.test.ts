import assert from 'node:assert/strict';
import { Job, newRecord } from '../../../src/core/jobs/job';
import { cancelElsewhere } from '../../../src/core/jobs/windows/cancelElsewhere';
import { FakeClock, FakeLink, OURS, snapshotOf } from './fakes';
import { IDLE_OWNER } from './idleOwner';

describe('cancel of a job whose window does not react', () => {
  const server = { start: 's', system: '1' };

  /** A job whose worker the server does not find when it is asked to signal it. */
  function unsignaled() {
    const clock = new FakeClock();
    const link = new FakeLink();
    link.onTerminate = () => Promise.resolve(false);
    const record = newRecord('a', { sql: 'SELECT 1', label: 'a', connection: 'c' }, 'one', 1);
    const running = { state: 'running', pid: 7, backendStart: 'b', server } as const;
    const job = new Job({ ...record, ...running }, IDLE_OWNER, false, true);
    const result = cancelElsewhere(job, 5000, {
      link: () => link,
      commands: { send: () => Promise.resolve('file'), remove: () => Promise.resolve() },
      clock,
      closing: new Promise(() => undefined),
      onDidChange: () => ({ dispose: () => undefined }),
      takeQueued: () => Promise.resolve(false),
    });
    return { clock, link, job, result };
  }

  it('reports it as stopped only when the server is seen without its worker', async () => {
    const { clock, link, result } = unsignaled();
    let settled = false;
    void result.finally(() => (settled = true));
    await clock.move(1000);
    assert.equal(settled, false, 'that nothing was signaled proves nothing');
    link.show({ server, workers: [OURS] });
    link.show({ server: { start: 's2', system: '2' } });
    await clock.move(0);
    assert.equal(settled, false, 'another server proves nothing');
    link.show({ server });
    assert.equal(await result, 'stopped');
    assert.equal(link.watching.size, 0);
  });

  it('asks the server at once', async () => {
    const { clock, link, result } = unsignaled();
    link.onRefresh = () => {
      link.show({ server });
      return Promise.resolve(snapshotOf({ server }));
    };
    await clock.move(1000);
    assert.equal(await result, 'stopped');
  });

  it('fails if the server still shows its worker in the end', async () => {
    const { clock, link, result } = unsignaled();
    const failed = assert.rejects(result, { fault: { code: 'jobs.noWorkerToSignal', params: { pid: 7 } } });
    await clock.move(1000);
    link.show({ server, workers: [OURS] });
    await clock.move(5000);
    await failed;
    assert.equal(link.watching.size, 0);
  });
});
