/** Decides when to report changed lenses to VS Code. */
import type { Clock } from '../../core/base/clock';
import type { Disposable } from '../../core/base/disposable';

/** Events within this time are reported together. Milliseconds. */
const THROTTLE_MS = 50;
const TICK_MS = 1000;
/** The time to wait for VS Code's request before a change is reported again. Doubled each time. Milliseconds. */
const RETRY_MS = 2000;
const MAX_RETRY_MS = 30_000;

export interface LensRefreshOptions {
  readonly clock: Clock;
  /** Reports a change to VS Code. */
  notify(): void;
  /** Whether an editor with lenses is visible. VS Code requests lenses only for visible editors. */
  visible(): boolean;
  /** Whether a running time is visible. */
  ticking(): boolean;
}

/**
 * Reports changes of lenses to VS Code, and reports them again if VS Code does not react.
 *
 * VS Code requests lenses some time after a change was reported. Each report restarts that time, which may exceed a second on a slow
 * computer. VS Code does not request them at all if the editor loses the focus meanwhile (VS Code 1.139, codelensController). So a tick
 * is due one second after the last request, not after the last report.
 */
export class LensRefresh {
  #scheduled: Disposable | undefined;
  #tick: Disposable | undefined;
  #retry: Disposable | undefined;
  #retryMs = RETRY_MS;

  readonly #options: LensRefreshOptions;

  constructor(options: LensRefreshOptions) {
    this.#options = options;
  }

  /** Reports a change after a delay, together with other changes. @param delay milliseconds */
  schedule(delay = THROTTLE_MS): void {
    this.#scheduled ??= this.#options.clock.after(delay, () => {
      this.#scheduled = undefined;
      this.#notify();
    });
  }

  /** Notes that VS Code has requested the lenses. */
  requested(): void {
    this.#retry?.dispose();
    this.#retry = undefined;
    this.#retryMs = RETRY_MS;
    if (!this.#options.ticking()) return;
    this.#tick ??= this.#options.clock.after(TICK_MS, () => {
      this.#tick = undefined;
      if (this.#options.ticking()) this.#notify();
    });
  }

  dispose(): void {
    for (const timer of [this.#scheduled, this.#tick, this.#retry]) timer?.dispose();
  }

  #notify(): void {
    this.#tick?.dispose();
    this.#tick = undefined;
    this.#retry?.dispose();
    this.#retry = this.#options.clock.after(this.#retryMs, () => {
      this.#retry = undefined;
      if (this.#options.visible()) this.#notify();
    });
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
    this.#options.notify();
  }
}
