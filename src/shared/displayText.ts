/**
 * Text that came from a server, a setting or a file, made fit to be shown: short, and without characters that hide or reorder
 * what stands beside them. Every function first limits how much it looks at, so that a text of any length costs the same.
 */

/** Where to cut a text that may have so many UTF-16 units: never between the two halves of one character. */
export function endOfPart(text: string, max: number): number {
  if (text.length <= max) return text.length;
  const last = text.charCodeAt(max - 1);
  return last >= 0xd800 && last <= 0xdbff ? max - 1 : max;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB'] as const;

/** `4.9 MB`. Powers of 1,000, as disks are sold. */
export function sizeText(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${UNITS[unit] ?? ''}`;
}

/** `… (4.9 MB more)`. */
export function moreText(size: string): string {
  return `… (${size} more)`;
}

/**
 * The beginning of a text, and how much more there is.
 *
 * @param max UTF-16 units of the text that are kept
 * @param cutBytes what was cut off before
 * @param more how to say it; by default in English
 */
export function shorten(text: string, max: number, cutBytes = 0, more: (size: string) => string = moreText): string {
  const end = endOfPart(text, max);
  // Counting bytes would mean to read it all; most of what is this long is ASCII.
  const rest = text.length - end + cutBytes;
  return rest === 0 ? text : text.slice(0, end) + more(sizeText(rest));
}

/**
 * Control characters (but for newlines and tabs), line separators, and the characters that turn the direction of text around:
 * U+202A to U+202E and U+2066 to U+2069 (Unicode Standard Annex 9), with which text can be made to look like another one.
 */
const HIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|\r(?!\n)/g;

/** Makes them visible, one character for one, so that places in the text stay what they were. */
export function visible(text: string): string {
  return text.replace(HIDDEN, signOf);
}

function signOf(character: string): string {
  const code = character.charCodeAt(0);
  // The block "Control Pictures" has a picture for each control character of ASCII.
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : '\ufffd';
}

/** A message for a page, with each text in it shortened. */
export function withShortTexts<T>(value: T, max: number): T {
  const short = (one: unknown): unknown => {
    if (typeof one === 'string') return shorten(one, max);
    if (Array.isArray(one)) return one.map(short);
    if (typeof one !== 'object' || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([key, part]) => [key, short(part)]));
  };
  return short(value) as T;
}
