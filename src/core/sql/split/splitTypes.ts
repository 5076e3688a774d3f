/** The result of splitting a text into statements. All offsets are UTF-16 code units. */

/** One statement of a text. */
export interface Statement {
  /** Where its first token begins. */
  readonly start: number;
  /** Just past its last token, without the semicolon. */
  readonly end: number;
  /**
   * Where its own leading comments begin, else `start`. Its own are those above it without a blank line between, but not
   * a comment on the line on which the statement before it ends.
   */
  readonly leadStart: number;
  /** Just past the semicolon; the same as `end` where there is none. */
  readonly next: number;
  /** Whether a semicolon (or a psql command such as `\g`) ended it, not the end of the text. */
  readonly terminated: boolean;
  /** Its first word in upper case; empty where it has none. */
  readonly keyword: string;
  /** Whether the text can be read again from `next` on without knowing what came before: a plain semicolon ended it. */
  readonly seam: boolean;
}

/** What kept a part of the text from being plain SQL. */
export type SplitProblemKind =
  | 'metaCommand'
  | 'copyData'
  | 'unterminatedString'
  | 'unterminatedName'
  | 'unterminatedDollarQuote'
  | 'unterminatedComment'
  | 'unclosedParenthesis'
  | 'unclosedBody';

/** A part of the text that only psql understands, or that is cut off. */
export interface SplitProblem {
  readonly kind: SplitProblemKind;
  readonly start: number;
  readonly end: number;
}

/** A text taken apart. */
export interface SplitText {
  /** The text's length, with which an update sees whether it was told of all changes. */
  readonly length?: number;
  /** In the order of the text. */
  readonly statements: readonly Statement[];
  /** In the order of the text. */
  readonly problems: readonly SplitProblem[];
  /** Where the first statement begins that only ended because the end of the text was seen; then nothing can be reused. */
  readonly repairedFrom?: number;
}

/** A replacement in a text, in the offsets of the text before it (as in VS Code's `TextDocumentContentChangeEvent`). */
export interface TextChange {
  readonly start: number;
  /** How many code units were removed. */
  readonly removed: number;
  /** How many came in their place. */
  readonly inserted: number;
}

/** A text and its parts. */
export interface ParsedText {
  readonly text: string;
  readonly split: SplitText;
}
