/** Keeps what a language model receives short: rows and texts are cut, and the result says so. */
import { endOfPart } from '../../shared/displayText';
import { FaultError } from '../base/fault';
import type { CutCell } from '../results/spool/preview';
import type { ToolFault } from './faults';

/** The length of a result if the caller gives no budget. UTF-16 units. */
export const RESULT_CHARACTERS = 24_000;
/** Rows and texts are not cut below this, as too little would be left to be useful. UTF-16 units. */
const MIN_CHARACTERS = 400;
/** The length of a value. UTF-16 units. */
export const VALUE_CHARACTERS = 1000;
/** Values of a row that is too long are cut to this, but not below. */
const MIN_VALUE_CHARACTERS = 8;

/** The tokens that the caller accepts, and how it counts them. */
export interface TokenBudget {
  readonly tokens: number;
  count(text: string): PromiseLike<number>;
}

/**
 * Renders a result until it fits.
 * @param render returns the result with about this many characters at most
 */
export async function fitted(render: (characters: number) => string, budget?: TokenBudget): Promise<string> {
  let characters = RESULT_CHARACTERS;
  for (;;) {
    const text = render(characters);
    const tokens = budget ? await budget.count(text) : 0;
    if (!budget || tokens <= budget.tokens || characters <= MIN_CHARACTERS) return text;
    // Some room for parts whose length does not depend on the number of characters.
    const next = Math.floor((Math.min(characters, text.length) * budget.tokens * 0.9) / tokens);
    // The count comes from outside, and the loop must end.
    characters = next > MIN_CHARACTERS && next < characters ? next : MIN_CHARACTERS;
  }
}

type Row = readonly (string | null)[];

/** The rows that fit. */
export interface FittingRows {
  readonly rows: readonly Row[];
  /** Values that are cut, with the length of the whole value. Indexes begin at 0. */
  readonly cut: readonly CutCell[];
}

/**
 * The first rows that fit into a number of characters of JSON, at least one.
 *
 * @param cut values that are cut already
 * @throws FaultError if not even one row fits
 */
export function fittingRows(rows: readonly Row[], cut: readonly CutCell[], characters: number): FittingRows {
  let left = characters;
  let count = 0;
  for (const row of rows) {
    left -= JSON.stringify(row).length + 1;
    if (left < 0) break;
    count++;
  }
  const [first] = rows;
  if (count > 0 || !first) return { rows: rows.slice(0, count), cut: cut.filter(({ row }) => row < count) };
  for (let max = VALUE_CHARACTERS; max >= MIN_VALUE_CHARACTERS; max = Math.floor(max / 2)) {
    const shorter = first.map((value) => value && value.slice(0, endOfPart(value, max)));
    if (JSON.stringify(shorter).length > characters) continue;
    const cells = first.flatMap((value, column): CutCell[] => {
      const known = cut.find((cell) => cell.row === 0 && cell.column === column)?.length;
      const length = known ?? (value !== null && value.length > max ? value.length : undefined);
      return length === undefined ? [] : [{ row: 0, column, length }];
    });
    return { rows: [shorter], cut: cells };
  }
  throw new FaultError<ToolFault>({ code: 'tools.rowTooWide', params: { columns: first.length } });
}
