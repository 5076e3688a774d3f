/** All sessions of a connection together ask for their workers' progress at most so often, however many they are. A second. */
const ASKED_A_SECOND = 40;
const LONGEST_SLICE_MS = 5000;

/** A query with many rows fills its queue in some milliseconds, and then waits for us. */
const FIRST_MS = 100;
/** So a full queue is met at most this part of the worker's age later. */
const FIRST_PART = 1 / 8;
/** A wait of 0 would never end (PG_BACKGROUND.md). */
const SHORTEST_SLICE_MS = 1;
/** Where more run, the activity view tells soon enough. */
const FEW = 4;

/** Whether the worker's queue is to be looked at after the wait, without waiting for the activity view. */
export function looksAtQueue(ageMs: number, running: number): boolean {
  return ageMs < FIRST_MS && running <= FEW;
}

/**
 * How long to wait before the progress is read again: short while a worker is young, and longer where many run, so that the
 * server's work does not grow with the jobs. The end of a worker ends the wait, and so do a cancel and a full queue.
 */
export function sliceMs(ageMs: number, running: number): number {
  if (looksAtQueue(ageMs, running)) return Math.max(SHORTEST_SLICE_MS, Math.round(ageMs * FIRST_PART));
  const byAge = ageMs < 20_000 ? 250 : 1000;
  return Math.min(LONGEST_SLICE_MS, Math.max(byAge, (running * 1000) / ASKED_A_SECOND));
}
