import type { RunRequest } from '../../api';
import type { JobHistory } from './store/jobFolder';
import type { JobSource } from './job';
import type { Clock } from '../base/clock';
import type { JobFiles, ServerLinks } from './ports';
import type { Logger } from '../base/logger';

/** What the user may set; asked for at each use. */
export interface JobSettings {
  /** Jobs that run at once on one connection; 0 = no limit. */
  readonly maxConcurrentJobs: number;
  /** Milliseconds. */
  readonly graceMs: number;
  /** Finished jobs kept; 0 = no limit. */
  readonly keepFinishedJobs: number;
  /** Days that a finished job is kept; 0 = no limit. */
  readonly keepFinishedDays: number;
}

export interface JobServiceOptions {
  readonly links: ServerLinks;
  readonly history: JobHistory;
  readonly files: JobFiles;
  readonly clock: Clock;
  readonly log: Logger;
  settings(): JobSettings;
  newId(): string;
}

export interface NewJob extends RunRequest {
  readonly label: string;
  readonly connection: string;
  /** Where its text is in an editor. */
  readonly source?: JobSource;
}

export interface Restored {
  /** Jobs that wait for the user's word. */
  readonly held: number;
  /** Jobs whose workers may still run. */
  readonly detached: number;
  /** Records that could not be read and were set aside. */
  readonly corrupt: number;
}
