import assert from 'node:assert/strict';
import { Job, newRecord } from '../../../src/core/jobs/job';
import { jobInfo } from '../../../src/host/messages/jobInfo';
import { IDLE_OWNER } from '../jobs/idleOwner';

describe('a job as the API describes it', () => {
  it('says which window drives it', () => {
    const record = newRecord('j', { sql: 'SELECT 1', label: 'l', connection: 'c' }, 'w', 1);
    const job = new Job(record, IDLE_OWNER);
    assert.equal(jobInfo(job).origin, 'thisWindow');
    job.mirror({ ...record, owner: 'other' });
    assert.equal(jobInfo(job).origin, 'otherWindow');
    job.own(record);
    assert.equal(jobInfo(job).origin, 'thisWindow');
  });
});
