/**
 * Encodes values of PostgreSQL's types as texts whose byte order is the server's order of the values (the types' `_cmp` functions in
 * its source). This works only for types whose order follows from the text, not for enums, ranges, or jsonb.
 */
import type { SpoolColumn } from '../spool/spoolFormat';

/** @returns undefined if the text cannot be parsed, for example because it has another output style */
export type SortEncoder = (text: string) => string | undefined;

/** Types whose text sorts like the values, under `COLLATE "C"`. */
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

/** The encoder for values of a column; undefined if they are compared as text. */
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

/** Whether the server's order of the type does not follow from the text. */
export function sortsAsText({ type }: Pick<SpoolColumn, 'type'>): boolean {
  return sortEncoder({ type }) === undefined && !PLAIN.has(plainName(type));
}

/** A type name without modifiers such as `(10,2)`, and without interval fields. */
function plainName(type: string): string {
  const name = type.replace(/\s*\([\d,\s-]*\)/, '');
  return name.replace(/^interval (?:year|month|day|hour|minute|second)[a-z ]*(?=$|\[)/, 'interval');
}

const same: SortEncoder = (text) => text;

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;

/** Encodes a decimal of any length: sign, power of ten, digits; complemented for negative numbers. NaN is the largest. */
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
  // A negative number ends with a character larger than every digit, so that -1.5 sorts before -1.
  return `3${complement(power)}${complement(digits)}:`;
}

function complement(digits: string): string {
  return digits.replaceAll(/\d/g, (digit) => String(9 - Number(digit)));
}

/** All values of a locale have the same number of decimals, so comparing the digits is enough. */
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

/** Like interval_cmp(): a month is 30 days, a day 24 hours. Styles: postgres, postgres_verbose and iso_8601. */
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

/** Multiplies a decimal by a unit. */
function scaled(decimal: string, unit: bigint): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole) * unit + (fraction === '' ? 0n : (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length));
}

/** Like network_cmp(): family, network bits, prefix length, then the full address. */
function inet(text: string): string | undefined {
  const [address = '', length] = text.split('/');
  const bytes = address.includes(':') ? bytesOfIPv6(address) : bytesOfIPv4(address);
  if (!bytes) return undefined;
  const bits = bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const prefix = length === undefined ? bits.length : Number(length);
  // A space sorts before both digits, so a network sorts before its subnetworks.
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

/** Like timetz_cmp(): by the time in UTC, then from east to west. */
function timeWithZone(text: string): string | undefined {
  const match = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::(\d\d)(?::(\d\d))?)?$/.exec(text);
  if (!match) return undefined;
  const [, hours, minutes, seconds, fraction = '', sign, h, m = 0, s = 0] = match;
  const offset = ((Number(h) * 60 + Number(m)) * 60 + Number(s)) * (sign === '-' ? 1 : -1);
  const time = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds) + offset + 100_000;
  return `${String(time).padStart(7, '0')}${fraction.padEnd(6, '0')}${String(offset + 100_000).padStart(7, '0')}`;
}

/** Marks in an array's key, in sort order: end, element, NULL. */
const END = '\x01';
const ELEMENT = '\x03';
const NULL = '\x05';

/** Like array_cmp(): element by element with NULL last, then the number of dimensions, their sizes, and their lower bounds. */
function array(text: string, encode: SortEncoder): string | undefined {
  const [, bounds = '', body] = /^(?:((?:\[-?\d+:-?\d+\])+)=)?(\{[\s\S]*\})$/.exec(text) ?? [];
  if (body === undefined) return undefined;
  let key = '';
  let depth = 0;
  // The size of the first array at each depth; all arrays of a depth have the same size.
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
    // Escape the marks within elements. The end of an element must sort before everything else.
    key += ELEMENT + encoded.replaceAll('\x02', '\x02\x03').replaceAll('\x01', '\x02\x02') + END;
  }
  const shape = key === '' ? [] : dimensions;
  // Lower bounds default to 1.
  const lower = [...bounds.matchAll(/\[(-?\d+):/g)].map(([, bound]) => Number(bound));
  const starts = shape.map((_, at) => (lower[at] ?? 1) + 2 ** 31);
  return `${key}${END}${shape.length}${[...shape, ...starts].map((size) => String(size).padStart(10, '0')).join('')}`;
}
