/** Builds a text from parts of another one, and maps offsets back to it. */
import { countWhile } from '../base/binarySearch';

/** A text that was made from another one. */
export interface Substitution {
  readonly text: string;
  /** Maps an offset in the new text to one in the original text. Inside a replacement, returns the start of the replaced part. */
  readonly sourceOffset: (offset: number) => number;
}

/** Replaces parts of a text, from its start to its end. */
export class TextBuilder {
  readonly #parts: {
    readonly from: number;
    readonly to: number;
    readonly source: number;
    readonly verbatim: boolean;
  }[] = [];
  readonly #texts: string[] = [];
  #length = 0;
  #copied = 0;

  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  replace(start: number, end: number, replacement: string): void {
    this.#add(this.#text.slice(this.#copied, start), this.#copied, true);
    this.#add(replacement, start, false);
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
    return { text: this.#texts.join(''), sourceOffset };
  }

  #add(replacement: string, source: number, verbatim: boolean): void {
    if (replacement === '') return;
    this.#parts.push({ from: this.#length, to: this.#length + replacement.length, source, verbatim });
    this.#texts.push(replacement);
    this.#length += replacement.length;
  }
}
