/** Why a connection could not be opened, for code that reacts to it; the message is for people. */
export type ConnectReason =
  /** The profile, the service file or the environment holds something that cannot be used. */
  | 'profile'
  | 'unreachable'
  | 'timeout'
  | 'tls'
  | 'noPassword'
  /** The user's own secrets are needed there, and the user has not allowed that. */
  | 'notApproved'
  /** The password command failed, or gave nothing. */
  | 'passwordCommand'
  | 'authentication'
  /** The server's way of asking for the password, or of proving who it is, is one that we refuse. */
  | 'unsafe'
  | 'hba'
  | 'database'
  | 'slots'
  | 'starting'
  /** Connected, but no server is of the wanted kind (target_session_attrs). */
  | 'sessionAttrs'
  /** Connected, but the role or the search path could not be set. */
  | 'setup'
  | 'aborted'
  /** Anything else that the server answered. */
  | 'server';

/**
 * A connection that could not be opened. The message is one or two sentences on what went wrong and what to do, and never
 * holds a password.
 */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  constructor(
    readonly reason: ConnectReason,
    message: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, options);
  }
}
