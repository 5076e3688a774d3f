import { ENGLISH_NUMBERS, formatWhole, type NumberStyle } from '../../src/shared/numberText';
import { formatDate } from '../../src/shared/timeText';
import type { ResultsStringKey, ResultsStrings } from '../../src/shared/resultsStrings';

let table: ResultsStrings | undefined;
let numbers = ENGLISH_NUMBERS;
let locale = 'en';

export function setStrings(strings: ResultsStrings, language: string, numberStyle: NumberStyle): void {
  table = strings;
  locale = language;
  try {
    Intl.getCanonicalLocales(locale);
  } catch {
    locale = 'en';
  }
  numbers = numberStyle;
}

/** A text in the user's language, with `{0}` and `{1}` replaced by values. */
export function text(key: ResultsStringKey, ...values: readonly (string | number)[]): string {
  const raw = table?.[key] ?? key;
  return raw.replace(/\{(\d)\}/g, (whole, index: string) => {
    const value = values[Number(index)];
    return value === undefined ? whole : typeof value === 'number' ? formatWhole(value, numbers) : value;
  });
}

/** Keys of texts with a singular form, whose key ends with `One`. */
type CountedKey = { [K in ResultsStringKey]: `${K}One` extends ResultsStringKey ? K : never }[ResultsStringKey];

/** Like {@link text}, with the singular or plural form. `{0}` is the count. */
export function counted(key: CountedKey, count: number, ...values: readonly (string | number)[]): string {
  return text(count === 1 ? `${key}One` : key, count, ...values);
}

export function formatNumber(value: number): string {
  return formatWhole(value, numbers);
}

export function formatReceived(at: number): string {
  return formatDate(at, locale);
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Formats bytes like PostgreSQL's `pg_size_pretty`: powers of 1024, two or three digits. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value).toString()} ${UNITS[unit] ?? ''}`;
}
