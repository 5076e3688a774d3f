/** The SCRAM module of `pg` (RFC 5802, RFC 7677, RFC 5929), which its types lack. */
declare module 'pg/lib/crypto/sasl' {
  import type { TLSSocket } from 'node:tls';

  export interface ScramSession {
    readonly mechanism: string;
    readonly clientNonce: string;
    /** The next message to send. */
    readonly response: string;
  }
  export function startSession(
    mechanisms: readonly string[],
    /** If given, the password is bound to this socket's certificate, provided that the server offers channel binding. */
    stream: TLSSocket | undefined,
    scramMaxIterations: number,
  ): ScramSession;
  /** Derives the keys on a separate thread. */
  export function continueSession(
    session: ScramSession,
    password: string,
    serverFirstMessage: string,
    stream: TLSSocket | undefined,
  ): Promise<void>;
  /** @throws Error if the server's signature is wrong */
  export function finalizeSession(session: ScramSession, serverFinalMessage: string): void;
}
