/**
 * Expands variables in values as Compose and dotenv-expand do (Compose file reference, "Interpolation"): `$NAME`, `${NAME}`,
 * `${NAME:-default}`, `${NAME-default}`, `${NAME:+other}`, `${NAME+other}`, and `${NAME:?message}`. They can be nested.
 */

/** Longer values are dropped: values that refer to each other can double in length with each line. Characters. */
const MAX_LENGTH = 32_768;

/** Limit of nested defaults, so that a hostile file cannot exhaust the stack. */
const MAX_DEPTH = 20;

export interface InterpolationOptions {
  /** Returns the meaning of a backslash and this character, or undefined if the backslash is literal. */
  readonly unescape?: (character: string) => string | undefined;
  /** Treats `$$` as `$`, like Compose. */
  readonly doubledDollar?: boolean;
  /** Keeps an unbraced `$NAME` that is not set. */
  readonly keepUnset?: boolean;
}

/** @returns undefined if the value becomes too long */
export function interpolate(
  text: string,
  lookup: (name: string) => string | undefined,
  options: InterpolationOptions = {},
): string | undefined {
  try {
    return new Interpolation(text, lookup, options).read(false, 0);
  } catch (error) {
    if (error instanceof TooLong) return undefined;
    throw error;
  }
}

class TooLong extends Error {}

class Interpolation {
  #at = 0;

  readonly #text: string;
  readonly #lookup: (name: string) => string | undefined;
  readonly #options: InterpolationOptions;

  constructor(text: string, lookup: (name: string) => string | undefined, options: InterpolationOptions) {
    this.#text = text;
    this.#lookup = lookup;
    this.#options = options;
  }

  /** @param nested whether an unescaped `}` ends the text */
  read(nested: boolean, depth: number): string {
    const text = this.#text;
    let value = '';
    while (this.#at < text.length) {
      const character = text.charAt(this.#at);
      if (nested && character === '}') break;
      value += this.#next(character, depth);
      if (value.length > MAX_LENGTH) throw new TooLong();
    }
    return value;
  }

  #next(character: string, depth: number): string {
    const text = this.#text;
    const options = this.#options;
    const following = text.charAt(this.#at + 1);
    const unescaped = character === '\\' && following !== '' ? options.unescape?.(following) : undefined;
    if (unescaped !== undefined || (character === '$' && following === '$' && options.doubledDollar === true)) {
      this.#at += 2;
      return unescaped ?? '$';
    }
    if (character === '$' && following === '{') return this.#braced(depth);
    NAME.lastIndex = this.#at + 1;
    const name = character === '$' ? NAME.exec(text)?.[0] : undefined;
    if (name === undefined) {
      this.#at++;
      return character;
    }
    this.#at += 1 + name.length;
    return this.#lookup(name) ?? (options.keepUnset === true ? `$${name}` : '');
  }

  #braced(depth: number): string {
    const start = this.#at;
    BRACED.lastIndex = start;
    const [head, name = '', operator = ''] = BRACED.exec(this.#text) ?? [];
    if (head === undefined || depth > MAX_DEPTH) {
      this.#at++;
      return '$';
    }
    this.#at += head.length;
    const other = this.read(true, depth + 1);
    if (this.#at >= this.#text.length) {
      // There is no closing brace, so this is plain text.
      this.#at = this.#text.length;
      return this.#text.slice(start);
    }
    this.#at++;
    const value = this.#lookup(name);
    const isSet = value !== undefined && (value !== '' || !operator.startsWith(':'));
    if (operator.endsWith('-')) return isSet ? value : other;
    if (operator.endsWith('+')) return isSet ? other : '';
    return value ?? '';
  }
}

const NAME = /[A-Za-z_]\w*/y;
const BRACED = /\$\{(\w+)(?:(:?[-?+])|(?=\}))/y;
