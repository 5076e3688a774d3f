import type { JobRecord } from '../job';
import type { RecordFile } from './recordFile';

/** Callbacks about the ownership of jobs. */
export interface OwnershipListener {
  /** Another window adopted the job, or its files were removed: this window must not drive it any more. */
  lost(id: string): void;
  /** A job that could not be adopted when it was restored is adopted now. @param older the record of its former owner */
  adopted(id: string, older: JobRecord): void;
  /** The record on disk is damaged, or another window found it damaged and set it aside: it must be written again. */
  damaged(id: string): void;
}

/** The ownership of a job whose record this window writes. */
export interface Owned {
  readonly epoch: number;
  readonly file: RecordFile;
  /**
   * - `new`: not on disk yet
   * - `onDisk`: our epoch exists
   * - `unclaimed`: our epoch must be claimed before anything is written
   */
  place: 'new' | 'onDisk' | 'unclaimed';
  lost: boolean;
  /** Another window set the record aside, and it is not written again yet. */
  setAside?: boolean;
}
