import type { ResultsStringKey, ResultsStrings } from '../src/shared/resultsStrings';

let table: ResultsStrings | undefined;
let numbers = new Intl.NumberFormat('en');
let times = new Intl.DateTimeFormat('en');

export function setStrings(strings: ResultsStrings, language: string): void {
  table = strings;
  let locale = language;
  try {
    Intl.getCanonicalLocales(locale);
  } catch {
    locale = 'en';
  }
  numbers = new Intl.NumberFormat(locale);
  times = new Intl.DateTimeFormat(locale, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
  });
}

/** A text of the page in the user's language, its `{0}` and `{1}` filled in. */
export function text(key: ResultsStringKey, ...values: readonly (string | number)[]): string {
  const raw = table?.[key] ?? key;
  return raw.replace(/\{(\d)\}/g, (whole, index: string) => {
    const value = values[Number(index)];
    return value === undefined ? whole : typeof value === 'number' ? numbers.format(value) : value;
  });
}

export function formatNumber(value: number): string {
  return numbers.format(value);
}

export function formatTime(at: number): string {
  return times.format(at);
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Bytes as PostgreSQL's `pg_size_pretty` writes them: powers of 1024, two or three digits. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value).toString()} ${UNITS[unit] ?? ''}`;
}
