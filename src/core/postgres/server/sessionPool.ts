import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { messageOf } from '../../base/errors';

/** How long after a launch the sessions for the next launches are opened. Milliseconds. */
const WARM_DELAY_MS = 200;
/** An idle session is closed after this time. Milliseconds. */
const IDLE_MS = 5 * 60_000;

/** What the pool needs to know about a session. */
export interface PooledSession {
  readonly closed: boolean;
  /** Closes the session in order. */
  end(): Promise<void>;
  /** Closes the session at once. */
  destroy(): void;
}

export interface SessionPoolOptions<Session extends PooledSession> {
  readonly clock: Clock;
  /** Logs a message for debugging. */
  readonly log: (message: string) => void;
  /** How many idle sessions are kept open. */
  readonly warmSessions: number;
  open(): Promise<Session>;
  /** Whether the session is on the server that the link leads to. */
  isUsable(session: Session): boolean;
  /** The error for sessions that are requested after {@link SessionPool.end}. */
  closedError(): Error;
  /** Whether the server is known to be reachable, so that sessions may be opened before they are needed. */
  mayOpen(): Promise<boolean>;
}

/**
 * The sessions of a link. A session serves one job at a time. Released sessions are kept for the next launch, and some are opened in
 * advance, because opening a session takes much longer than a launch.
 */
export class SessionPool<Session extends PooledSession> {
  readonly #options: SessionPoolOptions<Session>;
  readonly #sessions = new Set<Session>();
  readonly #idle: { readonly session: Session; readonly timer: Disposable }[] = [];
  /** Sessions that are being opened or closed. */
  readonly #pending = new Set<Promise<unknown>>();
  #warming = 0;
  #warmTimer: Disposable | undefined;
  #ended = false;

  constructor(options: SessionPoolOptions<Session>) {
    this.#options = options;
  }

  /** The number of open sessions, whether a job uses them or not. */
  get size(): number {
    return this.#sessions.size;
  }

  /** An idle session or a new one, for one job. */
  async acquire(): Promise<Session> {
    const session = this.#takeIdle() ?? (await this.#open());
    this.#warmSoon();
    return session;
  }

  /** Keeps a session for the next job, or closes it. */
  release(session: Session): void {
    if (session.closed) return;
    const options = this.#options;
    const isFull = this.#idle.length >= Math.max(1, options.warmSessions);
    if (this.#ended || isFull || !options.isUsable(session)) {
      this.#end(session);
      return;
    }
    const timer = options.clock.after(IDLE_MS, () => {
      const index = this.#idle.findIndex((entry) => entry.session === session);
      if (index >= 0) this.#idle.splice(index, 1);
      this.#end(session);
    });
    this.#idle.push({ session, timer });
  }

  /** Forgets a session that has closed. */
  remove(session: Session): void {
    this.#sessions.delete(session);
  }

  /** Closes all idle sessions at once. */
  dropIdle(): void {
    for (const { session, timer } of this.#idle.splice(0)) {
      timer.dispose();
      session.destroy();
    }
  }

  /** Closes all sessions in order; none is kept or opened in advance after that. Never rejects. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#warmTimer?.dispose();
    for (const { timer } of this.#idle.splice(0)) timer.dispose();
    await Promise.allSettled([...this.#sessions].map((session) => session.end()));
  }

  /** Resolves when no session is being opened or closed. */
  async settled(): Promise<void> {
    // A session that was opened meanwhile is closed next.
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
  }

  #takeIdle(): Session | undefined {
    for (;;) {
      const entry = this.#idle.pop();
      entry?.timer.dispose();
      if (!entry?.session.closed) return entry?.session;
    }
  }

  async #open(): Promise<Session> {
    this.#requireNotEnded();
    const session = await this.#track(this.#options.open());
    try {
      this.#requireNotEnded();
    } catch (error) {
      this.#end(session);
      throw error;
    }
    if (!session.closed) this.#sessions.add(session);
    return session;
  }

  #requireNotEnded(): void {
    if (this.#ended) throw this.#options.closedError();
  }

  #end(session: Session): void {
    void this.#track(session.end());
  }

  /** Opens the sessions for the next launches, but not during the current launch, which that would slow down. */
  #warmSoon(): void {
    this.#warmTimer ??= this.#options.clock.after(WARM_DELAY_MS, () => {
      this.#warmTimer = undefined;
      this.#options
        .mayOpen()
        .then((may) => {
          if (may) this.#warm();
        })
        .catch(() => undefined);
    });
  }

  #warm(): void {
    if (this.#ended) return;
    const missing = this.#options.warmSessions - this.#idle.length - this.#warming;
    for (let i = 0; i < missing; i++) void this.#openIdle();
  }

  /** Never rejects: the next launch shows the problem. */
  async #openIdle(): Promise<void> {
    this.#warming++;
    try {
      this.release(await this.#open());
    } catch (error) {
      this.#options.log(`could not open a session in advance: ${messageOf(error)}`);
    } finally {
      this.#warming--;
    }
  }

  #track<T>(task: Promise<T>): Promise<T> {
    this.#pending.add(task);
    const onSettled = (): void => {
      this.#pending.delete(task);
    };
    task.then(onSettled, onSettled);
    return task;
  }
}
