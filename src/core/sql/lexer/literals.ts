/** What PostgreSQL reads a constant or a name as (scan.l and parser.c of PostgreSQL 18, `standard_conforming_strings = on`). */

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/**
 * The value of a string constant as written: `'…'`, `E'…'` with the parts that it continues with, `U&'…'` and `$tag$…$tag$`.
 * @returns undefined for what is no such constant, or has no value that is text (bit strings, bytes above 127)
 */
export function stringValue(raw: string): string | undefined {
  if (raw.startsWith('$')) {
    const tag = raw.slice(0, raw.indexOf('$', 1) + 1);
    return raw.length >= 2 * tag.length && raw.endsWith(tag) ? raw.slice(tag.length, -tag.length) : undefined;
  }
  if (raw.length < 2 || !raw.endsWith("'")) return undefined;
  if (raw.startsWith("'")) return raw.slice(1, -1).replaceAll("''", "'");
  if (/^e'/i.test(raw)) return escapeValue(raw.slice(2));
  return /^u&'/i.test(raw) ? unicodeValue(raw.slice(3, -1).replaceAll("''", "'")) : undefined;
}

/** A name as the server knows it: without its quotes, or in lower case (of ASCII letters only). */
export function nameValue(raw: string): string | undefined {
  if (raw.startsWith('"'))
    return raw.length > 2 && raw.endsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : undefined;
  if (/^u&"/i.test(raw)) return raw.endsWith('"') ? unicodeValue(raw.slice(3, -1).replaceAll('""', '"')) : undefined;
  return raw.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** @param raw after the opening quote, with the closing one */
function escapeValue(raw: string): string | undefined {
  let value = '';
  for (let at = 0; at < raw.length;) {
    const char = raw.charAt(at);
    if (char === "'") {
      if (raw.charAt(at + 1) === "'") {
        value += "'";
        at += 2;
        continue;
      }
      // The end, or of a part: the next one begins on a later line.
      const more = nextPart(raw, at + 1);
      if (more === undefined) return value;
      at = more;
      continue;
    }
    if (char !== '\\') {
      value += char;
      at++;
      continue;
    }
    const escape = /^\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([^]))/.exec(
      raw.slice(at, at + 10),
    );
    if (!escape) return undefined;
    const [whole, octal, hex, short, long, letter = ''] = escape;
    at += whole.length;
    if (octal !== undefined || hex !== undefined) {
      const byte = octal === undefined ? parseInt(hex ?? '', 16) : parseInt(octal, 8) & 255;
      // Bytes of a character in the server's encoding, whatever that is.
      if (byte === 0 || byte > 127) return undefined;
      value += String.fromCharCode(byte);
    } else if (short !== undefined || long !== undefined) {
      const code = codeUnits(parseInt(short ?? long ?? '', 16));
      if (code === undefined) return undefined;
      value += code;
    } else if (letter === 'u' || letter === 'U') return undefined;
    else value += ESCAPES[letter] ?? letter;
  }
  return undefined;
}

/** Just past the quote of the next part of a string, over white space and comments. */
function nextPart(raw: string, from: number): number | undefined {
  const part = /(?:\s|--[^\n\r]*)*'/y;
  part.lastIndex = from;
  return part.test(raw) ? part.lastIndex : undefined;
}

function unicodeValue(text: string): string | undefined {
  const faults: string[] = [];
  const value = text.replace(
    /\\(?:\\|\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4})|)/g,
    (whole, long?: string, short?: string) => {
      if (whole === '\\\\') return '\\';
      const code = codeUnits(parseInt(long ?? short ?? '', 16));
      if (code === undefined) faults.push(whole);
      return code ?? '';
    },
  );
  return faults.length === 0 ? value : undefined;
}

/** Halves of a surrogate pair may come one after the other. */
function codeUnits(code: number): string | undefined {
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

/** A number as SET takes it: whole numbers in decimal, others as written. Undefined for what is no number. */
export function numberValue(raw: string, negative: boolean): string | undefined {
  const sign = negative ? '-' : '';
  const digits = raw.replace(/_/g, '');
  if (/^(\d+(_\d+)*|0[xX](_?[0-9a-fA-F]+)+|0[oO](_?[0-7]+)+|0[bB](_?[01]+)+)$/.test(raw)) {
    const value = Number(digits);
    // Larger ones are kept as they are written.
    return value <= 2 ** 31 - 1 ? `${sign}${value}` : `${sign}${raw}`;
  }
  return /^(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(raw) ? `${sign}${raw}` : undefined;
}
