/**
 * Long texts of a server, kept as the bytes that arrived, next to their beginning as a string: decoding them at once would block
 * everything else. The bytes are written to disk unchanged.
 */
import { neutralMoreText, sizeText } from '../../shared/displayText';

/**
 * Key of the long texts of an error or a message, by the name of the property that has the beginning. A symbol, because copies of the
 * object keep it, while JSON and messages to webviews omit it.
 */
export const WHOLE = Symbol('whole texts');

export interface LongText {
  /** The bytes that are kept, UTF-8. */
  readonly parts: readonly Buffer[];
  /** The size of the whole text. */
  readonly bytes: number;
}

export type WholeTexts = Readonly<Partial<Record<string, LongText>>>;

export interface HasWholeTexts {
  readonly [WHOLE]?: WholeTexts | undefined;
}

/** The bytes of a text, followed by a note if some are missing. */
export function bytesOf({ parts, bytes }: LongText): readonly Buffer[] {
  const missing = bytes - sizeOfParts(parts);
  return missing > 0 ? [...parts, Buffer.from(neutralMoreText(sizeText(missing)))] : parts;
}

/** The total size of parts, in bytes. */
export function sizeOfParts(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/** The first bytes of a text in parts. */
export function firstBytes(parts: readonly Buffer[], max: number): readonly Buffer[] {
  let left = max;
  return parts.flatMap((part) => {
    const first = part.subarray(0, left);
    left -= first.length;
    return first.length === 0 ? [] : [first];
  });
}
