import { setImmediate } from 'node:timers/promises';

/** Gives other work a turn from time to time while a long loop runs. */
export class TimeSlice {
  #end: number;

  readonly #ms: number;

  /** @param ms how long the loop may run without a pause */
  constructor(ms: number) {
    this.#ms = ms;

    this.#end = performance.now() + ms;
  }

  /** Whether {@link pause} is due. */
  get over(): boolean {
    return performance.now() > this.#end;
  }

  async pause(): Promise<void> {
    await setImmediate();
    this.#end = performance.now() + this.#ms;
  }
}
