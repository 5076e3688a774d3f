import assert from 'node:assert/strict';
import type { InvalidIndex } from '../../../src/core/jobs/ports';
import { leftBy } from '../../../src/core/jobs/run/indexWatch';
import { concurrentIndex } from '../../../src/core/sql/classify/concurrentIndex';

describe('invalid indexes', () => {
  it('reads what a statement builds', () => {
    const cases: [string, unknown][] = [
      ['CREATE INDEX CONCURRENTLY i ON t (a)', { reindex: false, table: 't', index: 'i' }],
      [
        'create unique index concurrently if not exists "I ""x" on only S."T" using btree (a)',
        { reindex: false, table: 'T', index: 'I "x', schema: 's' },
      ],
      ["SET lock_timeout = '1s'; CREATE INDEX CONCURRENTLY ON t (a)", { reindex: false, table: 't' }],
      ['REINDEX INDEX CONCURRENTLY s.i', { reindex: true, index: 'i', schema: 's' }],
      ['REINDEX (VERBOSE, CONCURRENTLY) TABLE t', { reindex: true, table: 't' }],
      ['REINDEX SCHEMA CONCURRENTLY s', { reindex: true, schema: 's' }],
      ['REINDEX DATABASE CONCURRENTLY d', { reindex: true }],
      ['REINDEX TABLE t', undefined],
      ['CREATE INDEX i ON t (a)', undefined],
      ['DROP INDEX CONCURRENTLY i', undefined],
      ['SELECT 1 AS concurrently', undefined],
    ];
    for (const [sql, expected] of cases) assert.deepEqual(concurrentIndex(sql), expected, sql);
  });

  it('reports only those that the statement must have left', () => {
    const index = (name: string, table = 't', tableSchema = 's'): InvalidIndex => ({
      ...{ oid: name, schema: tableSchema, name, tableSchema, table },
    });
    const names = (sql: string, ...found: InvalidIndex[]): string[] => {
      const target = concurrentIndex(sql);
      assert.ok(target);
      return leftBy(target, found).map(({ name }) => name);
    };
    const create = 'CREATE INDEX CONCURRENTLY i ON t (a)';
    assert.deepEqual(names(create, index('i'), index('j'), index('i', 'u')), ['i']);
    assert.deepEqual(names('CREATE INDEX CONCURRENTLY i ON s.t (a)', index('i', 't', 'other')), []);
    const unnamed = 'CREATE INDEX CONCURRENTLY ON t (a)';
    assert.deepEqual(names(unnamed, index('t_a_idx')), ['t_a_idx']);
    assert.deepEqual(names(unnamed, index('t_a_idx'), index('other')), []);
    assert.deepEqual(names('REINDEX INDEX CONCURRENTLY i', index('i_ccnew'), index('i'), index('x_ccnew')), [
      'i_ccnew',
    ]);
    assert.deepEqual(names('REINDEX TABLE CONCURRENTLY t', index('i_ccold1'), index('j_ccnew', 'u')), ['i_ccold1']);
  });
});
