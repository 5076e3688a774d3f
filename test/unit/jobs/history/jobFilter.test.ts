import assert from 'node:assert/strict';
import { parseJobFilter, type FilterableJob } from '../../../../src/core/jobs/history/jobFilter';

const NOW = new Date(2026, 10, 26, 15, 30).getTime();
const at = (day: number, hour = 12): number => new Date(2026, 10, day, hour).getTime();

function job(facts: Partial<FilterableJob> = {}): FilterableJob {
  const defaults = { label: 'nightly report', sql: 'SELECT count(*) FROM orders', connection: 'prod', pinned: false };
  return { ...defaults, state: 'succeeded', pid: 4711, queuedAt: at(26), finishedAt: at(26), ...facts };
}

function matches(text: string, facts: Partial<FilterableJob> = {}): boolean {
  const filter = parseJobFilter(text, NOW);
  assert.deepEqual(filter.faults, [], text);
  return filter.matches(job(facts));
}

describe('the filter of jobs', () => {
  it('matches every job if it is empty', () => {
    for (const text of ['', '   ', '-']) {
      assert.equal(parseJobFilter(text, NOW).empty, true, text);
      assert.ok(matches(text));
    }
  });

  it('finds words in the label, SQL, connection, error, and pid, in any case', () => {
    for (const text of [
      'Nightly',
      'ORDERS',
      'prod',
      '4711',
      'zero',
      'nightly orders',
      '"nightly report"',
      'count(*)',
    ]) {
      assert.ok(matches(text, { error: 'division by zero' }), text);
    }
    for (const text of ['weekly', 'nightly weekly', '"report nightly"', '471']) assert.ok(!matches(text), text);
  });

  it('combines states and connections as alternatives, everything else as conditions', () => {
    assert.ok(matches('is:failed is:succeeded connection:prod'));
    assert.ok(matches('connection:dev connection:PROD'));
    assert.ok(!matches('is:failed connection:prod'));
    assert.ok(!matches('is:succeeded connection:dev'));
    assert.ok(matches('is:finished is:running', { state: 'canceling', finishedAt: undefined }));
    assert.ok(matches('is:failed is:pinned', { pinned: true }));
  });

  it('excludes with a minus', () => {
    assert.ok(!matches('-is:succeeded'));
    assert.ok(matches('-is:failed -weekly'));
    assert.ok(!matches('report -connection:prod'));
  });

  it('has keys for label, SQL, and pid, and takes quoted values', () => {
    assert.ok(matches('label:"nightly report" sql:orders pid:4711'));
    assert.ok(!matches('label:orders'));
    assert.ok(!matches('sql:nightly'));
    assert.ok(!matches('pid:47'));
    assert.ok(matches('label:"nightly report'), 'an unclosed quote');
  });

  it('filters by local day of the end, or of the start if the job has not ended', () => {
    assert.ok(
      matches('on:2026-11-26') && matches('on:today') && matches('after:2026-11-26') && matches('before:2026-11-27'),
    );
    assert.ok(!matches('before:2026-11-26') && !matches('after:2026-11-27') && !matches('on:yesterday'));
    assert.ok(matches('on:yesterday', { finishedAt: at(25, 23) }));
    assert.ok(matches('on:2026-11-25', { finishedAt: undefined, queuedAt: at(25, 0) }));
  });

  it('searches unknown keys as text, because SQL has colons', () => {
    assert.ok(matches('x::int', { sql: 'SELECT x::int' }));
    assert.ok(matches('note:this', { sql: '-- note:this' }));
  });

  it('reports invalid terms with their position and ignores them', () => {
    const filter = parseJobFilter('is:broken on:2026-02-30 label: report', NOW);
    assert.deepEqual(
      filter.faults.map(({ code, span }) => [code, span]),
      [
        ['filter.unknownState', { start: 0, end: 9 }],
        ['filter.invalidDate', { start: 10, end: 23 }],
        ['filter.emptyValue', { start: 24, end: 30 }],
      ],
    );
    assert.ok(filter.matches(job()));
  });

  it('handles any text without throwing', () => {
    for (const text of [
      '"',
      '""',
      '-"',
      ':',
      'is:',
      '-is:constructor',
      'is:toString',
      '\\',
      '(',
      'a'.repeat(100_000),
      '"'.repeat(10_000),
    ]) {
      parseJobFilter(text, NOW).matches(job());
    }
  });
});
