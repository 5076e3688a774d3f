import type { Disposable } from './disposable';

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds since a fixed moment. Never set back, so use it to measure durations. */
  monotonic(): number;
  /** Calls once after `ms` milliseconds, unless disposed before. */
  after(ms: number, call: () => void): Disposable;
}

/** With a longer timeout, setTimeout would fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The real clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, Math.min(ms, MAX_TIMEOUT_MS));
    timer.unref();
    return { dispose: () => clearTimeout(timer) };
  },
};

/**
 * Waits until the time has elapsed, or until one of the promises is fulfilled.
 *
 * @returns whether the time has elapsed first
 */
export async function elapses(clock: Clock, ms: number, others: readonly Promise<unknown>[]): Promise<boolean> {
  let timer: Disposable | undefined;
  const time = new Promise<boolean>((resolve) => {
    timer = clock.after(ms, () => resolve(true));
  });
  const elapsed = await Promise.race([...others.map((other) => other.then(() => false)), time]);
  timer?.dispose();
  return elapsed;
}
