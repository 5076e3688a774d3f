import assert from 'node:assert/strict';
import { chainSteps, pidsInCycles, whyNotSignaled } from '../../../../src/core/jobs/activity/blockingChain';
import type { BlockingProcess } from '../../../../src/core/jobs/activity/inspection';

const process = (pid: number, ...blocks: number[]): BlockingProcess => ({ pid, blocks });

describe('a blocking chain', () => {
  const order = (...chain: BlockingProcess[]): string[] =>
    chainSteps(1, chain).map((step) => `${step.depth}:${step.process.pid}`);

  it('goes from the worker to its root', () => {
    assert.deepEqual(order(process(4, 3), process(2, 1), process(3, 2)), ['1:2', '2:3', '3:4']);
  });

  it('lists a process for which several wait once', () => {
    assert.deepEqual(order(process(2, 1), process(3, 1), process(9, 2, 3)), ['1:2', '2:9', '1:3']);
  });

  it('ends at a cycle, and at a prepared transaction', () => {
    assert.deepEqual(order(process(2, 1, 3), process(3, 2), process(0, 3)), ['1:2', '2:3', '3:0']);
  });

  it('has the pids of its cycles', () => {
    const chain = [process(2, 1, 4), process(3, 2), process(4, 3), process(5, 4), process(0, 4)];
    assert.deepEqual([...pidsInCycles(1, chain)], [2, 3, 4]);
    assert.deepEqual([...pidsInCycles(1, [process(2, 1)])], []);
  });

  it('offers to signal only sessions and workers whose start is known', () => {
    const known = { backendStart: 'x', blocks: [] };
    assert.equal(whyNotSignaled({ pid: 1, backendType: 'client backend', ...known }), undefined);
    assert.equal(whyNotSignaled({ pid: 1, backendType: 'pg_background', ...known }), undefined);
    assert.equal(whyNotSignaled({ pid: 1, blocks: [] }), 'unseen');
    assert.equal(whyNotSignaled({ pid: 0, blocks: [] }), 'prepared');
    assert.equal(whyNotSignaled({ pid: 1, backendType: 'walsender', ...known }), 'walsender');
    const autovacuum = { pid: 1, backendType: 'autovacuum worker', ...known };
    assert.equal(whyNotSignaled({ ...autovacuum, query: 'autovacuum: VACUUM public.t' }), 'autovacuum');
    assert.equal(
      whyNotSignaled({ ...autovacuum, query: 'autovacuum: VACUUM public.t (to prevent wraparound)' }),
      'wraparound',
    );
    assert.equal(whyNotSignaled({ pid: 1, backendType: 'checkpointer', ...known }), 'server');
  });
});
