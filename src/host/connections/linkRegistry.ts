import type { Clock } from '../../core/base/clock';
import type { Logger } from '../../core/base/logger';
import { workerSettingsOf } from '../../core/postgres/connect/conninfo/workerSettings';
import { PgServerLink, type LinkOptions } from '../../core/postgres/server/serverLink';
import { scopeOf, type ConnectionEntry } from './connectionEntries';

/** Idle sessions kept open, so that a launch does not wait for one. */
const WARM_SESSIONS = 2;

/** The parts of a registry's surroundings that it depends on. */
export interface LinkRegistryHost {
  readonly clock: Clock;
  readonly log: Logger;
  open(entry: ConnectionEntry, prefer: Parameters<LinkOptions['connect']>[0]): ReturnType<LinkOptions['connect']>;
  /** A link was added or removed, or the state of one has changed. */
  changed(): void;
  /** Durable jobs seem to be set up where a link has connected to. */
  durable(name: string, link: PgServerLink): void;
}

/** The live links to servers, by the name of their connection. */
export class LinkRegistry {
  readonly #links = new Map<string, { readonly link: PgServerLink; readonly key: string }>();
  /** Names of connections that the user disconnected. */
  readonly #disconnected = new Set<string>();

  readonly #host: LinkRegistryHost;

  constructor(host: LinkRegistryHost) {
    this.#host = host;
  }

  /** The link of a connection, if it exists. Never connects. */
  get(name: string): PgServerLink | undefined {
    return this.#links.get(name)?.link;
  }

  isDisconnected(name: string): boolean {
    return this.#disconnected.has(name);
  }

  /** Adds a link, which is not connected yet. */
  add(entry: ConnectionEntry): PgServerLink {
    const { name, database } = entry.profile;
    const { clock, log } = this.#host;
    const link: PgServerLink = new PgServerLink({
      name,
      database: database ?? '',
      connect: (prefer) => this.#host.open(entry, prefer),
      clock,
      log,
      warmSessions: WARM_SESSIONS,
      onDurable: () => this.#host.durable(name, link),
      workerSettings: workerSettingsOf(entry.profile),
    });
    link.onDidChangeState(() => this.#host.changed());
    this.#disconnected.delete(name);
    this.#links.set(name, { link, key: keyOf(entry) });
    this.#host.changed();
    return link;
  }

  /** Closes the link's sessions; its workers keep running. */
  drop(name: string): void {
    const known = this.#links.get(name);
    this.#links.delete(name);
    void known?.link.dispose();
  }

  /** Drops the link, and marks the connection as disconnected by the user. */
  disconnect(name: string): void {
    this.#disconnected.add(name);
    this.drop(name);
    this.#host.changed();
  }

  /** Drops the links of connections that have changed or no longer exist. */
  dropChanged(entryOf: (name: string) => ConnectionEntry | undefined): void {
    for (const [name, { key }] of this.#links) {
      const entry = entryOf(name);
      if (!entry || keyOf(entry) !== key) this.drop(name);
    }
  }

  /** Closes all links; workers keep running. */
  async dispose(): Promise<void> {
    const links = [...this.#links.values()].map(({ link }) => link.dispose());
    this.#links.clear();
    await Promise.allSettled(links);
  }
}

/** Changes with any part of the definition: a changed connection needs a new link. */
function keyOf({ origin, profile }: ConnectionEntry): string {
  return JSON.stringify([scopeOf(origin), profile]);
}
