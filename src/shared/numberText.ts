/**
 * How a language groups the digits of whole numbers. The extension host determines it for the results page, because the first
 * `Intl.NumberFormat` of a page takes as long as drawing its first rows (15 ms, measured).
 */
export interface NumberStyle {
  /** Zero to nine. */
  readonly digits: readonly string[];
  readonly separator: string;
  /** Digits of the last group, and of the groups before it: 3 and 2 in India, 3 and 3 elsewhere. */
  readonly last: number;
  readonly others: number;
  /** Numbers with fewer digits are not grouped: 5 in Polish, 4 in English. */
  readonly least: number;
}

export const ENGLISH_NUMBERS: NumberStyle = {
  digits: Array.from('0123456789'),
  separator: ',',
  last: 3,
  others: 3,
  least: 4,
};

/** @param language BCP 47. English if it is not known. */
export function numberStyleOf(language: string): NumberStyle {
  let format: Intl.NumberFormat;
  try {
    format = new Intl.NumberFormat(language);
  } catch {
    return ENGLISH_NUMBERS;
  }
  const parts = format.formatToParts(1_234_567_890_123);
  const groups = parts.filter(({ type }) => type === 'integer').map(({ value }) => Array.from(value).length);
  const lengths = [4, 5, 6, 7];
  return {
    digits: Array.from({ length: 10 }, (_, digit) => format.format(digit)),
    separator: parts.find(({ type }) => type === 'group')?.value ?? '',
    last: groups.at(-1) ?? 3,
    others: groups.at(-2) ?? 3,
    least: lengths.find((length) => format.formatToParts(10 ** (length - 1)).length > 1) ?? Infinity,
  };
}

/** Formats a whole number that is not negative, as `Intl.NumberFormat` does. */
export function formatWhole(value: number, style: NumberStyle): string {
  const plain = value.toString();
  if (plain.length < style.least && style.digits[0] === '0') return plain;
  const written = Array.from(plain, (digit) => style.digits[Number(digit)] ?? digit);
  if (plain.length < style.least) return written.join('');
  const groups: string[] = [];
  let end = plain.length;
  for (let size = style.last; end > 0; size = style.others) {
    groups.unshift(written.slice(Math.max(0, end - size), end).join(''));
    end -= size;
  }
  return groups.join(style.separator);
}
