import type { Clock } from '../../base/clock';
import type { Fault } from '../../base/fault';
import type { Logger } from '../../base/logger';
import type { Job } from '../job';
import type { JobFiles, ServerLink } from '../ports';

/** Whether a window may launch a job. `lost`: another window owns it; `unclaimed`: it cannot be adopted yet, see jobFolder.ts. */
export type LaunchPermit = 'yes' | 'lost' | 'unclaimed';

export interface RunnerContext {
  readonly link: ServerLink;
  readonly files: JobFiles;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether a session that breaks before the launch leads to a retry; limited, because the SQL itself may break the session. */
  readonly mayRetry: boolean;
  /** The number of jobs of the connection that run now. */
  running(): number;
  /** Takes a place among the jobs of the connection that may run at once. @returns why there is none */
  takePlace?: (() => Promise<Fault | undefined>) | undefined;
  /** Whether this window is closing. It saves nothing any more, so a launch that begins now would be unknown after a reload. */
  closing(): boolean;
  /** Called when `launchSentAt` is on disk, or could not be written. The launch is sent only if it resolves with `yes`. */
  mayLaunch(job: Job): Promise<LaunchPermit>;
}

/**
 * How a run ended:
 * - `ended`: the job is final
 * - `noSlot`: not launched, because there was no slot or no server
 * - `noPlace`: not launched, because jobs of other windows have all places
 * - `broken`: not launched, because the session broke
 * - `lockTimeout`: the worker did not get a lock in time, was rolled back, and another attempt follows
 * - `detached`: the worker is alive without its session
 * - `abandoned`: another window owns the job now
 * - `closing`: not launched, because this window is closing
 */
export type RunEnd = 'ended' | 'noSlot' | 'noPlace' | 'lockTimeout' | 'broken' | 'detached' | 'abandoned' | 'closing';
