import assert from 'node:assert/strict';
import { workKindOf } from '../../../../src/core/jobs/activity/workKind';

describe('the kind of work', () => {
  const kindOf = (wait: string, state = 'active'): string | undefined => {
    const [waitEventType, waitEvent] = wait.split('/');
    return workKindOf({ state, ...(wait === '' ? {} : { waitEventType: waitEventType!, waitEvent: waitEvent! }) });
  };

  it('of a running statement follows from its wait event, in all versions of the server', () => {
    const kinds = {
      cpu: [''],
      reading: [
        'IO/DataFileRead',
        'IO/BufFileRead',
        'IO/BuffileRead',
        'IO/DataFilePrefetch',
        'IO/AioIoCompletion',
        'IO/WalRead',
        'IPC/BufferIO',
        'IPC/BufferIo',
      ],
      writing: [
        'IO/DataFileWrite',
        'IO/DataFileExtend',
        'IO/DataFileImmediateSync',
        'IO/BufFileWrite',
        'IO/WALWrite',
        'IO/WalSync',
        'LWLock/WALWrite',
        'LWLock/WALWriteLock',
      ],
      lock: ['Lock/relation', 'Lock/transactionid', 'Lock/advisory'],
      queue: ['IPC/MessageQueuePutMessage'],
      waiting: ['Timeout/PgSleep', 'IPC/ExecuteGather', 'LWLock/WALInsert', 'IO/SomethingNew', 'Client/ClientRead'],
    };
    for (const [kind, waits] of Object.entries(kinds)) for (const wait of waits) assert.equal(kindOf(wait), kind, wait);
  });

  it('without a statement follows from the state, whatever the session waits for', () => {
    assert.equal(kindOf('Client/ClientRead', 'idle in transaction'), 'transaction');
    assert.equal(kindOf('', 'idle in transaction (aborted)'), 'transaction');
    assert.equal(kindOf('Client/ClientRead', 'idle'), 'idle');
  });

  it('is unknown if the role may not see the state', () => {
    assert.equal(workKindOf({}), undefined);
    assert.equal(workKindOf({ state: '' }), undefined);
    assert.equal(workKindOf({ state: 'disabled' }), undefined);
    assert.equal(kindOf('Lock/relation', 'disabled'), 'lock', 'waits are shown even if activities are not tracked');
  });
});
