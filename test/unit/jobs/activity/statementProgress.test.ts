import assert from 'node:assert/strict';
import { progressCount } from '../../../../src/core/jobs/activity/statementProgress';

describe('the progress of a statement', () => {
  const count = (view: string, columns: Record<string, string | number>): ReturnType<typeof progressCount> =>
    progressCount({ view, columns: Object.entries(columns).map(([name, value]) => [name, String(value)]) });

  it('has the percentage of the counters of its phase', () => {
    const vacuum = {
      heap_blks_total: 200,
      heap_blks_scanned: 200,
      heap_blks_vacuumed: 31,
      indexes_total: 3,
      indexes_processed: 1,
    };
    assert.deepEqual(count('vacuum', { phase: 'scanning heap', ...vacuum }), { done: 200, total: 200, pct: 100 });
    assert.deepEqual(count('vacuum', { phase: 'vacuuming heap', ...vacuum }), { done: 31, total: 200, pct: 15 });
    assert.deepEqual(count('vacuum', { phase: 'vacuuming indexes', ...vacuum }), { done: 1, total: 3, pct: 33 });
    const index = {
      blocks_total: 10,
      blocks_done: 10,
      tuples_total: 1000,
      tuples_done: 5,
      lockers_total: 2,
      lockers_done: 1,
    };
    assert.equal(count('create_index', { phase: 'building index: scanning table', ...index })?.pct, 100);
    assert.equal(count('create_index', { phase: 'building index: loading tuples in tree', ...index })?.pct, 0);
    assert.equal(count('create_index', { phase: 'waiting for writers before build', ...index })?.pct, 50);
  });

  it('has no percentage in a phase without a total, or if the total is not known', () => {
    assert.equal(count('vacuum', { phase: 'truncating heap', heap_blks_total: 9, heap_blks_scanned: 9 }), undefined);
    assert.equal(count('copy', { command: 'COPY FROM', bytes_processed: 900, bytes_total: 0 }), undefined);
    assert.equal(count('basebackup', { phase: 'streaming database files', backup_streamed: 5 }), undefined);
    assert.equal(count('cluster', { phase: 'writing new heap', heap_blks_total: 9, heap_blks_scanned: 9 }), undefined);
  });

  it('never exceeds 100 %, because a table can grow', () => {
    assert.equal(count('copy', { bytes_processed: 1200, bytes_total: 1000 })?.pct, 100);
  });

  it('has the percentage of a view of a later version only if it is clear which counters belong together', () => {
    assert.equal(count('repack', { phase: 'x', rows_total: 8, rows_done: 2 })?.pct, 25);
    assert.equal(count('repack', { rows_total: 8, rows_done: 2, blocks_total: 4, blocks_done: 4 }), undefined);
    assert.equal(count('repack', { rows_total: 8, rows_seen: 2 }), undefined);
  });
});
