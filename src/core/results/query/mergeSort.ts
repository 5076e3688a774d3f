/** Sorts in time slices: Array.sort would block the process for seconds and could not be canceled. */
import { setImmediate } from 'node:timers/promises';

/** Length of a time slice in milliseconds. */
const SLICE_MS = 8;
/** Comparisons between two reads of the clock. */
const STEPS = 2048;
/** Length of the runs that are sorted by insertion. */
const RUN = 16;

/** Returns a negative number if the first position comes before the second. */
export type Compare = (a: number, b: number) => number;

/**
 * Sorts positions with a stable merge sort.
 *
 * @param numbers The primary sort key of each position. None is NaN.
 * @param compare Decides between positions with equal numbers.
 * @throws The signal's reason if it is aborted.
 */
export async function sortPositions(
  numbers: Float64Array,
  compare: Compare,
  signal: AbortSignal | undefined,
): Promise<Uint32Array> {
  const n = numbers.length;
  let from = Uint32Array.from({ length: n }, (_, i) => i);
  let to = new Uint32Array(n);
  let sliceEnd = performance.now() + SLICE_MS;
  let untilCheck = STEPS;
  const isSpent = (steps: number): boolean => {
    untilCheck -= steps;
    if (untilCheck > 0) return false;
    untilCheck = STEPS;
    return performance.now() >= sliceEnd;
  };
  const rest = async (): Promise<void> => {
    signal?.throwIfAborted();
    await setImmediate();
    sliceEnd = performance.now() + SLICE_MS;
  };
  for (let start = 0; start < n; start += RUN) {
    sortRun(from, start, Math.min(start + RUN, n), numbers, compare);
    if (isSpent(RUN * 4)) await rest();
  }
  for (let width = RUN; width < n; width *= 2) {
    for (let start = 0; start < n; start += 2 * width) {
      const merge = new Merge(from, to, start, Math.min(start + width, n), Math.min(start + 2 * width, n));
      for (let steps = merge.go(STEPS, numbers, compare); steps > 0; steps = merge.go(STEPS, numbers, compare)) {
        if (isSpent(steps)) await rest();
      }
    }
    [from, to] = [to, from];
  }
  return from;
}

function sortRun(positions: Uint32Array, start: number, end: number, numbers: Float64Array, compare: Compare): void {
  for (let i = start + 1; i < end; i++) {
    const position = positions[i] ?? 0;
    const number = numbers[position] ?? 0;
    let j = i;
    for (; j > start; j--) {
      const other = positions[j - 1] ?? 0;
      const otherNumber = numbers[other] ?? 0;
      if (otherNumber < number || (otherNumber === number && compare(other, position) <= 0)) break;
      positions[j] = other;
    }
    positions[j] = position;
  }
}

/** Merges two adjacent sorted runs, a few steps at a time. */
class Merge {
  #left: number;
  #right: number;
  #next: number;

  readonly #from: Uint32Array;
  readonly #to: Uint32Array;
  readonly #middle: number;
  readonly #end: number;

  constructor(from: Uint32Array, to: Uint32Array, start: number, middle: number, end: number) {
    this.#from = from;
    this.#to = to;
    this.#middle = middle;
    this.#end = end;

    this.#left = start;
    this.#right = middle;
    this.#next = start;
  }

  /** @returns The number of steps done; 0 at the end. */
  go(steps: number, numbers: Float64Array, compare: Compare): number {
    const from = this.#from;
    const to = this.#to;
    const middle = this.#middle;
    const end = this.#end;
    let left = this.#left;
    let right = this.#right;
    let next = this.#next;
    if (next === end) return 0;
    const begin = next;
    const stop = Math.min(end, next + steps);
    while (next < stop && left < middle && right < end) {
      const a = from[left] ?? 0;
      const b = from[right] ?? 0;
      const x = numbers[a] ?? 0;
      const y = numbers[b] ?? 0;
      if (x < y || (x === y && compare(a, b) <= 0)) {
        to[next++] = a;
        left++;
      } else {
        to[next++] = b;
        right++;
      }
    }
    if (left === middle || right === end) {
      // One run is exhausted, and the rest of the other is already in order.
      to.set(left < middle ? from.subarray(left, middle) : from.subarray(right, end), next);
      next = end;
    }
    this.#left = left;
    this.#right = right;
    this.#next = next;
    return next - begin;
  }
}
