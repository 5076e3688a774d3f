import type { Clock } from './ports';

/** setTimeout takes no more and would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** The real clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, Math.min(ms, LONGEST_MS));
    timer.unref();
    return { dispose: () => clearTimeout(timer) };
  },
};
