import assert from 'node:assert/strict';
import { ProcessIds } from '../../../src/core/postgres/client/processIds';

describe('process ids', () => {
  it('accepts only numbers in the range of process ids', () => {
    const ids = new ProcessIds();
    assert.deepEqual(
      [0, -435_705_099, 2 ** 22 + 1, 1, 2 ** 22].map((pid) => ids.processIdOf(pid, undefined)),
      [undefined, undefined, undefined, 1, 2 ** 22],
    );
  });

  it('rejects the process id of the previous worker', () => {
    const ids = new ProcessIds();
    assert.equal(ids.processIdOf(8354, 'then'), 8354);
    assert.equal(ids.processIdOf(8354, undefined), undefined);
    assert.equal(ids.processIdOf(0, undefined), undefined);
    assert.equal(ids.processIdOf(8354, 'then'), undefined, 'it may still be running, detached');
    assert.equal(ids.processIdOf(8355, undefined), 8355);
    assert.equal(ids.processIdOf(8355, 'now'), undefined);
  });

  it('accepts the same process id for another process', () => {
    const ids = new ProcessIds();
    assert.equal(ids.processIdOf(8354, 'then'), 8354);
    assert.equal(ids.processIdOf(8354, 'later'), 8354);
  });
});
