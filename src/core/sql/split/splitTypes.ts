/** The result of splitting a text into statements. All offsets are UTF-16 code units. */

/** One statement of a text. */
export interface Statement {
  /** The start of its first token. */
  readonly start: number;
  /** Just past its last token, without the semicolon. */
  readonly end: number;
  /**
   * The start of its leading comments, or `start` if it has none. These are the comments directly above it, without a blank line in
   * between, but not a comment on the line on which the previous statement ends.
   */
  readonly leadStart: number;
  /** Just past the semicolon, or `end` if there is none. */
  readonly next: number;
  /** Whether a semicolon (or a psql command such as `\g`) ends it, and not the end of the text. */
  readonly terminated: boolean;
  /** Its first word in upper case, or an empty string. */
  readonly keyword: string;
  /** Whether splitting can restart at `next` without earlier state, because a plain semicolon ends it. */
  readonly seam: boolean;
}

/** The reason why a part of a text is not plain SQL. */
export type SplitProblemKind =
  | 'metaCommand'
  | 'copyData'
  | 'unterminatedString'
  | 'unterminatedName'
  | 'unterminatedDollarQuote'
  | 'unterminatedComment'
  | 'unclosedParenthesis'
  | 'unclosedBody';

/** A part of a text that only psql understands, or that is not closed. */
export interface SplitProblem {
  readonly kind: SplitProblemKind;
  readonly start: number;
  readonly end: number;
}

/** The statements and problems of a text. */
export interface SplitText {
  /** The length of the text, with which an update checks that it knows all changes. */
  readonly length?: number;
  /** In the order of the text. */
  readonly statements: readonly Statement[];
  /** In the order of the text. */
  readonly problems: readonly SplitProblem[];
  /** The start of the first statement that was repaired at the end of the text. From there on, nothing can be reused. */
  readonly repairedFrom?: number;
}

/** A replacement, in offsets of the text before it (as in VS Code's `TextDocumentContentChangeEvent`). */
export interface TextChange {
  readonly start: number;
  /** The number of removed code units. */
  readonly removed: number;
  /** The number of inserted code units. */
  readonly inserted: number;
}

/** A text and its parts. */
export interface ParsedText {
  readonly text: string;
  readonly split: SplitText;
}
