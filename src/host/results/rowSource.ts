/**
 * The data and actions that the results panels need. `jobSource.ts` implements them with the jobs and their files; tests use fakes.
 */
import type { JobInfo, RunRequest } from '../../api';
import type { KeptNotice, TextPlace } from '../../core/jobs/textBudget';
import type { Disposable } from '../../core/base/disposable';
import type { DurableFacts } from '../../core/jobs/durable/ports';
import type { UsualDuration } from '../../core/jobs/history/usualDuration';
import type { Job } from '../../core/jobs/job';
import type { Waited } from '../../core/jobs/run/waitTimes';
import type { ServerLink, WorkerLimits } from '../../core/jobs/ports';
import type { SpoolReader } from '../../core/results/spool/spool';
import type { ChangeTone, ResultsHead } from '../../shared/resultsProtocol';
import type { FailureLocation } from '../editor/failures';

/** The rows of a job, open for reading. The caller closes it. */
export type RowsReader = SpoolReader;

/** A job as shown by a panel. */
export interface ResultsJob {
  readonly info: JobInfo;
  readonly request: RunRequest;
  /** The limits of its worker at launch. */
  readonly limits?: WorkerLimits;
  /** The rows kept, once the job has ended. */
  readonly kept?: { readonly rows: number; readonly bytes: number };
  /** How long earlier runs of its SQL took, if there were enough. */
  readonly usual?: UsualDuration;
  /** When SIGTERM was last sent to its worker, if it was canceled. Milliseconds since 1970. */
  readonly signaledAt?: number;
  /** What it waited for during most of its time. */
  readonly waited?: Waited;
  readonly noticeCount: number;
  readonly noticesDropped?: number;
  /** Set for a durable job. */
  readonly durable?: DurableFacts;
  /** Its rows are still being copied from the server, although it has ended. */
  readonly copying?: boolean;
  /** Its state can no longer change. */
  readonly final: boolean;
  /** Set if this is not a job but a comparison of two results. */
  readonly comparison?: ComparisonView;
}

/** What the page shows of a comparison. */
export interface ComparisonView {
  readonly head: Omit<ResultsHead, 'now'>;
  /** The colors of the values in its first column. */
  readonly tones: Readonly<Record<string, ChangeTone>>;
}

/** A text in a UTF-8 file. */
export interface StoredText {
  readonly file: string;
  /** The part of the file; default: all of it. */
  readonly place?: TextPlace;
  /** A file for a part that is too long for an untitled document. */
  readonly shown: string;
}

export interface LinkedJob {
  readonly job: Job;
  readonly link: ServerLink;
}

export interface ResultsSource {
  /** Undefined if the job is not known. */
  job(id: string): ResultsJob | undefined;
  /** Fires at every change of a job. */
  onDidChange(listener: (id: string) => void): Disposable;
  /** Fires when jobs are removed, with their rows. */
  onDidRemove(listener: (ids: readonly string[]) => void): Disposable;
  /**
   * Opens the rows; undefined while there are none. Rejects if they cannot be read.
   * @param all wait until those of a durable job were copied from the server
   */
  rows(id: string, all?: boolean): Promise<RowsReader | undefined>;
  /** The job with the link of its connection, if that is open. */
  linked?(id: string): LinkedJob | undefined;
  /** The user sees the job in a panel. */
  shown?(id: string): void;
  /** Its panel was closed. */
  closed?(id: string): void;
  notices(id: string): readonly KeptNotice[];
  /** How many earlier messages are only in the messages file: the number of the first one in {@link notices}. */
  noticesNotHeld(id: string): number;
  /** The file with the full text of the error, of all messages, or of one message; undefined if it was not kept. */
  fullText(id: string, what: 'error' | 'messages' | number): StoredText | undefined;
  /** The location of the job's error in the file that it was launched from; undefined if the text has changed or no longer exists. */
  errorPlace(id: string): Promise<FailureLocation | undefined>;
  cancel(id: string): unknown;
  rerun(id: string): unknown;
}
