/** Budgets of docs/internals/design.md: splitting 1 MB of SQL, the statement at the cursor, and typing. */
import { loadModule, parseSync } from 'libpg-query';
import { splitStatements, statementAt, updateSplit } from '../../src/core/sql/split/statements';
import { MEGABYTE, sqlText } from './sqlText';

/** One line of the table of `npm run bench`. */
export interface BenchResult {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly reference?: number;
  readonly referenceName?: string;
  readonly budget?: string;
  readonly ok?: boolean;
}

export async function bench(): Promise<BenchResult[]> {
  await loadModule();
  const small = sqlText(MEGABYTE);
  const large = sqlText(10 * MEGABYTE);
  // The first calls run before V8 has compiled the lexer; an editor's first file pays that once.
  const cold = measure(1, () => splitStatements(small));
  for (let round = 0; round < 10; round++) splitStatements(small);

  const oneMegabyte = measure(21, () => splitStatements(small));
  const parser = measure(3, () => parseSync(small));
  const half = sqlText(5 * MEGABYTE);
  const fiveMegabytes = measure(7, () => splitStatements(half));
  const tenMegabytes = measure(7, () => splitStatements(large));
  const split = splitStatements(large);
  let step = 0;
  const cursor = measure(201, () => {
    step = (step + 7_654_321) % large.length;
    return statementAt(split, step, large);
  });
  const [middle, start] = [0.5, 0].map((part) => typing(large, Math.floor(large.length * part)));

  return [
    {
      name: 'statements of 1 MB',
      value: oneMegabyte,
      unit: 'ms',
      reference: parser,
      referenceName: 'libpg-query',
      budget: '25 ms',
      ok: oneMegabyte <= 25,
    },
    { name: 'statements of 1 MB, first call in the process', value: cold, unit: 'ms' },
    {
      name: 'statements of 10 MB',
      value: tenMegabytes,
      unit: 'ms',
      reference: fiveMegabytes * 2,
      referenceName: 'twice 5 MB',
      budget: 'linear',
      // 50 % more is allowed for caches and the garbage collector.
      ok: tenMegabytes <= fiveMegabytes * 2 * 1.5,
    },
    {
      name: 'the statement at the cursor in 10 MB, after the first',
      value: cursor,
      unit: 'ms',
      budget: '5 ms',
      ok: cursor <= 5,
    },
    {
      name: 'a character typed in the middle of 10 MB',
      value: middle ?? NaN,
      unit: 'ms',
      reference: tenMegabytes,
      referenceName: 'splitting it again',
    },
    {
      name: 'a character typed at the start of 10 MB',
      value: start ?? NaN,
      unit: 'ms',
      reference: tenMegabytes,
      referenceName: 'splitting it again',
    },
  ];
}

/** Median time of an update while a user types letters one by one near an offset. */
function typing(text: string, offset: number): number {
  const at = text.indexOf('SELECT o.customer', offset) + 'SELECT '.length;
  let current = text;
  let split = splitStatements(current);
  const times: number[] = [];
  for (let letter = 0; letter < 31; letter++) {
    // join() creates one flat string, as in an editor; a string made with + would be flattened during the measurement.
    const next = [current.slice(0, at + letter), 'x', current.slice(at + letter)].join('');
    const began = performance.now();
    split = updateSplit(split, [{ start: at + letter, removed: 0, inserted: 1 }], next);
    times.push(performance.now() - began);
    current = next;
  }
  return median(times);
}

function measure(rounds: number, work: () => unknown): number {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    work();
    times.push(performance.now() - began);
  }
  return median(times);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Number((sorted[sorted.length >> 1] ?? NaN).toFixed(3));
}
