/**
 * Texts of a server that are too long to be decoded in one go, which would stop everything else for as long: the bytes as they came,
 * beside the beginning as a string. They go to disk as they are.
 */
import { moreText, sizeText } from '../../shared/displayText';

/**
 * The long texts of an error or a message, by the name of the property that has the beginning. A symbol: copies of the object keep it,
 * and JSON and messages to pages leave it out.
 */
export const WHOLE = Symbol('whole texts');

export interface LongText {
  /** UTF-8, as far as it is kept. */
  readonly parts: readonly Buffer[];
  /** Of all that came. */
  readonly bytes: number;
}

export type WholeTexts = Readonly<Partial<Record<string, LongText>>>;

export interface HasWholeTexts {
  readonly [WHOLE]?: WholeTexts | undefined;
}

/** What there is of a text, and a few words if that is not all. */
export function bytesOf({ parts, bytes }: LongText): readonly Buffer[] {
  const missing = bytes - sizeOfParts(parts);
  return missing > 0 ? [...parts, Buffer.from(moreText(sizeText(missing)))] : parts;
}

/** Bytes. */
export function sizeOfParts(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/** The first bytes of a text in parts. */
export function firstBytes(parts: readonly Buffer[], most: number): readonly Buffer[] {
  let left = most;
  return parts.flatMap((part) => {
    const first = part.subarray(0, left);
    left -= first.length;
    return first.length === 0 ? [] : [first];
  });
}
