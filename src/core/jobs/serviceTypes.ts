import type { JobHistory } from './store/jobFolder';
import type { Clock } from '../base/clock';
import type { ClearedJobs } from './durable/launched';
import type { JobFiles, ServerLinks } from './ports';
import type { Places } from './scheduler/places';
import type { Logger } from '../base/logger';

/** The user's settings, read at each use. */
export interface JobSettings {
  /** Jobs that run at once per connection; 0 = no limit. */
  readonly maxConcurrentJobs: number;
  /** The grace window after SIGTERM. Milliseconds. */
  readonly graceMs: number;
  /** Finished jobs to keep; 0 = no limit. */
  readonly keepFinishedJobs: number;
  /** Days to keep a finished job; 0 = no limit. */
  readonly keepFinishedDays: number;
}

export interface JobServiceOptions {
  readonly links: ServerLinks;
  readonly history: JobHistory;
  readonly files: JobFiles;
  readonly clock: Clock;
  readonly log: Logger;
  /** Counts the jobs of other windows. Without it, the limit of jobs counts for this window alone. */
  readonly places?: Places;
  /** Remembers the durable jobs that were cleared. Without it, only until the window closes. */
  readonly cleared?: ClearedJobs | undefined;
  settings(): JobSettings;
  newId(): string;
}

export interface Restored {
  /** Jobs that wait until the user resumes them. */
  readonly held: number;
  /** Jobs whose workers may still be running. */
  readonly detached: number;
  /** Records that could not be read and were set aside. */
  readonly corrupt: number;
}
