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

/** `0.4 s`, `12 s`, `3:04`, `1:02:03`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const whole = Math.floor(seconds);
  const two = (value: number): string => value.toString().padStart(2, '0');
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
