/** Reads `.env` files as dotenv, dotenv-expand, and Compose do. Takes one pass for any input. */
import { interpolate } from './interpolate';

export interface Variable {
  readonly value: string;
  /** Zero-based. */
  readonly line: number;
}

export type Variables = ReadonlyMap<string, Variable>;

const START = /[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*/y;

/** Escapes between double quotes. */
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' };

/**
 * Reads the variables of a file. Values can refer to variables defined earlier. A value that becomes too long is skipped.
 * @param outer other variables that values can refer to; those of the file take precedence
 */
export function parseDotenv(text: string, outer: Variables = new Map()): Variables {
  const variables = new Map<string, Variable>();
  const lookup = (name: string): string | undefined => (variables.get(name) ?? outer.get(name))?.value;
  const closing = { "'": new ClosingQuotes(text, "'"), '"': new ClosingQuotes(text, '"') };
  let line = 0;
  // Some editors begin a file with a byte order mark.
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  while (at < text.length) {
    let end = lineEnd(text, at);
    START.lastIndex = at;
    const start = START.exec(text);
    const name = start?.[1];
    if (start && name !== undefined && START.lastIndex <= end) {
      const from = START.lastIndex;
      const quote = text.charAt(from);
      const close = quote === "'" || quote === '"' ? closing[quote].after(from + 1) : -1;
      let value: string | undefined;
      if (close < 0) value = interpolate(unquotedValue(text.slice(from, end)), lookup, UNQUOTED);
      else {
        const quoted = text.slice(from + 1, close);
        value = quote === "'" ? quoted : interpolate(quoted, lookup, DOUBLE_QUOTED);
      }
      if (value === undefined) variables.delete(name);
      else variables.set(name, { value, line });
      if (close >= end) {
        line += countLines(text, at, close);
        at = close;
        end = lineEnd(text, close);
      }
    }
    line++;
    at = end + 1;
  }
  return variables;
}

const UNQUOTED = { unescape: (character: string) => (character === '$' ? '$' : undefined), keepUnset: true };
const DOUBLE_QUOTED = { unescape: (character: string) => ESCAPES[character], keepUnset: true };

function unquotedValue(text: string): string {
  return text.replace(/(^|\s)#.*$/s, '').trim();
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

function countLines(text: string, from: number, to: number): number {
  let lines = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}

/** Finds closing quotes. Remembers when there is no further one, so that searches do not take quadratic time. */
class ClosingQuotes {
  #none = false;

  readonly #text: string;
  readonly #quote: "'" | '"';

  constructor(text: string, quote: "'" | '"') {
    this.#text = text;
    this.#quote = quote;
  }

  /** Returns the offset of the next closing quote, or -1. */
  after(from: number): number {
    if (this.#none) return -1;
    for (let at = from; ; at++) {
      at = this.#text.indexOf(this.#quote, at);
      if (at < 0) {
        this.#none = true;
        return -1;
      }
      if (this.#quote === "'" || !isEscaped(this.#text, at, from)) return at;
    }
  }
}

function isEscaped(text: string, at: number, from: number): boolean {
  let backslashes = 0;
  while (at - 1 - backslashes >= from && text.charAt(at - 1 - backslashes) === '\\') backslashes++;
  return backslashes % 2 === 1;
}
