import assert from 'node:assert/strict';
import { ProcessIds } from '../../../src/core/postgres/client/processIds';

describe('process ids', () => {
  it('are numbers that a system gives', () => {
    const ids = new ProcessIds();
    assert.deepEqual(
      [0, -435_705_099, 2 ** 22 + 1, 1, 2 ** 22].map((pid) => ids.processIdOf(pid, undefined)),
      [undefined, undefined, undefined, 1, 2 ** 22],
    );
  });

  it('are not those of the worker before, however often they come', () => {
    const ids = new ProcessIds();
    assert.equal(ids.processIdOf(8354, 'then'), 8354);
    assert.equal(ids.processIdOf(8354, undefined), undefined);
    assert.equal(ids.processIdOf(0, undefined), undefined);
    assert.equal(ids.processIdOf(8354, 'then'), undefined, 'it may still run, let go');
    assert.equal(ids.processIdOf(8355, undefined), 8355);
    assert.equal(ids.processIdOf(8355, 'now'), undefined);
  });

  it('may come again for another process', () => {
    const ids = new ProcessIds();
    assert.equal(ids.processIdOf(8354, 'then'), 8354);
    assert.equal(ids.processIdOf(8354, 'later'), 8354);
  });
});
