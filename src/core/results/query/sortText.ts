/**
 * Texts of PostgreSQL's types as other texts that compare byte by byte as the server compares the values (the types' `_cmp`
 * functions in its source). Only what a type's text says is known: the order of an enum, of a range or of jsonb is not in it.
 */
import type { SpoolColumn } from '../spool/spoolFormat';

/** @returns undefined for a text that is not understood, for example in another style of output */
export type SortEncoder = (text: string) => string | undefined;

/** Types whose text already sorts as the values do, under `COLLATE "C"`. */
const PLAIN: ReadonlySet<string> = new Set([
  ...[
    'text',
    'character varying',
    'character',
    'name',
    '"char"',
    'uuid',
    'bytea',
    'macaddr',
    'macaddr8',
    'bit',
    'bit varying',
  ],
  ...['time without time zone', 'unknown', 'json', 'xml'],
]);

const NUMBERS: ReadonlySet<string> = new Set([
  ...['smallint', 'integer', 'bigint', 'oid', 'numeric', 'real', 'double precision', 'xid8'],
]);

const ENCODERS: ReadonlyMap<string, SortEncoder> = new Map<string, SortEncoder>([
  ['money', money],
  ['interval', interval],
  ['inet', inet],
  ['cidr', inet],
  ['pg_lsn', lsn],
  ['time with time zone', timeWithZone],
]);

/** The encoder for values of a column; undefined if its text is all there is to compare. */
export function sortEncoder({ type }: Pick<SpoolColumn, 'type'>): SortEncoder | undefined {
  const name = plainName(type);
  if (!name.endsWith('[]')) return ENCODERS.get(name);
  const element = name.slice(0, -2);
  const encoder = NUMBERS.has(element)
    ? sortableNumber
    : (ENCODERS.get(element) ?? (PLAIN.has(element) ? same : undefined));
  if (element === 'boolean') return (text) => array(text, same);
  return encoder && ((text) => array(text, encoder));
}

/** Whether the server would order the type by something that its text does not tell. */
export function sortsAsText({ type }: Pick<SpoolColumn, 'type'>): boolean {
  return sortEncoder({ type }) === undefined && !PLAIN.has(plainName(type));
}

/** A type without modifiers such as `(10,2)`, and without the fields of an interval. */
function plainName(type: string): string {
  const name = type.replace(/\s*\([\d,\s-]*\)/, '');
  return name.replace(/^interval (?:year|month|day|hour|minute|second)[a-z ]*(?=$|\[)/, 'interval');
}

const same: SortEncoder = (text) => text;

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;

/** A decimal of any length: its sign, its power of ten, its digits; of negative numbers the complements. NaN is the largest. */
export function sortableNumber(text: string): string | undefined {
  if (text === 'NaN') return '9';
  if (text === 'Infinity') return '8';
  if (text === '-Infinity') return '0';
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const all = whole + fraction;
  const digits = all.replace(/^0+/, '').replace(/0+$/, '');
  if (digits === '') return all === '' ? undefined : '4';
  const leading = all.length - all.replace(/^0+/, '').length;
  const power = String(whole.length - leading + Number(exponent) + 500_000).padStart(7, '0');
  if (sign !== '-') return `5${power}${digits}`;
  // After the end of a negative number comes what is larger than every digit: -1.5 is before -1.
  return `3${complement(power)}${complement(digits)}:`;
}

function complement(digits: string): string {
  return digits.replaceAll(/\d/g, (digit) => String(9 - Number(digit)));
}

/** All values of a locale have as many decimals, so the digits alone tell. */
function money(text: string): string | undefined {
  const digits = text.replaceAll(/\D/g, '');
  return digits === '' ? undefined : sortableNumber(`${/[-−(]/.test(text) ? '-' : ''}${digits}`);
}

const MONTH = 30n * 86_400_000_000n;
const MICROSECONDS: Readonly<Record<string, bigint>> = {
  mil: MONTH * 12_000n,
  cen: MONTH * 1_200n,
  dec: MONTH * 120n,
  year: MONTH * 12n,
  mon: MONTH,
  week: 7n * 86_400_000_000n,
  day: 86_400_000_000n,
  hour: 3_600_000_000n,
  min: 60_000_000n,
  sec: 1_000_000n,
};

/** As interval_cmp() does: a month is 30 days, a day 24 hours. In the styles postgres, postgres_verbose and iso_8601. */
function interval(text: string): string | undefined {
  if (/^-?infinity$/.test(text)) return sortableNumber(text.replace('inf', 'Inf'));
  const total = /^P/.test(text) ? isoInterval(text) : wordyInterval(text);
  return total === undefined ? undefined : sortableNumber(String(total));
}

function wordyInterval(text: string): bigint | undefined {
  const ago = / ago$/.test(text);
  let rest = text.replace(/^@ /, '').replace(/ ago$/, '').trim();
  let total = 0n;
  if (rest === '') return undefined;
  while (rest !== '') {
    const clock = /^([+-]?)(\d+):(\d\d)(?::(\d\d(?:\.\d{1,6})?))?(?:\s+|$)/.exec(rest);
    const part = clock
      ? null
      : /^([+-]?)(\d+(?:\.\d{1,6})?) ?(mil|cen|dec|year|mon|week|day|hour|min|sec)[a-z]*(?:\s+|$)/.exec(rest);
    if (clock) {
      const [, sign, hours = '0', minutes = '0', seconds = '0'] = clock;
      const time = BigInt(hours) * 3_600_000_000n + BigInt(minutes) * 60_000_000n + scaled(seconds, 1_000_000n);
      total += sign === '-' ? -time : time;
    } else if (part) {
      const [, sign, amount = '0', unit = ''] = part;
      const time = scaled(amount, MICROSECONDS[unit] ?? 0n);
      total += sign === '-' ? -time : time;
    } else if (rest === '0') {
      return total;
    } else {
      return undefined;
    }
    rest = rest.slice((clock ?? part)?.[0].length ?? 0);
  }
  return ago ? -total : total;
}

const ISO_UNITS: Readonly<Record<string, string>> = { Y: 'year', W: 'week', D: 'day', H: 'hour', S: 'sec' };

function isoInterval(text: string): bigint | undefined {
  if (!/^P(?:[+-]?\d+(?:\.\d+)?[YMWD])*(?:T(?:[+-]?\d+(?:\.\d+)?[HMS])*)?$/.test(text)) return undefined;
  const [date = '', time = ''] = text.slice(1).split('T');
  let total = 0n;
  for (const [part, month] of [
    [date, 'mon'],
    [time, 'min'],
  ] as const) {
    for (const [, sign, amount = '0', letter = ''] of part.matchAll(/([+-]?)(\d+(?:\.\d+)?)([A-Z])/g)) {
      const value = scaled(amount, MICROSECONDS[letter === 'M' ? month : (ISO_UNITS[letter] ?? '')] ?? 0n);
      total += sign === '-' ? -value : value;
    }
  }
  return total;
}

/** A decimal times a unit. */
function scaled(decimal: string, unit: bigint): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole) * unit + (fraction === '' ? 0n : (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length));
}

/** As network_cmp() does: the family, the bits of the network, how many those are, then the whole address. */
function inet(text: string): string | undefined {
  const [address = '', length] = text.split('/');
  const bytes = address.includes(':') ? bytesOfIPv6(address) : bytesOfIPv4(address);
  if (!bytes) return undefined;
  const bits = bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const prefix = length === undefined ? bits.length : Number(length);
  // A space sorts before both digits, so a shorter network comes before those within it.
  return `${bytes.length === 4 ? '4' : '6'}${bits.slice(0, prefix)} ${bits}`;
}

function bytesOfIPv4(text: string): readonly number[] | undefined {
  const parts = text.split('.').map(Number);
  return parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part < 256)
    ? parts
    : undefined;
}

function bytesOfIPv6(text: string): readonly number[] | undefined {
  const [, head = text, ipv4] = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text) ?? [];
  const end = ipv4 === undefined ? [] : (bytesOfIPv4(ipv4) ?? []);
  const [left = '', right] = (ipv4 === undefined ? head : head.replace(/([^:]):$/, '$1')).split('::');
  const words = (part: string): number[] =>
    part
      .split(':')
      .filter((word) => word !== '')
      .flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 255]);
  const before = words(left);
  const after = [...words(right ?? ''), ...end];
  const zeros = 16 - before.length - after.length;
  if (zeros < 0 || (right === undefined && zeros !== 0) || [...before, ...after].some(Number.isNaN)) return undefined;
  return [...before, ...Array<number>(zeros).fill(0), ...after];
}

function lsn(text: string): string | undefined {
  const [, high, low] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text) ?? [];
  return high === undefined || low === undefined
    ? undefined
    : (high.padStart(8, '0') + low.padStart(8, '0')).toUpperCase();
}

/** As timetz_cmp() does: by the time in UTC, then from east to west. */
function timeWithZone(text: string): string | undefined {
  const match = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::(\d\d)(?::(\d\d))?)?$/.exec(text);
  if (!match) return undefined;
  const [, hours, minutes, seconds, fraction = '', sign, h, m = 0, s = 0] = match;
  const offset = ((Number(h) * 60 + Number(m)) * 60 + Number(s)) * (sign === '-' ? 1 : -1);
  const time = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds) + offset + 100_000;
  return `${String(time).padStart(7, '0')}${fraction.padEnd(6, '0')}${String(offset + 100_000).padStart(7, '0')}`;
}

/** Marks of an array's key, in their order: its end, an element, NULL. */
const END = '\x01';
const ELEMENT = '\x03';
const NULL = '\x05';

/** As array_cmp() does: element by element, NULL last, then how many there are, then the dimensions and their lower bounds. */
function array(text: string, encode: SortEncoder): string | undefined {
  const [, bounds = '', body] = /^(?:((?:\[-?\d+:-?\d+\])+)=)?(\{[\s\S]*\})$/.exec(text) ?? [];
  if (body === undefined) return undefined;
  let key = '';
  let depth = 0;
  // How many parts the first array of each depth has; the others of a depth have as many.
  const dimensions: number[] = [];
  let closed = Infinity;
  for (const [token, quoted, bare] of body.matchAll(/[{},]|"((?:[^"\\]|\\[\s\S])*)"|((?:[^{},"\\]|\\[\s\S])+)/g)) {
    if (token === '{') {
      if (depth++ === dimensions.length) dimensions.push(1);
    } else if (token === '}') closed = Math.min(closed, depth--);
    else if (token === ',' && depth < closed) dimensions[depth - 1] = (dimensions[depth - 1] ?? 0) + 1;
    if (quoted === undefined && bare === undefined) continue;
    if (bare?.toUpperCase() === 'NULL') {
      key += NULL;
      continue;
    }
    const encoded = encode((quoted ?? bare ?? '').replaceAll(/\\([\s\S])/g, '$1'));
    if (encoded === undefined) return undefined;
    // What the marks are made of must not be in an element, and its end must come before everything else.
    key += ELEMENT + encoded.replaceAll('\x02', '\x02\x03').replaceAll('\x01', '\x02\x02') + END;
  }
  const shape = key === '' ? [] : dimensions;
  // Lower bounds are 1 if they are not written.
  const lower = [...bounds.matchAll(/\[(-?\d+):/g)].map(([, bound]) => Number(bound));
  const starts = shape.map((_, at) => (lower[at] ?? 1) + 2 ** 31);
  return `${key}${END}${shape.length}${[...shape, ...starts].map((size) => String(size).padStart(10, '0')).join('')}`;
}
