/** PostgreSQL's units of time and memory ("Setting Parameters", 19.1.1 of its manual), as people type them. */

const DURATIONS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const SIZES: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 };

/** The server keeps both in an int4. */
const LARGEST = 2 ** 31 - 1;

/**
 * `5min` in milliseconds; a bare number is milliseconds, as for `statement_timeout`. Units are taken in any case. What is
 * more than nothing stays so: `1us` is 1, since 0 would mean no limit. Undefined where it is no duration or too long.
 */
export function parseDuration(text: string): number | undefined {
  return parse(text, DURATIONS, 'ms');
}

/** `256kB` in bytes; a bare number is bytes. Undefined where it is no size, or 2 GB or more. */
export function parseBytes(text: string): number | undefined {
  return parse(text, SIZES, 'b');
}

function parse(text: string, units: Readonly<Record<string, number>>, bare: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*$/i.exec(text);
  if (!match) return undefined;
  const [, number = '', unit = ''] = match;
  const factor = units[unit === '' ? bare : unit.toLowerCase()];
  if (factor === undefined) return undefined;
  const exact = Number(number) * factor;
  const value = exact > 0 ? Math.max(1, Math.round(exact)) : 0;
  return value <= LARGEST ? value : undefined;
}
