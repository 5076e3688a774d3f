/** Estimates a run's duration from previous runs of the same SQL on the same connection. */

/** With fewer runs, nothing is shown. */
export const MIN_RUNS = 3;
/** Older runs say little about today's data. */
export const MAX_RUNS = 20;

export interface UsualDuration {
  /** Most runs take at least this long. Milliseconds. */
  readonly lowMs: number;
  /** Most runs take at most this long. Milliseconds. */
  readonly highMs: number;
  /** The number of runs that this is based on. */
  readonly runs: number;
}

/**
 * Returns the usual duration: from the 10th to the 90th percentile of the newest runs, so that one outlier among ten changes nothing.
 *
 * @param durationsMs of successful runs, newest first
 * @returns undefined for fewer than {@link MIN_RUNS} runs
 */
export function usualDuration(durationsMs: readonly number[]): UsualDuration | undefined {
  const sorted = durationsMs.slice(0, MAX_RUNS).sort((a, b) => a - b);
  if (sorted.length < MIN_RUNS) return undefined;
  return { lowMs: percentile(sorted, 0.1), highMs: percentile(sorted, 0.9), runs: sorted.length };
}

/** Twice the usual duration, rounded up to a value that reads well, at least one second. Milliseconds. */
export function suggestedLimitMs({ highMs }: UsualDuration): number {
  const seconds = Math.max(1, (highMs * 2) / 1000);
  const step = STEPS_S.find((one) => seconds <= one * 10) ?? 3600;
  return Math.ceil(seconds / step) * step * 1000;
}

/** From 10 steps on, the next step is used: 10 s, 1 min, 10 min, 1 h. */
const STEPS_S = [1, 10, 60, 600];

/** The smallest excess over the usual that is worth mentioning. Milliseconds. */
const MIN_EXCESS_MS = 5000;

/** Whether a run has taken clearly longer than usual: half as long again as most runs, and by at least 5 s. */
export function isSlowerThanUsual(elapsedMs: number, { highMs }: UsualDuration): boolean {
  return elapsedMs > Math.max(highMs * 1.5, highMs + MIN_EXCESS_MS);
}

/** The value at a fraction of a sorted list, interpolated between neighbors. */
function percentile(sorted: readonly number[], fraction: number): number {
  const at = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(at)] ?? 0;
  const above = sorted[Math.ceil(at)] ?? below;
  return below + (above - below) * (at - Math.floor(at));
}
