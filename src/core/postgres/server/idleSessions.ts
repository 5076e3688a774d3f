import { messageOf } from '../../base/errors';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import type { PgSession } from '../pgBackground/session';

/** How long after a launch a session is opened for the next one. Milliseconds. */
const WARM_MS = 200;
/** An idle session is closed after this long. Milliseconds. */
const IDLE_MS = 5 * 60_000;

export interface IdleSessionsOptions {
  readonly clock: Clock;
  readonly log: (message: string) => void;
  /** How many are kept open. */
  readonly size: number;
  open(): Promise<PgSession>;
  end(session: PgSession): void;
  /** False for a session of a server that the link does not lead to any more. */
  isUsable(session: PgSession): boolean;
  /** Whether the server is known to be there. */
  mayOpen(): Promise<boolean>;
}

/** The sessions of a link that no job uses, kept for the next launch. */
export class IdleSessions {
  readonly #entries: { session: PgSession; timer: Disposable }[] = [];
  #opening = 0;
  #soon: Disposable | undefined;
  #disposed = false;

  readonly #options: IdleSessionsOptions;

  constructor(options: IdleSessionsOptions) {
    this.#options = options;
  }

  take(): PgSession | undefined {
    for (;;) {
      const entry = this.#entries.pop();
      entry?.timer.dispose();
      if (!entry?.session.closed) return entry?.session;
    }
  }

  /** Keeps a session, or ends it. */
  takeBack(session: PgSession): void {
    if (session.closed) return;
    const options = this.#options;
    if (this.#disposed || !options.isUsable(session) || this.#entries.length >= Math.max(1, options.size)) {
      options.end(session);
      return;
    }
    const timer = options.clock.after(IDLE_MS, () => {
      const index = this.#entries.findIndex((entry) => entry.session === session);
      if (index >= 0) this.#entries.splice(index, 1);
      options.end(session);
    });
    this.#entries.push({ session, timer });
  }

  /** Closes all of them at once. */
  drop(): void {
    for (const { session, timer } of this.#entries.splice(0)) {
      timer.dispose();
      session.destroy();
    }
  }

  /** Opens sessions ahead of the next launch, but not while this one is under way: that would slow it down. */
  fillSoon(): void {
    this.#soon ??= this.#options.clock.after(WARM_MS, () => {
      this.#soon = undefined;
      this.#options
        .mayOpen()
        .then((may) => {
          if (may) this.#fill();
        })
        .catch(() => undefined);
    });
  }

  /** Forgets them; their owner ends them. */
  dispose(): void {
    this.#disposed = true;
    this.#soon?.dispose();
    for (const { timer } of this.#entries.splice(0)) timer.dispose();
  }

  #fill(): void {
    if (this.#disposed) return;
    for (let missing = this.#options.size - this.#entries.length - this.#opening; missing > 0; missing--) this.#open();
  }

  /** A failure shows itself at the next launch. */
  #open(): void {
    this.#opening++;
    this.#options
      .open()
      .then(
        (session) => this.takeBack(session),
        (error: unknown) => this.#options.log(`no session ahead: ${messageOf(error)}`),
      )
      .finally(() => this.#opening--)
      .catch(() => undefined);
  }
}
