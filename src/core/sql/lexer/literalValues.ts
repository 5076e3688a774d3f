/** The values of constants and names (scan.l and parser.c of PostgreSQL 18, `standard_conforming_strings = on`). */

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/**
 * The value of a string constant: `'…'`, `E'…'` with its continuations, `U&'…'`, or `$tag$…$tag$`.
 * @returns undefined if it is not such a constant, or if its value is not text (bit strings, bytes above 127)
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

/** A name as the server stores it: without quotes, or with ASCII letters in lower case. @returns undefined if it is malformed */
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
      // The end of the string, unless a continuation follows on a later line.
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
      // Bytes of a character in the server's encoding, which is unknown.
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

/** The offset past the opening quote of a string's continuation, after white space and comments. */
function nextPart(raw: string, from: number): number | undefined {
  const part = /(?:\s|--[^\n\r]*)*'/y;
  part.lastIndex = from;
  return part.test(raw) ? part.lastIndex : undefined;
}

function unicodeValue(text: string): string | undefined {
  const invalid: string[] = [];
  const value = text.replace(
    /\\(?:\\|\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4})|)/g,
    (whole, long?: string, short?: string) => {
      if (whole === '\\\\') return '\\';
      const code = codeUnits(parseInt(long ?? short ?? '', 16));
      if (code === undefined) invalid.push(whole);
      return code ?? '';
    },
  );
  return invalid.length === 0 ? value : undefined;
}

/** A code point as text. May be half of a surrogate pair, because two escapes can form a pair. */
function codeUnits(code: number): string | undefined {
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

/** A number as SET reads it: integers in decimal, others as written. @returns undefined if it is not a number */
export function numberValue(raw: string, negative: boolean): string | undefined {
  const sign = negative ? '-' : '';
  const digits = raw.replace(/_/g, '');
  if (/^(\d+(_\d+)*|0[xX](_?[0-9a-fA-F]+)+|0[oO](_?[0-7]+)+|0[bB](_?[01]+)+)$/.test(raw)) {
    const value = Number(digits);
    // Larger integers are kept as written.
    return value <= 2 ** 31 - 1 ? `${sign}${value}` : `${sign}${raw}`;
  }
  return /^(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(raw) ? `${sign}${raw}` : undefined;
}
