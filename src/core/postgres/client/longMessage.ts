/**
 * An ErrorResponse or NoticeResponse that is very long. Its texts are decoded only as far as anybody looks at them at once; the rest
 * stays bytes. Whatever its length, the work for each chunk of the socket is in proportion to that chunk.
 */
import type { LongText, WholeTexts } from '../../jobs/wholeText';

/** Longer messages are taken apart here. Bytes. */
export const LONG_MESSAGE = 128 * 1024;
/** Of each text so much is decoded: more than a job's record keeps of it. Bytes. */
const TEXT_BYTES = 64 * 1024;
/** …of those that an error's place is found in: the query, and the context, which may quote it. */
const PLACE_BYTES: Readonly<Record<string, number>> = { q: 4 * 1024 * 1024, W: 1024 * 1024 };
/** Of one message so much is kept, also on disk. Bytes. */
const KEPT_BYTES = 256 * 1024 * 1024;
/** The bytes of a text are gathered in blocks of this size: many small chunks would take more memory than what is in them. */
const BLOCK_BYTES = 1024 * 1024;

/** What the letters stand for in `pg`'s errors and notices (PostgreSQL, "Error and Notice Message Fields"). */
const NAMES: Readonly<Partial<Record<string, string>>> = {
  M: 'message',
  D: 'detail',
  H: 'hint',
  W: 'context',
  s: 'schema',
  t: 'table',
  c: 'column',
  n: 'constraint',
};

export class LongMessage {
  readonly #fields: Field[] = [];
  #field: Field | undefined;
  #left: number;
  #kept = 0;
  #ended = false;

  readonly #mostFields: number;

  /** @param length as in its header @param mostFields more than that, and it is damaged */
  constructor(
    readonly type: number,
    length: number,
    mostFields: number,
  ) {
    this.#mostFields = mostFields;

    this.#left = length - 4;
  }

  /** Takes what belongs to it. @returns how many bytes; undefined if the message is damaged */
  push(chunk: Buffer, from: number): number | undefined {
    const end = Math.min(chunk.length, from + this.#left);
    this.#left -= end - from;
    let at = from;
    while (at < end) {
      if (this.#ended) return undefined;
      if (!this.#field) {
        const letter = chunk[at++] ?? 0;
        if (letter === 0) this.#ended = true;
        else if (this.#fields.length === this.#mostFields) return undefined;
        else this.#fields.push((this.#field = new Field(String.fromCharCode(letter))));
        continue;
      }
      const zero = chunk.indexOf(0, at);
      const textEnd = zero === -1 || zero >= end ? end : zero;
      this.#kept += this.#field.add(chunk.subarray(at, textEnd), KEPT_BYTES - this.#kept);
      at = textEnd;
      if (textEnd === end) continue;
      this.#field = undefined;
      at++;
    }
    return this.#left === 0 && !this.#ended ? undefined : end - from;
  }

  get complete(): boolean {
    return this.#left === 0;
  }

  /** The message's body with the beginnings of its texts, and the whole of those that are longer. */
  result(): { readonly body: Buffer; readonly whole: WholeTexts } {
    const whole: Record<string, LongText> = {};
    const parts: Buffer[] = [];
    for (const field of this.#fields) {
      const { text, cut } = field.beginning();
      parts.push(Buffer.from(field.letter, 'latin1'), text, Buffer.from(cut ? '…\0' : '\0'));
      const name = NAMES[field.letter];
      if (cut && name !== undefined) whole[name] = field.whole();
    }
    return { body: Buffer.concat([...parts, Buffer.alloc(1)]), whole };
  }
}

class Field {
  readonly #blocks: Buffer[] = [];
  /** Bytes in the last block. */
  #used = 0;
  #bytes = 0;
  #kept = 0;

  constructor(readonly letter: string) {}

  /** @returns how many bytes were kept */
  add(bytes: Buffer, most: number): number {
    this.#bytes += bytes.length;
    const kept = bytes.subarray(0, Math.max(0, most));
    for (let at = 0; at < kept.length;) {
      let last = this.#blocks.at(-1);
      if (!last || this.#used === last.length) {
        // Most texts are short.
        last = Buffer.allocUnsafe(last ? BLOCK_BYTES : Math.min(BLOCK_BYTES, Math.max(256, kept.length)));
        this.#blocks.push(last);
        this.#used = 0;
      }
      const count = kept.copy(last, this.#used, at);
      this.#used += count;
      at += count;
    }
    this.#kept += kept.length;
    return kept.length;
  }

  beginning(): { readonly text: Buffer; readonly cut: boolean } {
    const most = PLACE_BYTES[this.letter] ?? TEXT_BYTES;
    if (this.#bytes <= most && this.#kept === this.#bytes) return { text: Buffer.concat(this.#parts()), cut: false };
    const text = Buffer.concat(this.#parts(), Math.min(most, this.#kept));
    return { text: text.subarray(0, endOfCharacter(text)), cut: true };
  }

  whole(): LongText {
    return { parts: this.#parts(), bytes: this.#bytes };
  }

  #parts(): Buffer[] {
    return this.#blocks.map((block, i) => (i === this.#blocks.length - 1 ? block.subarray(0, this.#used) : block));
  }
}

/** Where the last whole character of a UTF-8 text ends that may have been cut anywhere. */
function endOfCharacter(text: Buffer): number {
  for (let back = 1; back <= Math.min(4, text.length); back++) {
    const byte = text[text.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte < 0x80 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return size > back ? text.length - back : text.length;
  }
  return text.length;
}
