/** PostgreSQL's units of time and memory ("Parameter Names and Values"), as people type them. */

const DURATIONS: Record<string, number> = { us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZES: Record<string, number> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };
const LARGEST = 2 ** 31 - 1;

/** `5min` in milliseconds; a bare number is milliseconds, as in PostgreSQL. Undefined where it is not a duration. */
export function parseDuration(text: string): number | undefined {
  return parse(text, DURATIONS, 'ms');
}

/** `256kB` in bytes; a bare number is bytes. Undefined where it is not a size. */
export function parseBytes(text: string): number | undefined {
  return parse(text, SIZES, 'b');
}

function parse(text: string, units: Record<string, number>, bare: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  if (!match) return undefined;
  const [, number = '', unit = ''] = match;
  const factor = units[unit === '' ? bare : unit.toLowerCase()];
  if (factor === undefined) return undefined;
  const value = Math.round(Number(number) * factor);
  return value <= LARGEST ? value : undefined;
}
