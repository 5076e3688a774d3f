/** Reads the tokens of one statement, without comments and psql's meta-commands, for hand-written parsers. */
import { upperWord } from './characters';
import { Lexer, Token } from './lexer';
import { metaCommandAt } from '../psql/psqlCommands';

/** Points at a token; `next()` moves to the next one. */
export class Cursor {
  readonly #lexer: Lexer;
  /** The number of open parentheses around the current token. The parentheses themselves are outside. */
  depth = 0;
  /** A closing parenthesis had no opening one. */
  unbalanced = false;
  #opened = false;
  #afterLabel = false;

  constructor(text: string, from: number, to: number) {
    this.#lexer = new Lexer(text, from, to);
    this.next();
  }

  /** An independent cursor at the same token. */
  copy(): Cursor {
    const copy = new Cursor(this.#lexer.text, this.#lexer.start, this.#lexer.limit);
    copy.depth = this.depth;
    copy.unbalanced = this.unbalanced;
    copy.#afterLabel = this.#afterLabel;
    return copy;
  }

  get kind(): Token {
    return this.#lexer.kind;
  }

  get start(): number {
    return this.#lexer.start;
  }

  get end(): number {
    return this.#lexer.end;
  }

  /** The current token as written. */
  slice(): string {
    return this.#lexer.slice();
  }

  get atEnd(): boolean {
    return this.#lexer.kind === Token.End;
  }

  /** The current word in upper case. Undefined for other tokens, and after a dot or AS, where any keyword is a name. */
  get keyword(): string | undefined {
    if (this.#lexer.kind !== Token.Word || this.#afterLabel) return undefined;
    return upperWord(this.#lexer.text, this.#lexer.start, this.#lexer.end);
  }

  /** Whether the current token is one of these keywords, and not a name after a dot or AS. */
  is(...words: readonly string[]): boolean {
    return !this.#afterLabel && words.some((word) => this.#lexer.is(word));
  }

  next(): void {
    const lexer = this.#lexer;
    this.#afterLabel = lexer.is('AS') || (lexer.kind === Token.Other && lexer.text.charCodeAt(lexer.start) === 46);
    if (this.#opened) this.depth++;
    this.#opened = false;
    let kind = lexer.nextCode();
    while (kind === Token.Backslash) {
      lexer.end = metaCommandAt(lexer.text, lexer.start).next;
      kind = lexer.nextCode();
    }
    if (kind === Token.Open) this.#opened = true;
    else if (kind === Token.Close) {
      if (this.depth > 0) this.depth--;
      else this.unbalanced = true;
    }
  }

  /** Skips the current token if it is one of these keywords. @returns whether it was */
  accept(...words: readonly string[]): boolean {
    if (!this.is(...words)) return false;
    this.next();
    return true;
  }

  /** Skips the current token if it is this character. @returns whether it was */
  acceptChar(char: string): boolean {
    if (this.atEnd || this.#lexer.text.charAt(this.#lexer.start) !== char) return false;
    this.next();
    return true;
  }

  /** Skips a parenthesis with its content if the current token opens one. @returns whether it did */
  skipParentheses(): boolean {
    if (this.#lexer.kind !== Token.Open) return false;
    const { depth } = this;
    this.next();
    while (!this.atEnd && this.depth > depth) this.next();
    this.next();
    return true;
  }

  /** Moves to the next of these keywords at the same depth of parentheses. @returns whether there is one */
  find(...words: readonly string[]): boolean {
    const { depth } = this;
    while (!this.atEnd && this.depth >= depth) {
      if (this.depth === depth && this.is(...words)) return true;
      this.next();
    }
    return false;
  }
}
