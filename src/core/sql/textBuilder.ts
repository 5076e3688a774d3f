/** Texts made from another one, part by part, so that places in them can be traced back. */
import { countWhile } from '../base/binarySearch';

/** A text, and where it comes from. */
export interface Substitution {
  readonly text: string;
  /** The offset in the text before it that an offset in the new text comes from; inside a replacement, where that begins. */
  readonly sourceOffset: (offset: number) => number;
}

/** Replaces parts of a text from its beginning to its end, and remembers where each part comes from. */
export class TextBuilder {
  readonly #parts: {
    readonly from: number;
    readonly to: number;
    readonly source: number;
    readonly verbatim: boolean;
  }[] = [];
  readonly #pieces: string[] = [];
  #length = 0;
  #copied = 0;

  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  replace(start: number, end: number, piece: string): void {
    this.#add(this.#text.slice(this.#copied, start), this.#copied, true);
    this.#add(piece, start, false);
    this.#copied = end;
  }

  done(): Substitution {
    const text = this.#text;
    const parts = this.#parts;
    this.#add(text.slice(this.#copied), this.#copied, true);
    const sourceOffset = (offset: number): number => {
      const part = parts[countWhile(parts, ({ to }) => to <= offset)] ?? parts.at(-1);
      if (!part) return 0;
      return part.verbatim ? Math.min(part.source + offset - part.from, text.length) : part.source;
    };
    return { text: this.#pieces.join(''), sourceOffset };
  }

  #add(piece: string, source: number, verbatim: boolean): void {
    if (piece === '') return;
    this.#parts.push({ from: this.#length, to: this.#length + piece.length, source, verbatim });
    this.#pieces.push(piece);
    this.#length += piece.length;
  }
}
