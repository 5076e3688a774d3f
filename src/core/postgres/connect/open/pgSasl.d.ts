/** The part of `pg` that knows SCRAM (RFC 5802, RFC 7677, RFC 5929); its types do not have it. */
declare module 'pg/lib/crypto/sasl' {
  import type { TLSSocket } from 'node:tls';

  export interface ScramSession {
    readonly mechanism: string;
    readonly clientNonce: string;
    /** What to send next. */
    readonly response: string;
  }
  export function startSession(
    mechanisms: readonly string[],
    /** Given: the password is bound to this socket's certificate if the server offers it. */
    stream: TLSSocket | undefined,
    /** Most iterations. */
    scramMaxIterations: number,
  ): ScramSession;
  /** Derives the keys on a thread of its own. */
  export function continueSession(
    session: ScramSession,
    password: string,
    serverFirstMessage: string,
    stream: TLSSocket | undefined,
  ): Promise<void>;
  /** @throws Error if the server's signature is wrong */
  export function finalizeSession(session: ScramSession, serverFinalMessage: string): void;
}
