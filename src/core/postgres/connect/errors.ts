import { describeFault, type Fault } from '../../base/fault';
import type { ConnectFault } from './connectFaults';

/** The kind of failure, for code that reacts to it: whether to retry, to ask for the password again, or which field to show. */
export type ConnectReason =
  /** The profile, the service file, or the environment holds a value that cannot be used. */
  | 'profile'
  | 'unreachable'
  | 'timeout'
  | 'tls'
  | 'noPassword'
  /** The connection needs the user's own secrets, and the user has not allowed that. */
  | 'notApproved'
  /** The password command failed or printed nothing. */
  | 'passwordCommand'
  | 'authentication'
  /** The server's authentication request, or its proof of identity, is not acceptable. */
  | 'unsafe'
  /** No line of pg_hba.conf allows the connection. */
  | 'hba'
  | 'database'
  /** The server has no connection slot left. */
  | 'slots'
  | 'starting'
  /** Connected, but no server matches `targetSessionAttrs`. */
  | 'sessionAttrs'
  /** Connected, but the role or the search path could not be set. */
  | 'setup'
  | 'aborted'
  /** Any other error response. */
  | 'server';

/**
 * A connection that could not be opened. The fault (see {@link ./connectFaults}) describes the problem; neither the fault nor the
 * message contains a password.
 */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  readonly reason: ConnectReason;
  readonly fault: Fault;

  constructor(reason: ConnectReason, fault: Fault, options: ErrorOptions = {}) {
    super(describeFault(fault), options);
    this.reason = reason;
    this.fault = fault;
  }
}

/** A {@link ConnectError} with one of the faults of opening a connection. */
export function connectError(reason: ConnectReason, fault: ConnectFault, options?: ErrorOptions): ConnectError {
  return new ConnectError(reason, fault, options);
}
