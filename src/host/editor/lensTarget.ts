/** The number of characters by which a click recognizes its statement. */
const HEAD_LENGTH = 80;

/** The argument of the command of a "Run in Background" lens. */
export interface LensTarget {
  readonly uri: string;
  readonly offset: number;
  /** The start of the statement when the lens was made. */
  readonly head: string;
  /** The document's version when the lens was made, so that the statement is found even after edits elsewhere. */
  readonly version?: number;
}

/** The text at an offset, by which a click recognizes its statement. */
export function headAt(text: string, offset: number): string {
  return text.slice(offset, offset + HEAD_LENGTH);
}

/** Whether the argument of a command is from one of our lenses. */
export function isLensTarget(argument: unknown): argument is LensTarget {
  if (typeof argument !== 'object' || argument === null) return false;
  const { uri, offset, head } = argument as Record<string, unknown>;
  return typeof uri === 'string' && typeof offset === 'number' && typeof head === 'string';
}
