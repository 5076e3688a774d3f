import type { JobOwner } from '../../../src/core/jobs/job';

/** The owner of jobs that are only looked at: it stores nothing. */
export const IDLE_OWNER: JobOwner = {
  save: () => Promise.resolve(),
  changed: () => undefined,
  storeNotice: () => ({ kept: true }),
  storeLongError: () => undefined,
  loadNotices: () => [],
};
