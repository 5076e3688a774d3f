import type { Client } from 'pg';
import type { Clock } from '../../base/clock';
import type { Fault } from '../../base/fault';
import type { Logger } from '../../base/logger';
import type { ReachedPlace } from '../../jobs/serverIdentity';
import type { ConnectReason } from '../connect/errors';

export type LinkState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected'; readonly serverVersion: string; readonly extensionVersion: string | undefined }
  /** `reason`: if connecting failed. `retryAt`: time of the automatic retry, milliseconds since 1970. */
  | {
      readonly kind: 'error';
      readonly fault: Fault;
      readonly reason?: ConnectReason;
      readonly retryAt?: number;
    };

/** Parameters of all workers of a connection, by name in lower case. */
export interface WorkerSettings {
  /** Those of a job take precedence. */
  readonly defaults: Readonly<Record<string, string>>;
  /** They take precedence over those of a job. */
  readonly enforced: Readonly<Record<string, string>>;
}

export interface LinkOptions {
  readonly name: string;
  readonly database: string;
  /** Opens a new client, at the preferred host and address if that can be reached. */
  connect(prefer?: ReachedPlace): Promise<Client>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Parameters of all workers. */
  readonly workerSettings?: WorkerSettings;
  /** How many sessions are kept open for the next launches. */
  readonly warmSessions: number;
  /** Called after each connect to a database in which durable jobs seem to be set up. */
  onDurable?(): void;
  /** Response timeouts of the control connection and of sessions, for tests. Milliseconds. */
  readonly responseTimeouts?: { readonly controlMs: number; readonly sessionMs: number };
}
