/** At most this many progress queries per second are sent for all sessions of a connection together. */
const POLLS_PER_SECOND = 40;
const MAX_WAIT_MS = 5000;

/** A query with many rows fills its queue within milliseconds, and then blocks until it is read. */
const YOUNG_MS = 100;
/** Pause between checks, as a fraction of the worker's age: the delay in noticing a full queue stays proportional. */
const YOUNG_FRACTION = 1 / 8;
/** A wait of 0 would never end (docs/internals/pg-background.md). */
const MIN_WAIT_MS = 1;
/** With more running jobs, the activity view shows a full queue soon enough. */
const FEW_JOBS = 4;

/** Whether to check the worker's queue after the wait, instead of relying on the activity view. */
export function checksQueue(ageMs: number, running: number): boolean {
  return ageMs < YOUNG_MS && running <= FEW_JOBS;
}

/**
 * How long to wait before the progress is read again, in milliseconds: short for a young worker, and longer if many run, so that the
 * load on the server does not grow with the number of jobs. The worker's end, a cancel, and a full queue end the wait early.
 */
export function pollMs(ageMs: number, running: number): number {
  if (checksQueue(ageMs, running)) return Math.max(MIN_WAIT_MS, Math.round(ageMs * YOUNG_FRACTION));
  const byAge = ageMs < 20_000 ? 250 : 1000;
  return Math.min(MAX_WAIT_MS, Math.max(byAge, (running * 1000) / POLLS_PER_SECOND));
}
