import { describeFault } from '../src/core/base/fault';
import type { Job } from '../src/core/jobs/job';

/** A job's reason as one technical line with its code, parameters, and cause; empty if it has none. */
export function reasonOf({ record }: Job): string {
  return record.reason ? describeFault(record.reason) : '';
}
