import assert from 'node:assert/strict';
import { describeFault, FaultError, isFault, type FaultOf, type NoParams } from '../../src/core/base/fault';

interface TestFaults {
  'test.empty': NoParams;
  'test.unreachable': { readonly host: string; readonly port: number };
}

describe('faults', () => {
  it('are one technical line in the log', () => {
    const unreachable: FaultOf<TestFaults> = {
      code: 'test.unreachable',
      params: { host: 'db', port: 1 },
      field: 'host',
    };
    assert.equal(describeFault(unreachable), 'test.unreachable (field=host, host=db, port=1)');
    assert.equal(describeFault({ code: 'test.empty' } satisfies FaultOf<TestFaults>), 'test.empty');
  });

  it('travel in an error that keeps its cause and its class name', () => {
    class TestError extends FaultError<FaultOf<TestFaults>> {}
    const cause = new Error('ECONNREFUSED');
    const error = new TestError({ code: 'test.empty' }, { cause });
    assert.deepEqual([error.name, error.message, error.cause], ['TestError', 'test.empty', cause]);
  });

  it('are recognized by their code', () => {
    assert.ok(isFault({ code: 'any' }));
    for (const other of [undefined, null, 'text', {}, { code: 1 }]) assert.ok(!isFault(other));
  });
});
