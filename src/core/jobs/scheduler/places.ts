import type { Disposable } from '../../base/disposable';
import type { Job } from '../job';

/** A place among the jobs of a connection that may run at once, in all windows together. */
export interface Place {
  /** The job no longer needs it. Never rejects. */
  release(): Promise<void>;
  /** Another window drives the job now, and the place is that window's. */
  leave(): void;
}

/** Why a job got no place. */
export interface NoPlace {
  /** Places that jobs of other windows have. */
  readonly elsewhere: number;
  /** A place is free, but a job of another window has waited longer. */
  readonly yields: boolean;
}

/** The limit of jobs that run at once, across windows. Its methods never reject: without a disk, each window limits its own jobs only. */
export interface Places {
  /** @param patient the job has let older ones go first for long enough */
  take(job: Job, limit: number, patient: boolean): Promise<Place | NoPlace>;
  /** Shows the other windows that the job is the next one that waits. */
  announce(job: Job): Promise<void>;
  /** No job of the connection waits in this window any more. */
  withdraw(connection: string): Promise<void>;
  /** Calls back when a place of the connection was taken or released. */
  watch(connection: string, changed: () => void): Disposable;
}
