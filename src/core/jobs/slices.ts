/** All sessions of a connection together ask for their workers' progress at most so often, however many they are. A second. */
const ASKED_A_SECOND = 40;
const LONGEST_SLICE_MS = 5000;

/**
 * How long to wait before the progress is read again: short while a worker is young, and longer where many run, so that the
 * server's work does not grow with the jobs. The end of a worker ends the wait, and so do a cancel and a full queue.
 */
export function sliceMs(ageMs: number, running: number): number {
  const byAge = ageMs < 20_000 ? 250 : 1000;
  return Math.min(LONGEST_SLICE_MS, Math.max(byAge, (running * 1000) / ASKED_A_SECOND));
}
