/**
 * Makes texts of servers, settings, and files safe to display: short, and without characters that hide or reorder the text around them.
 * Each function first limits how much it reads, so that its cost does not depend on the length of the text.
 */

/** Where to cut a text to at most `max` UTF-16 units without splitting a surrogate pair. */
export function endOfPart(text: string, max: number): number {
  if (text.length <= max) return text.length;
  const last = text.charCodeAt(max - 1);
  return last >= 0xd800 && last <= 0xdbff ? max - 1 : max;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB'] as const;

/** `4.9 MB`. Powers of 1,000. */
export function sizeText(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${UNITS[unit] ?? ''}`;
}

/** Formats the note about the rest of a text. @param size of the rest, e.g. `4.9 MB` */
export type MoreText = (size: string) => string;

/** The note `… (+4.9 MB)`, for texts in records, files, and the log, which must not depend on VS Code's language. */
export const neutralMoreText: MoreText = (size) => `… (+${size})`;

/**
 * Shortens a text and appends the size of the rest.
 *
 * @param max maximum UTF-16 units to keep
 * @param cutBytes bytes that were cut off before
 */
export function shorten(text: string, max: number, more: MoreText, cutBytes = 0): string {
  const end = endOfPart(text, max);
  // Counting bytes would require reading all of it; most texts of this length are ASCII.
  const rest = text.length - end + cutBytes;
  return rest === 0 ? text : text.slice(0, end) + more(sizeText(rest));
}

/**
 * Control characters except newlines and tabs, line separators, and the characters that change the direction of text, U+202A to U+202E and
 * U+2066 to U+2069 (Unicode Standard Annex 9), which can make a text look like another one.
 */
const HIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|\r(?!\n)/g;

/** Makes hidden characters visible. Replaces each by one character, so that offsets in the text do not change. */
export function visible(text: string): string {
  return text.replace(HIDDEN, signOf);
}

function signOf(character: string): string {
  const code = character.charCodeAt(0);
  // The Unicode block "Control Pictures" has a symbol for each ASCII control character.
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : '\ufffd';
}

/** Shortens each text in a message for a page. */
export function withShortTexts<T>(value: T, max: number, more: MoreText): T {
  const short = (part: unknown): unknown => {
    if (typeof part === 'string') return shorten(part, max, more);
    if (Array.isArray(part)) return part.map(short);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, field]) => [key, short(field)]));
  };
  return short(value) as T;
}
