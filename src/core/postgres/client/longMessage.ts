/**
 * Long ErrorResponse and NoticeResponse messages. Only the beginning of each text is decoded; the rest remains bytes. Whatever the
 * length of the message, the work for each chunk is proportional to the size of that chunk.
 */
import type { LongText, WholeTexts } from '../../jobs/wholeText';

/** Messages longer than this are processed here. Bytes. */
export const LONG_MESSAGE = 128 * 1024;
/** How much of each text is decoded: more than the record of a job stores. Bytes. */
const TEXT_BYTES = 64 * 1024;
/** The same for the texts that an error's position is derived from: the query, and the context, which may quote it. Bytes. */
const POSITION_TEXT_BYTES: Readonly<Record<string, number>> = { q: 4 * 1024 * 1024, W: 1024 * 1024 };
/** How much of one message is kept, also on disk. Bytes. */
const MAX_KEPT_BYTES = 256 * 1024 * 1024;
/** Texts are collected in blocks of this size: many small chunks would need more memory than their content. Bytes. */
const BLOCK_BYTES = 1024 * 1024;

/** Field types and their names in an error or a notice of a job (PostgreSQL, "Error and Notice Message Fields"). */
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
  /** Bytes of the body that have not arrived yet. */
  #remaining: number;
  #kept = 0;
  #ended = false;

  readonly #maxFields: number;

  /** @param length as in the header @param maxFields a message with more fields is damaged */
  constructor(
    readonly type: number,
    length: number,
    maxFields: number,
  ) {
    this.#maxFields = maxFields;

    this.#remaining = length - 4;
  }

  /** Adds the bytes of a chunk that belong to the message. @returns how many; undefined if the message is damaged */
  push(chunk: Buffer, from: number): number | undefined {
    const end = Math.min(chunk.length, from + this.#remaining);
    this.#remaining -= end - from;
    let at = from;
    while (at < end) {
      if (this.#ended) return undefined;
      if (!this.#field) {
        const letter = chunk[at++] ?? 0;
        if (letter === 0) this.#ended = true;
        else if (this.#fields.length === this.#maxFields) return undefined;
        else this.#fields.push((this.#field = new Field(String.fromCharCode(letter))));
        continue;
      }
      const zero = chunk.indexOf(0, at);
      const textEnd = zero === -1 || zero >= end ? end : zero;
      this.#kept += this.#field.add(chunk.subarray(at, textEnd), MAX_KEPT_BYTES - this.#kept);
      at = textEnd;
      if (textEnd === end) continue;
      this.#field = undefined;
      at++;
    }
    return this.#remaining === 0 && !this.#ended ? undefined : end - from;
  }

  get complete(): boolean {
    return this.#remaining === 0;
  }

  /** The body with the beginnings of its texts, and the full text of each one that was shortened. */
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
  add(bytes: Buffer, max: number): number {
    this.#bytes += bytes.length;
    const kept = bytes.subarray(0, Math.max(0, max));
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
    const max = POSITION_TEXT_BYTES[this.letter] ?? TEXT_BYTES;
    if (this.#bytes <= max && this.#kept === this.#bytes) return { text: Buffer.concat(this.#parts()), cut: false };
    const text = Buffer.concat(this.#parts(), Math.min(max, this.#kept));
    return { text: text.subarray(0, endOfCharacter(text)), cut: true };
  }

  whole(): LongText {
    return { parts: this.#parts(), bytes: this.#bytes };
  }

  #parts(): Buffer[] {
    return this.#blocks.map((block, i) => (i === this.#blocks.length - 1 ? block.subarray(0, this.#used) : block));
  }
}

/** The end of the last complete character in a UTF-8 text that may be cut within a character. */
function endOfCharacter(text: Buffer): number {
  for (let back = 1; back <= Math.min(4, text.length); back++) {
    const byte = text[text.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte < 0x80 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return size > back ? text.length - back : text.length;
  }
  return text.length;
}
