import type * as vscode from 'vscode';
import type { Clock } from '../../core/base/clock';
import type { Disposable } from '../../core/base/disposable';
import { messageOf } from '../../core/base/errors';
import type { Logger } from '../../core/base/logger';
import type { Connections } from '../connections/connections';
import type * as PurgeCode from './purge';

const DAY_MS = 86_400_000;

const loadPurge = (): Promise<typeof PurgeCode> => import('./purge');

/**
 * Purges durable jobs of connections that limit how long they are kept, after connecting and then once a day. Without such a connection, it
 * does nothing and has no timer.
 */
export class Retention implements vscode.Disposable {
  /** When the limit was last applied, by the connection's name. Milliseconds of the monotonic clock. */
  readonly #applied = new Map<string, number>();
  readonly #connections: Connections;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listener: vscode.Disposable;
  #timer: Disposable | undefined;

  constructor(connections: Connections, clock: Clock, log: Logger) {
    this.#connections = connections;
    this.#clock = clock;
    this.#log = log;
    this.#listener = connections.onDidChange(() => this.#check());
  }

  dispose(): void {
    this.#listener.dispose();
    this.#timer?.dispose();
  }

  #check(): void {
    const now = this.#clock.monotonic();
    let isLimited = false;
    for (const { name, durableRetentionDays: days = 0 } of this.#connections.profiles) {
      if (days === 0 || this.#connections.existing(name)?.state.kind !== 'connected') continue;
      isLimited = true;
      const last = this.#applied.get(name);
      if (last !== undefined && now - last < DAY_MS) continue;
      this.#applied.set(name, now);
      void this.#apply(name, days);
    }
    if (!isLimited || this.#timer) return;
    this.#timer = this.#clock.after(DAY_MS, () => {
      this.#timer = undefined;
      this.#check();
    });
  }

  async #apply(name: string, days: number): Promise<void> {
    try {
      const { applyRetention } = await loadPurge();
      const done = await applyRetention(this.#connections, name, days);
      if (done !== undefined) this.#log.info(`${name}: ${done}`);
    } catch (error) {
      this.#log.warn(`${name}: old durable jobs could not be purged: ${messageOf(error)}`);
    }
  }
}
