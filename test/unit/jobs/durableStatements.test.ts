import assert from 'node:assert/strict';
import { durableStatements } from '../../../src/core/jobs/durable/durableStatements';
import { ownRequest } from '../../../src/core/jobs/batches/batchSession';
import type { JobRecord } from '../../../src/core/jobs/job';

describe('the statements of a durable batch', () => {
  const of = (...texts: string[]) =>
    durableStatements(texts.map((sql) => ({ request: { sql, label: sql, connection: 'c' }, session: { key: 0 } })));

  it('take over the settings of those before, which are assumed to succeed, and nothing without a session', () => {
    const [set, , last] = of("SET work_mem = '9MB'", "SET search_path = 'a'", 'SELECT 1');
    assert.deepEqual(set?.request.settings ?? {}, {});
    assert.equal(last?.request.settings?.['work_mem'], '9MB');
    assert.ok(last.request.settings['search_path']);
    const alone = { request: { sql: 'SELECT 1', label: 'l', connection: 'c' } };
    assert.deepEqual(durableStatements([{ request: { ...alone.request, sql: 'SET x.y = 1' } }, alone])[1], alone);
  });

  it('can be run again without what they took over', () => {
    const [, select] = of('SET ROLE other', 'SELECT 1');
    assert.match(select!.request.sql, /SET LOCAL ROLE.*SELECT 1$/s);
    const batch = {
      id: 'b',
      index: 1,
      count: 2,
      label: 'b',
      parallel: 1,
      onFailure: 'stop',
      session: select!.session!,
    };
    const record = { request: select!.request, batch } as unknown as JobRecord;
    assert.equal(ownRequest(record).sql, 'SELECT 1');
  });
});
