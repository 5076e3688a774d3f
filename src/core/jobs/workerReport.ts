import type { JobError } from '../../api';

/** The server’s report of a worker that has stopped (`pg_background_result_info` and `_error_info`). */
export interface WorkerReport {
  readonly completed: boolean;
  readonly hasError: boolean;
  readonly commandTag: string;
  readonly rowCount: number;
  readonly error?: JobError;
  /** How long it ran by the server's clock. Milliseconds. */
  readonly serverMs?: number;
  /**
   * The error was raised by the server's own code for interrupts, that is, by a cancel or a timeout, and not by SQL that uses the
   * same SQLSTATE. Undefined if unknown.
   */
  readonly interrupted?: boolean;
}
