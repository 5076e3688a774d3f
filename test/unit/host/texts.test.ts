import { env } from '../../vscodeStandIn';
import assert from 'node:assert/strict';
import type { ActiveWorker } from '../../../src/core/jobs/ports';
import { stuckReasonOf } from '../../../src/core/jobs/cancel/stuckReason';
import { formatCount } from '../../../src/host/jobs/jobText';
import { faultText } from '../../../src/host/messages/faultText';

describe('texts', () => {
  afterEach(() => (env.language = 'en'));

  it('have numbers with the separators of VS Code’s language', () => {
    assert.equal(formatCount(1234567), '1,234,567');
    env.language = 'de';
    assert.equal(formatCount(1234567), '1.234.567');
  });

  it('have a singular if only one row was kept', () => {
    assert.equal(
      faultText({ code: 'rows.maxRows', params: { rows: 1, limit: 1 } }),
      'Only the first row was kept: the limit of 1 row was reached.',
    );
    assert.equal(
      faultText({ code: 'rows.maxBytes', params: { rows: 1, limit: 1000 } }),
      'Only the first row was kept: the limit of 1,000 bytes was reached.',
    );
    assert.equal(
      faultText({ code: 'rows.maxRows', params: { rows: 2, limit: 2 } }),
      'Only the first 2 rows were kept: the limit of 2 rows was reached.',
    );
  });

  it('explain that a worker that waits for a lock after a cancel has caught the cancel', () => {
    const worker: ActiveWorker = { pid: 1, backendStart: 's', label: 'l', state: 'active', blockers: [] };
    const locked = { ...worker, waitEventType: 'Lock', waitEvent: 'relation' };
    assert.equal(faultText(stuckReasonOf(locked)), 'Its SQL caught the cancel and now waits for a lock.');
    assert.equal(
      faultText(stuckReasonOf({ ...locked, blockers: [{ pid: 7, user: 'u', application: 'psql' }] })),
      'Its SQL caught the cancel and now waits for a lock held by pid 7, u, psql.',
    );
  });
});
