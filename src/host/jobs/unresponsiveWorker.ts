import type { Job } from '../../core/jobs/job';
import type { ActiveWorker, ServerLink } from '../../core/jobs/ports';

/** A worker that is still running after the grace window of a cancel. */
export interface Unresponsive {
  readonly label: string;
  readonly pid: number | undefined;
  readonly graceMs: number;
  /** Undefined for a worker that was launched elsewhere. */
  readonly job: Job | undefined;
  readonly connection: string;
  readonly link: ServerLink | undefined;
  /** As the server last showed it; null if the server could not be asked. */
  readonly worker: ActiveWorker | undefined | null;
  /** Samples from then on explain why it is still running. Monotonic milliseconds. */
  readonly settledAt: number;
  /** Milliseconds since 1970. */
  readonly signaledAt: number;
}
