import assert from 'node:assert/strict';
import { completeFilter } from '../../../../src/core/jobs/history/filterCompletions';
import { parseJobFilter } from '../../../../src/core/jobs/history/jobFilter';

const terms = (text: string): string[] => completeFilter(text, ['prod', 'my test']).map(({ term }) => term);
const filters = (text: string): string[] => completeFilter(text, ['prod', 'my test']).map(({ filter }) => filter);

describe('completions of a filter', () => {
  it('offers every key for a new term, and those that begin as typed', () => {
    assert.deepEqual(terms(''), ['is:', 'connection:', 'label:', 'sql:', 'pid:', 'after:', 'before:', 'on:']);
    assert.equal(terms('is:failed ').length, 8);
    assert.deepEqual(filters('nightly co'), ['nightly connection:']);
    assert.deepEqual(terms('zzz'), []);
  });

  it('offers the states, the connections, and days as values, and none for other keys', () => {
    assert.deepEqual([filters('is:fa'), filters('is:failed')], [['is:failed '], []]);
    assert.ok(terms('is:').includes('is:pinned'));
    assert.deepEqual(filters('is:failed connection:'), [
      'is:failed connection:prod ',
      'is:failed connection:"my test" ',
    ]);
    assert.deepEqual(terms('after:'), ['after:today', 'after:yesterday']);
    assert.deepEqual([terms('label:'), terms('http:')], [[], []]);
  });

  it('keeps a minus, and completes within quotes', () => {
    assert.deepEqual([terms('-is:los'), filters('-is:los')], [['-is:lost'], ['-is:lost ']]);
    assert.deepEqual(filters('connection:"my t'), ['connection:"my test" ']);
    assert.deepEqual(
      terms('-'),
      terms('').map((term) => `-${term}`),
    );
  });

  it('offers only valid terms', () => {
    for (const text of ['is:', 'connection:', 'after:', 'before:', 'on:', '-is:']) {
      for (const filter of filters(text)) assert.deepEqual(parseJobFilter(filter, Date.now()).faults, [], filter);
    }
  });
});
