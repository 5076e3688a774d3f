/** Reproducible random numbers for fuzz tests: the same seed gives the same run. */
export class Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 up to, but not including, `limit`. */
  below(limit: number): number {
    // mulberry32
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

/** The seed: `SQL_FUZZ_SEED`, or a fixed one, so that a failure is reproducible. */
export function fuzzSeed(): number {
  return Number(process.env['SQL_FUZZ_SEED'] ?? 20_240_229);
}

/** The duration of a fuzz test in milliseconds: `SQL_FUZZ_MS`, or a short default. */
export function fuzzMilliseconds(): number {
  return Number(process.env['SQL_FUZZ_MS'] ?? 1500);
}
