import type { Client } from 'pg';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { compareServers, type ServerIdentity } from '../../jobs/serverIdentity';
import { destroySocket, endClient } from '../client/endClient';
import { introduce } from './serverIdentity';
import { afterSilence } from '../client/responseTimeout';

export interface ProbeOptions {
  readonly name: string;
  readonly log: Logger;
  /** How long the new connection has for its answer. Milliseconds. */
  readonly silenceMs: number;
  connect(): Promise<Client>;
}

/** Finds out whether a server answers new connections, for those on which it is silent. Those who ask at the same time share one. */
export class Probe {
  #running: Promise<ServerIdentity | undefined> | undefined;

  readonly #options: ProbeOptions;

  constructor(options: ProbeOptions) {
    this.#options = options;
  }

  async isAnswered(server: ServerIdentity): Promise<boolean> {
    this.#running ??= this.#ask().finally(() => (this.#running = undefined));
    const answered = await this.#running;
    // After a restart nothing of before answers any more.
    if (answered && compareServers(server, answered) !== 'other') return true;
    const { log, name } = this.#options;
    log.warn(`${name}: the server answers neither a session nor a new connection; it is waited for.`);
    return false;
  }

  async #ask(): Promise<ServerIdentity | undefined> {
    const { log, name, silenceMs } = this.#options;
    let client: Client | undefined;
    try {
      const opened = await this.#options.connect();
      client = opened;
      const silence = afterSilence(silenceMs, () => destroySocket(opened, new Error('no answer in time')));
      try {
        return (await introduce(opened, 'NULL')).server;
      } finally {
        silence.dispose();
      }
    } catch (error) {
      log.debug(`${name}: a new connection is not answered: ${messageOf(error)}`);
      return undefined;
    } finally {
      if (client) void endClient(client);
    }
  }
}
