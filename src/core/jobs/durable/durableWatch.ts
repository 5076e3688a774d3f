import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { messageOf } from '../../base/errors';
import { describeFault, faultOf, type Fault } from '../../base/fault';
import type { Logger } from '../../base/logger';
import type { ActivitySnapshot, ServerLink } from '../ports';
import { SETUP_CHANGED, type DurableList, type DurableServer } from './ports';

/** Pause after each read, because any role can send notifications. Milliseconds. */
const PAUSE_MS = 20;
/** Pause after all records were read because of a notification. Milliseconds. */
const PAUSE_AFTER_ALL_MS = 1000;
/** Records that are read at once. */
const READ_AT_ONCE = 100;
/** If so many records wait to be read, all are read instead: a role can send any number of notifications. */
const MAX_PENDING = 1000;
/** A notification can be lost, for example in a pooling proxy: how often running jobs are read without one. Milliseconds. */
const REREAD_MS = 10_000;
/** Pause before the outcome of a job without a keeper is requested again; doubled up to {@link REREAD_MS}. Milliseconds. */
const RESOLVE_MS = 1000;

/** A job that has not ended, as its record says. */
export interface RunningJob {
  /** On the server. */
  readonly id: string;
  readonly keeperPid: number | undefined;
  readonly keeperStart: string | undefined;
  /** When its record was read, by the monotonic clock. */
  readonly readAt: number;
}

export interface DurableWatchOptions {
  readonly connection: string;
  readonly link: ServerLink;
  readonly clock: Clock;
  readonly log: Logger;
  /** The jobs of this connection that have not ended. */
  running(watch: DurableWatch): readonly RunningJob[];
  /** @param ids the jobs that were asked for; undefined: all */
  received(watch: DurableWatch, list: DurableList, ids: readonly string[] | undefined): void;
  /** Durable jobs are not set up, or no longer. */
  gone(watch: DurableWatch): void;
}

/**
 * Follows the durable jobs of one connection: reads the records that notifications name, and, while a job runs, looks with the activity
 * query whether its keeper is still there.
 */
export class DurableWatch implements Disposable {
  /** The ids that notifications named, or all records. */
  readonly #pending = new Set<string>();
  #allPending = false;
  readonly #listeners: Disposable[] = [];
  #server: DurableServer | undefined;
  #starting: Promise<void> | undefined;
  #pumping = false;
  #following: readonly Disposable[] | undefined;
  #checking = false;
  /** When to look again, by the monotonic clock, and the pause after that. */
  #resolveAt = 0;
  #resolvePause = RESOLVE_MS;
  #rereadAt = 0;
  #disposed = false;

  readonly #options: DurableWatchOptions;

  constructor(options: DurableWatchOptions) {
    this.#options = options;
  }

  get connection(): string {
    return this.#options.connection;
  }

  get link(): ServerLink {
    return this.#options.link;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Reads all jobs, and follows them from now on. Call it after each connect. Never rejects. */
  start(): Promise<void> {
    this.#starting ??= this.#start()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => (this.#starting = undefined));
    return this.#starting;
  }

  /** Reads some jobs now. */
  async read(ids: readonly string[], whole = false): Promise<void> {
    const server = this.#server ?? (await this.#load());
    const list = await server.read(ids, whole);
    if (!this.#disposed) this.#options.received(this, list, ids);
  }

  /** Jobs have begun or ended. */
  update(): void {
    if (this.#disposed || this.#options.running(this).length === 0) {
      this.#unfollow();
    } else if (!this.#following) {
      const { link, clock } = this.#options;
      this.#rereadAt = clock.monotonic() + REREAD_MS;
      // First the listener, because the first snapshot may be known already.
      this.#following = [link.onSnapshot((snapshot) => this.#look(snapshot)), link.watch('steady')];
    }
  }

  dispose(): void {
    this.#disposed = true;
    this.#unfollow();
    for (const listener of this.#listeners) listener.dispose();
  }

  #unfollow(): void {
    for (const each of this.#following ?? []) each.dispose();
    this.#following = undefined;
  }

  async #load(): Promise<DurableServer> {
    const { link } = this.#options;
    if (!link.durable) throw new Error('This link has no durable jobs.');
    this.#server ??= await link.durable();
    return this.#server;
  }

  async #start(): Promise<void> {
    const server = await this.#load();
    const refusal = await server.open();
    if (refusal) {
      this.#refused(refusal);
      return;
    }
    if (this.#listeners.length === 0) this.#listeners.push(server.onNotify((payload) => this.#notified(payload)));
    const list = await server.list();
    if (!this.#disposed) this.#options.received(this, list, undefined);
  }

  #notified(payload: string): void {
    if (this.#disposed) return;
    if (/^\d{1,18}$/.test(payload)) this.#pending.add(payload);
    else if (payload === SETUP_CHANGED) this.#allPending = true;
    else return;
    if (this.#pending.size > MAX_PENDING) this.#allPending = true;
    if (this.#allPending) this.#pending.clear();
    void this.#readPending();
  }

  async #readPending(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while ((this.#allPending || this.#pending.size > 0) && !this.#disposed) {
        const all = this.#allPending;
        if (all) {
          // What is being read may have been read before the notification.
          await this.#starting;
          this.#allPending = false;
          this.#pending.clear();
          await this.start();
        } else {
          const ids = [...this.#pending].slice(0, READ_AT_ONCE);
          for (const id of ids) this.#pending.delete(id);
          await this.read(ids);
        }
        const pause = all ? PAUSE_AFTER_ALL_MS : PAUSE_MS;
        await new Promise<void>((resolve) => this.#options.clock.after(pause, resolve));
      }
    } catch (error) {
      // Everything is read after the next connect.
      this.#failed(error);
    } finally {
      this.#pumping = false;
    }
  }

  #look(snapshot: ActivitySnapshot): void {
    const now = this.#options.clock.monotonic();
    const running = this.#options.running(this);
    const unkept = running.some(
      ({ readAt, keeperPid, keeperStart }) =>
        readAt < snapshot.at &&
        !snapshot.workers.some(
          ({ pid, backendStart }) => pid === keeperPid && (keeperStart === undefined || keeperStart === backendStart),
        ),
    );
    if (!unkept) this.#resolvePause = RESOLVE_MS;
    const resolves = unkept && now >= this.#resolveAt;
    if (!resolves && now < this.#rereadAt) return;
    if (resolves) {
      this.#resolveAt = now + this.#resolvePause;
      this.#resolvePause = Math.min(REREAD_MS, this.#resolvePause * 2);
    }
    this.#rereadAt = now + REREAD_MS;
    void this.#check(
      running.map(({ id }) => id),
      resolves,
    );
  }

  async #check(ids: readonly string[], resolves: boolean): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    try {
      const server = await this.#load();
      if (resolves) await server.resolve();
      await this.read(ids);
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#checking = false;
    }
  }

  #failed(error: unknown): void {
    if (this.#disposed) return;
    if (isRemoved(faultOf(error))) this.#refused(faultOf(error));
    else this.#options.log.warn(`${this.connection}: durable jobs could not be read: ${messageOf(error)}`);
  }

  #refused(fault: Fault): void {
    if (this.#disposed) return;
    this.#options.log.info(`${this.connection}: durable jobs cannot be used: ${describeFault(fault)}`);
    // The jobs were removed with the setup.
    if (isRemoved(fault)) this.#options.gone(this);
  }
}

function isRemoved({ code }: Fault): boolean {
  return code === 'durable.notSetUp';
}
