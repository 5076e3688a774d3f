/** When VS Code is told that lenses have changed. */
import type { Clock } from '../../core/base/clock';
import type { Disposable } from '../../core/base/disposable';

/** Several events in a row are told as one. Milliseconds. */
const TOGETHER_MS = 50;
const TICK_MS = 1000;
/** How long VS Code may take to ask before it is told again; each time it does not, twice as long. Milliseconds. */
const UNHEARD_MS = 2000;
const LONGEST_UNHEARD_MS = 30_000;

export interface LensPaceOptions {
  readonly clock: Clock;
  /** Tells VS Code. */
  tell(): void;
  /** Whether an editor that has lenses is on screen: of others VS Code does not ask. */
  seen(): boolean;
  /** Whether a time that goes on is on screen. */
  ticks(): boolean;
}

/**
 * VS Code asks for lenses some time after it was told that they changed: a time that begins anew each time it is told, that on a slow
 * computer is longer than a second, and at whose end it does not ask at all where the editor lost the keyboard meanwhile (VS Code
 * 1.139, codelensController). So a tick comes a second after VS Code asked, and what it was told but did not ask about it is told again.
 */
export class LensPace {
  #soon: Disposable | undefined;
  #tick: Disposable | undefined;
  #unheard: Disposable | undefined;
  #patience = UNHEARD_MS;

  readonly #options: LensPaceOptions;

  constructor(options: LensPaceOptions) {
    this.#options = options;
  }

  /** The lenses have changed. @param delay milliseconds */
  change(delay = TOGETHER_MS): void {
    this.#soon ??= this.#options.clock.after(delay, () => {
      this.#soon = undefined;
      this.#tell();
    });
  }

  /** VS Code asks. */
  asked(): void {
    this.#unheard?.dispose();
    this.#unheard = undefined;
    this.#patience = UNHEARD_MS;
    if (!this.#options.ticks()) return;
    this.#tick ??= this.#options.clock.after(TICK_MS, () => {
      this.#tick = undefined;
      if (this.#options.ticks()) this.#tell();
    });
  }

  dispose(): void {
    for (const timer of [this.#soon, this.#tick, this.#unheard]) timer?.dispose();
  }

  #tell(): void {
    this.#tick?.dispose();
    this.#tick = undefined;
    this.#unheard?.dispose();
    this.#unheard = this.#options.clock.after(this.#patience, () => {
      this.#unheard = undefined;
      if (this.#options.seen()) this.#tell();
    });
    this.#patience = Math.min(2 * this.#patience, LONGEST_UNHEARD_MS);
    this.#options.tell();
  }
}
