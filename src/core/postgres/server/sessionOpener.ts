import type { Client } from 'pg';
import type { Clock } from '../../base/clock';
import type { Logger } from '../../base/logger';
import { OtherServerError } from '../../jobs/errors';
import { FaultError } from '../../base/fault';
import { compareServers, nameServer, type ReachedPlace, type ServerIdentity } from '../../jobs/serverIdentity';
import { otherServers, type ServerFault } from '../faults';
import { endClient } from '../client/endClient';
import type { ExtensionFunctions } from '../pgBackground/extensionFunctions';
import { PgSession, type SessionContext } from '../pgBackground/session';
import { SAME_SERVER_ATTEMPTS, toConnectionError, type ControlConnection } from './controlConnection';
import { isTransactionPooled } from './pooler';

export interface SessionOpenerOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly control: ControlConnection;
  connect(prefer?: ReachedPlace): Promise<Client>;
  /** Opens the control connection and finds pg_background there. */
  findFunctions(): Promise<ExtensionFunctions>;
  contextFor(functions: ExtensionFunctions): SessionContext;
  /** Whether the link has other open sessions. */
  hasSessions(): boolean;
}

/** Opens sessions on the server of the control connection, even if the address leads to several servers. */
export class SessionOpener {
  readonly #options: SessionOpenerOptions;

  constructor(options: SessionOpenerOptions) {
    this.#options = options;
  }

  /** @throws OtherServerError if new connections only lead to other servers */
  async open(): Promise<PgSession> {
    const { name, log, control } = this.#options;
    let other: ServerIdentity | undefined;
    for (let attempt = 1; attempt <= SAME_SERVER_ATTEMPTS; attempt++) {
      const session = await this.#tryOpen();
      // The control connection may have been opened again in the meantime, to another server.
      const server = await control.open().catch(async (error: unknown) => {
        await session.end();
        throw error;
      });
      if (compareServers(session.server, server) === 'same') return session;
      other = session.server;
      log.debug(`${name}: a session reached ${nameServer(other)} instead; trying again.`);
      await session.end();
    }
    throw await this.#otherServerError(other ?? { start: '' });
  }

  async #otherServerError(other: ServerIdentity): Promise<OtherServerError> {
    const { control } = this.#options;
    const server = await control.open();
    // Workers of running jobs are on the old server and are signaled through the control connection. Without jobs it is useless.
    if (!this.#options.hasSessions()) await control.drop(new Error('new connections lead to another server'));
    return new OtherServerError({
      code: 'server.newConnectionsElsewhere',
      params: otherServers(server, other),
    } satisfies ServerFault);
  }

  async #tryOpen(): Promise<PgSession> {
    const options = this.#options;
    const { clock, control } = options;
    const functions = await options.findFunctions();
    const client = await options.connect(control.reached);
    try {
      const session = await PgSession.start(client, options.contextFor(functions));
      if (await isTransactionPooled(client, session.backendPid, (query) => control.query(query))) {
        throw new FaultError<ServerFault>({ code: 'server.transactionPooler' });
      }
      return session;
    } catch (error) {
      const cause = toConnectionError(error, client);
      await endClient(client, clock);
      throw cause;
    }
  }
}
