/**
 * What the results panels need from the rest of the extension. `jobSource.ts` fills it from the jobs and their files;
 * tests fill it with fakes.
 */
import type { JobInfo, RunRequest } from '../../api';
import type { KeptNotice } from '../../core/jobs/textBudget';
import type { Disposable } from '../../core/base/disposable';
import type { WorkerLimits } from '../../core/jobs/ports';
import type { SpoolReader } from '../../core/results/spool/spool';
import type { FailurePlace } from '../editor/failures';
import type { StoredText } from './fullText';

/** The rows of a job, open for reading. Whoever asked for it closes it. */
export type RowsReader = SpoolReader;

/** A job as a panel shows it. */
export interface ResultsJob {
  readonly info: JobInfo;
  readonly request: RunRequest;
  /** The limits with which its worker was launched. */
  readonly limits?: WorkerLimits;
  /** What is kept of its rows, once it has ended. */
  readonly kept?: { readonly rows: number; readonly bytes: number };
  /** When SIGTERM was sent to its worker the last time, where somebody canceled it. Milliseconds since 1970. */
  readonly signaledAt?: number;
  readonly noticeCount: number;
  readonly noticesDropped?: number;
  /** Nothing can happen to it any more. */
  readonly final: boolean;
}

export interface ResultsSource {
  /** Undefined where the job is no longer known. */
  job(id: string): ResultsJob | undefined;
  /** Told at every change of a job. */
  onDidChange(listener: (id: string) => void): Disposable;
  /** Told when jobs are forgotten, with their rows. */
  onDidRemove(listener: (ids: readonly string[]) => void): Disposable;
  /** Opens the rows; undefined while there are none. Rejects where they cannot be read. */
  rows(id: string): Promise<RowsReader | undefined>;
  notices(id: string): readonly KeptNotice[];
  /** Messages that only their file still has: the first of {@link notices} has this number. */
  noticesNotHeld(id: string): number;
  /** Where the whole of a long error or message is, or all messages; undefined where it is not kept. */
  fullText(id: string, what: 'error' | 'messages' | number): StoredText | undefined;
  /** Where the error of a job is in the file that the job came from; undefined if it is not there, or no longer. */
  errorPlace(id: string): Promise<FailurePlace | undefined>;
  cancel(id: string): unknown;
  rerun(id: string): unknown;
}
