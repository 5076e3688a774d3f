import type { Client } from 'pg';
import type { Clock } from '../../base/clock';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { compareServers, type ServerIdentity } from '../../jobs/serverIdentity';
import { destroySocket, endClient } from '../client/endClient';
import { introduce } from './introduction';
import { startResponseTimeout } from '../client/responseTimeout';

export interface ProbeOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long the server may take to answer the new connection. Milliseconds. */
  readonly responseTimeoutMs: number;
  connect(): Promise<Client>;
}

/** Checks whether the server answers new connections, while it is silent on an existing one. Concurrent callers share one check. */
export class Probe {
  #running: Promise<ServerIdentity | undefined> | undefined;

  readonly #options: ProbeOptions;

  constructor(options: ProbeOptions) {
    this.#options = options;
  }

  async isAnswered(server: ServerIdentity): Promise<boolean> {
    this.#running ??= this.#connectAndQuery().finally(() => (this.#running = undefined));
    const answered = await this.#running;
    // After a restart, no connection from before will be answered.
    if (answered && compareServers(server, answered) !== 'other') return true;
    const { log, name } = this.#options;
    log.warn(`${name}: the server answers neither a session nor a new connection; waiting for it.`);
    return false;
  }

  async #connectAndQuery(): Promise<ServerIdentity | undefined> {
    const { clock, log, name, responseTimeoutMs } = this.#options;
    let client: Client | undefined;
    try {
      const opened = await this.#options.connect();
      client = opened;
      const timeout = startResponseTimeout(clock, responseTimeoutMs, () =>
        destroySocket(opened, new Error('no answer in time')),
      );
      try {
        return (await introduce(opened, 'NULL')).server;
      } finally {
        timeout.dispose();
      }
    } catch (error) {
      log.debug(`${name}: a new connection is not answered: ${messageOf(error)}`);
      return undefined;
    } finally {
      if (client) void endClient(client, clock);
    }
  }
}
