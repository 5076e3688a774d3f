import type { JobError } from '../../api';

/** The connection to the server is gone; what was launched runs on, unless the server ended all of its processes. */
export class SessionLostError extends Error {
  override readonly name = 'SessionLostError';
  constructor(
    message: string,
    options?: ErrorOptions,
    /** The server said that one of its processes crashed, upon which it ends all of them (SQLSTATE 57P02). */
    readonly serverCrashed = false,
  ) {
    super(message, options);
  }
}

/** The server cannot be reached now, but could before: it may come back. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** What is asked about is on another server than the one that the connection leads to; nothing was done. */
export class OtherServerError extends Error {
  override readonly name = 'OtherServerError';
}

/** The server has not answered a cancel in time; it may still arrive, and its connection is kept. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/** The server refused a launch, so nothing was started. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError';
  constructor(
    readonly error: JobError,
    /** No worker slot was free: trying again later may work. */
    readonly noSlot: boolean,
    options?: ErrorOptions,
    /** The extension, or the right to use it, was there before and is missing now: it may come back. */
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
  /** The session could not pass on what the worker sent, because it is not valid text: that says nothing about the worker. */
  readonly unreadable: boolean;

  constructor(
    readonly error: JobError,
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
