import type { Fault } from '../../base/fault';
import type { Job } from '../job';

/** The durable jobs that the user cleared in this workspace. They stay on the server. */
export interface ClearedJobs {
  get(): readonly string[];
  set(ids: readonly string[]): void;
}

export interface Launched {
  readonly job: Job;
  /** What cannot be kept or proved. */
  readonly notices: readonly Fault[];
}

export interface LaunchedBatch {
  /** The jobs of the batch, in order. */
  readonly jobs: readonly Job[];
  readonly notices: readonly Fault[];
}
