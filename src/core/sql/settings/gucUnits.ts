/** Reads typed durations and sizes in PostgreSQL's units ("Setting Parameters", 19.1.1 of its manual). */

const DURATIONS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const SIZES: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 };

/** The server stores both as int4. */
const MAX_INT4 = 2 ** 31 - 1;

/**
 * Reads a duration such as `5min`. A number without a unit is in milliseconds, as for `statement_timeout`. The case of units is ignored.
 * A positive duration is at least 1 ms, because 0 would mean no limit.
 * @returns milliseconds, or undefined if it is not a duration or too long
 */
export function parseDuration(text: string): number | undefined {
  return parse(text, DURATIONS, 'ms');
}

/** Reads a size such as `256kB`. A number without a unit is in bytes. @returns bytes, or undefined if it is not a size below 2 GB */
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
  return value <= MAX_INT4 ? value : undefined;
}
