/** A reader over the tokens of one statement, without comments and psql's meta-commands: what a hand-written parser needs. */
import { upperWord } from './characters';
import { Lexer, Token } from './lexer';
import { metaCommandAt } from '../psql/psqlCommands';

/** Stands on a token; `next()` goes to the next one. */
export class Cursor {
  readonly #lexer: Lexer;
  /** Open parentheses around the current token; an opening and its closing one count as outside. */
  depth = 0;
  /** A parenthesis was closed that had not been opened. */
  unbalanced = false;
  #opened = false;
  #afterLabel = false;

  constructor(text: string, from: number, to: number) {
    this.#lexer = new Lexer(text, from, to);
    this.next();
  }

  /** A cursor of its own on the same token. */
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

  /** The current token, if it is a word, in upper case. Behind a dot or AS any keyword is only a name: then undefined. */
  get keyword(): string | undefined {
    if (this.#lexer.kind !== Token.Word || this.#afterLabel) return undefined;
    return upperWord(this.#lexer.text, this.#lexer.start, this.#lexer.end);
  }

  /** Whether the current token is one of these keywords (not a name behind a dot or AS). */
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

  /** Steps over the current token if it is one of these keywords. */
  accept(...words: readonly string[]): boolean {
    if (!this.is(...words)) return false;
    this.next();
    return true;
  }

  /** Steps over the current token if it is this character. */
  acceptChar(char: string): boolean {
    if (this.atEnd || this.#lexer.text.charAt(this.#lexer.start) !== char) return false;
    this.next();
    return true;
  }

  /** Steps over a parenthesis and all that is in it, if the current token opens one. */
  skipParentheses(): boolean {
    if (this.#lexer.kind !== Token.Open) return false;
    const { depth } = this;
    this.next();
    while (!this.atEnd && this.depth > depth) this.next();
    this.next();
    return true;
  }

  /** Moves to the next token that is one of these keywords and stands in as many parentheses as the current one. */
  find(...words: readonly string[]): boolean {
    const { depth } = this;
    while (!this.atEnd && this.depth >= depth) {
      if (this.depth === depth && this.is(...words)) return true;
      this.next();
    }
    return false;
  }
}
