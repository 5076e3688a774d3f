import type { RecordedError } from './errors';

/** What the server reports about a stopped worker (`pg_background_result_info` and `_error_info`). */
export interface WorkerReport {
  readonly completed: boolean;
  readonly hasError: boolean;
  readonly commandTag: string;
  readonly rowCount: number;
  readonly error?: RecordedError;
  /** How long the worker ran by the server's clock. Milliseconds. */
  readonly serverMs?: number;
  /**
   * True if the server's own interrupt handling raised the error, that is, a cancel or a timeout; false if it was SQL that uses the same
   * SQLSTATE. Undefined if unknown.
   */
  readonly interrupted?: boolean;
}
