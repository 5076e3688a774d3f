import '../../vscodeStandIn';
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { Job, newRecord } from '../../../src/core/jobs/job';
import { createApi } from '../../../src/host/publicApi';

describe('the public API', () => {
  it('confirms a job only when its record is on disk, because a crash would forget it', async () => {
    let written!: () => void;
    const onDisk = new Promise<void>((resolve) => (written = resolve));
    const job = new Job(newRecord('j', { sql: 'SELECT 1', label: 'l', connection: 'c' }, 'w', 1), {
      save: () => onDisk,
      changed: () => undefined,
      storeNotice: () => ({ kept: true }),
      storeLongError: () => undefined,
      loadNotices: () => [],
    });
    job.save();
    const launcher = { run: () => job };
    const api = createApi(...([{}, launcher, {}, {}, Promise.resolve()] as unknown as Parameters<typeof createApi>));
    let confirmed = false;
    const running = api.run({ sql: 'SELECT 1', connection: 'c' }).finally(() => (confirmed = true));
    await setImmediate();
    assert.equal(confirmed, false);
    written();
    assert.equal((await running).id, 'j');
  });
});
