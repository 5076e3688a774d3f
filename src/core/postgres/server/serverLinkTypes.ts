import type { Client } from 'pg';
import type { Clock } from '../../base/clock';
import type { Logger } from '../../base/logger';
import type { ReachedPlace } from '../../jobs/serverIdentity';
import type { ConnectReason } from '../connect/errors';

export type LinkState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected'; readonly serverVersion: string; readonly extensionVersion: string | undefined }
  /** `retryAt`: when it is tried again by itself, milliseconds since 1970. `reason`: where connecting itself failed. */
  | {
      readonly kind: 'error';
      readonly message: string;
      readonly reason?: ConnectReason;
      readonly retryAt?: number;
    };

export interface LinkOptions {
  readonly name: string;
  readonly database: string;
  /** Opens a new client, at the preferred place if it can be reached; rejects with a message for the user. */
  connect(prefer?: ReachedPlace): Promise<Client>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Sessions kept open for the next launch. */
  readonly warmSessions: number;
  /** How long the control connection, and a session, may be silent; for tests that do not want to wait so long. Milliseconds. */
  readonly silence?: { readonly controlMs: number; readonly sessionMs: number };
}

/** A pooling proxy in transaction mode stands between us and the server. */
export class PoolerError extends Error {
  override readonly name = 'PoolerError';
  constructor() {
    super(
      'A pooling proxy in transaction mode (such as PgBouncer) stands between VS Code and the server. pg_background keeps workers by session, so nothing can be launched through it: connect to PostgreSQL directly, or use the proxy in session mode.',
    );
  }
}
