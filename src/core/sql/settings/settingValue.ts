/** Reads values of parameters, like the server's `parse_int` and `parse_bool` (guc.c, bool.c). */

const TIME_UNITS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** The server stores the value as int4. */
const MAX_INT4 = 2 ** 31 - 1;

/**
 * The value of a parameter whose unit is milliseconds, such as `statement_timeout`: `300ms`, ` 1.5 min`, `0x10`. Units are
 * case-sensitive. A fraction is rounded to a whole number of the next smaller unit first, then to milliseconds, half to even.
 * @returns undefined if the server would not accept it
 */
export function settingMs(text: string): number | undefined {
  const match =
    /^\s*([+-]?(?:0[xX][0-9a-fA-F]+|0[0-7]+(?![\d.eE])|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))\s*([A-Za-z]*)\s*$/.exec(
      text,
    );
  if (!match) return undefined;
  const [, number = '', unit = ''] = match;
  const factor = unit === '' ? 1 : TIME_UNITS[unit];
  if (factor === undefined) return undefined;
  const value = roundToEven(fractionToNextUnit(numberOf(number), unit) * factor);
  // Negative values are out of range for every timeout.
  return value >= 0 && value <= MAX_INT4 ? value + 0 : undefined;
}

function numberOf(text: string): number {
  const negative = text.startsWith('-');
  const digits = text.replace(/^[+-]/, '');
  const octal = /^0[0-7]+$/.test(digits);
  const value = octal ? parseInt(digits, 8) : Number(digits);
  return negative ? -value : value;
}

/** guc.c, convert_to_base_unit: "1.45h" is 87 minutes, not 86.99… of them. */
function fractionToNextUnit(value: number, unit: string): number {
  const order = ['us', 'ms', 's', 'min', 'h', 'd'];
  const index = order.indexOf(unit === '' ? 'ms' : unit);
  const smaller = order[index - 1];
  if (Number.isInteger(value) || smaller === undefined) return value;
  const ratio = (TIME_UNITS[unit === '' ? 'ms' : unit] ?? 1) / (TIME_UNITS[smaller] ?? 1);
  // There is no smaller unit to round to.
  return unit === '' || unit === 'ms' ? value : Math.round(value * ratio) / ratio;
}

/** C's rint(). */
function roundToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** A boolean parameter's value, as the server's parse_bool reads it. */
export function isOn(value: string): boolean {
  return /^\s*(on|t|tr|tru|true|y|ye|yes|1)\s*$/i.test(value);
}
