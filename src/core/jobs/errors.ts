import type { JobError } from '../../api';
import { describeFault, textFault, type Fault } from '../base/fault';

/**
 * The error of a job: the server's own message, or a problem that this extension found. The latter has a fault, which is shown
 * instead of the message.
 */
export interface RecordedError extends JobError {
  readonly fault?: Fault;
}

/** An error for a problem that the server did not report. */
export function errorOfFault(fault: Fault): RecordedError {
  return { sqlstate: '', message: describeFault(fault), fault };
}

/** An error as the cause of a fault. @param hint shown after the message */
export function faultOfError({ fault, message }: RecordedError, hint?: string): Fault {
  return fault ?? textFault(hint === undefined ? message : `${message} ${hint}`);
}

/** An error with a fault. A string is a text that has no code, such as a server's own message. */
class ReportedError extends Error {
  readonly fault: Fault;

  constructor(fault: Fault | string, options?: ErrorOptions) {
    const reported = typeof fault === 'string' ? textFault(fault) : fault;
    super(describeFault(reported), options);
    this.fault = reported;
  }
}

/** The connection to the server is lost. A launched worker keeps running unless the server ended all of its processes. */
export class SessionLostError extends ReportedError {
  override readonly name = 'SessionLostError';
  constructor(
    fault: Fault | string,
    options?: ErrorOptions,
    /** The server reported that one of its processes crashed, after which it ends all of them (SQLSTATE 57P02). */
    readonly serverCrashed = false,
  ) {
    super(fault, options);
  }
}

/** The server cannot be reached now, but could before: a retry may succeed. */
export class UnreachableError extends ReportedError {
  override readonly name = 'UnreachableError';
}

/** The connection leads to another server than the one that the request is about. Nothing was done. */
export class OtherServerError extends ReportedError {
  override readonly name = 'OtherServerError';
}

/** The server did not answer a cancel in time. The cancel may still arrive, and the connection is kept. */
export class NoAnswerError extends ReportedError {
  override readonly name = 'NoAnswerError';
}

/** The server refused a launch, so nothing was started. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError';
  constructor(
    readonly error: RecordedError,
    /** No worker slot was free: a retry may succeed. */
    readonly noSlot: boolean,
    options?: ErrorOptions,
    /** The extension, or the right to use it, existed before and is missing now: a retry may succeed. */
    readonly withdrawn = false,
  ) {
    super(error.message, options);
  }
}

/** The worker itself failed, with the server's error. */
export class WorkerFailedError extends Error {
  override readonly name = 'WorkerFailedError';
  /** See {@link WorkerReport.interrupted}. */
  readonly interrupted: boolean | undefined;
  /** The session could not pass on the worker's output because it is not valid text. The worker itself may be fine. */
  readonly unreadable: boolean;

  constructor(
    readonly error: RecordedError,
    {
      interrupted,
      unreadable = false,
      ...options
    }: ErrorOptions & { interrupted?: boolean; unreadable?: boolean } = {},
  ) {
    super(error.message, options);
    this.interrupted = interrupted;
    this.unreadable = unreadable;
  }
}
