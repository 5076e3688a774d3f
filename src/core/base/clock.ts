import type { Disposable } from './disposable';

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds since some moment in the past; never set back, so that durations are measured with it. */
  monotonic(): number;
  /** Calls once after that many milliseconds, unless disposed before. */
  after(ms: number, call: () => void): Disposable;
}

/** setTimeout takes no more and would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** The real clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, Math.min(ms, LONGEST_MS));
    timer.unref();
    return { dispose: () => clearTimeout(timer) };
  },
};

/** Waits so many milliseconds, or until one of the others has come. @returns whether the time has passed before them */
export async function lasts(clock: Clock, ms: number, others: readonly Promise<unknown>[]): Promise<boolean> {
  let timer: Disposable | undefined;
  const time = new Promise<boolean>((resolve) => {
    timer = clock.after(ms, () => resolve(true));
  });
  const passed = await Promise.race([...others.map((other) => other.then(() => false)), time]);
  timer?.dispose();
  return passed;
}
