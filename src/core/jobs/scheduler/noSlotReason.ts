import { SQLSTATE } from '../../base/sqlstate';
import type { RecordedError } from '../errors';
import type { JobFault } from '../faults';
import type { ActivitySnapshot } from '../ports';

/** Why a job waits for a worker slot (docs/internals/pg-background.md, section 9). */
export function noSlotReason(error: RecordedError, snapshot: ActivitySnapshot | undefined): JobFault {
  const { sqlstate, message } = error;
  if (sqlstate === SQLSTATE.configurationLimitExceeded) return { code: 'jobs.sessionLimit', params: { message } };
  // Processes of other roles may be hidden from ours, so at least this many slots are used.
  const slots = snapshot ? { used: snapshot.slotsUsed, total: snapshot.slotsTotal } : {};
  return { code: 'jobs.noSlot', params: { message, ...slots } };
}
