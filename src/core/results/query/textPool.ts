/** Bytes of text that fit into one exact number. */
const PREFIX = 6;
/** Bytes that are compared one by one, before a call for all the rest pays. */
const BYTE_BY_BYTE = 32;

/** Texts one after the other in one buffer: a million strings would cost several times as much. They compare by their UTF-8 bytes. */
export class TextPool {
  #bytes = Buffer.allocUnsafe(64 * 1024);
  #used = 0;
  #ends = new Float64Array(1024);
  #length = 0;
  /** Bytes with which all texts begin. */
  #common = 0;
  /** The next bytes of each text after these, and the next after them, as numbers. None until they are made. */
  #first: Float64Array | undefined;
  #second: Float64Array | undefined;

  readonly #mostBytes: number;

  /** @param mostBytes Bytes of a text that are kept. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  push(text: string): void {
    const most = Math.min(this.#mostBytes, text.length * 3);
    if (this.#used + most > this.#bytes.length) {
      const larger = Buffer.allocUnsafe((this.#bytes.length + most) * 2);
      this.#bytes.copy(larger, 0, 0, this.#used);
      this.#bytes = larger;
    }
    if (this.#length === this.#ends.length) {
      const larger = new Float64Array(this.#length * 2);
      larger.set(this.#ends);
      this.#ends = larger;
    }
    if (text !== '') this.#used += this.#bytes.write(text, this.#used, most, 'utf8');
    this.#ends[this.#length++] = this.#used;
  }

  truncate(length: number): void {
    this.#length = length;
    this.#used = this.#start(length);
  }

  get(i: number): string {
    return this.#bytes.toString('utf8', this.#start(i), this.#ends[i]);
  }

  /** Negative when the first text comes before the second. */
  compare(a: number, b: number): number {
    let skip = 0;
    const first = this.#first;
    const second = this.#second;
    if (first && second) {
      const x = first[a] ?? 0;
      const y = first[b] ?? 0;
      if (x !== y) return x - y;
      const next = second[a] ?? 0;
      const other = second[b] ?? 0;
      if (next !== other) return next - other;
      skip = this.#common + 2 * PREFIX;
    }
    return this.#compareFrom(a, b, skip);
  }

  /** The beginning of a text as a number that compares as the text does, as far as it goes. Prefixes must have been made. */
  prefix(i: number): number {
    return this.#first?.[i] ?? 0;
  }

  /**
   * Makes comparing fast for the texts there are: the bytes in which they differ first become numbers. Empty ones do not count for what
   * all begin with; they come first in any case.
   */
  makePrefixes(): void {
    this.#common = this.#commonLength();
    const first = new Float64Array(this.#length);
    const second = new Float64Array(this.#length);
    for (let i = 0; i < this.#length; i++) {
      const start = this.#start(i) + this.#common;
      const end = this.#ends[i] ?? 0;
      // One more than zero bytes would make, so that a text of nothing but the common bytes comes after the empty one.
      first[i] = this.#start(i) === end ? 0 : 1 + this.#number(start, end);
      second[i] = this.#number(start + PREFIX, end);
    }
    this.#first = first;
    this.#second = second;
  }

  #compareFrom(a: number, b: number, skip: number): number {
    const bytes = this.#bytes;
    const endA = this.#ends[a] ?? 0;
    const endB = this.#ends[b] ?? 0;
    let i = Math.min(this.#start(a) + skip, endA);
    let j = Math.min(this.#start(b) + skip, endB);
    const stop = Math.min(endA, i + BYTE_BY_BYTE);
    while (i < stop && j < endB) {
      const difference = (bytes[i++] ?? 0) - (bytes[j++] ?? 0);
      if (difference !== 0) return difference;
    }
    return i < endA && j < endB ? bytes.compare(bytes, j, endB, i, endA) : endA - i - (endB - j);
  }

  #commonLength(): number {
    let reference = -1;
    let common = Infinity;
    for (let i = 0; i < this.#length && common > 0; i++) {
      const start = this.#start(i);
      const length = (this.#ends[i] ?? 0) - start;
      if (length === 0) continue;
      if (reference < 0) reference = start;
      common = Math.min(common, length);
      let same = 0;
      while (same < common && this.#bytes[start + same] === this.#bytes[reference + same]) same++;
      common = same;
    }
    return reference < 0 ? 0 : common;
  }

  /** Six bytes as a number; zeros after the end, which no text of PostgreSQL contains. */
  #number(start: number, end: number): number {
    if (start + PREFIX <= end) return this.#bytes.readUIntBE(start, PREFIX);
    let number = 0;
    for (let i = start; i < start + PREFIX; i++) number = number * 256 + (i < end ? (this.#bytes[i] ?? 0) : 0);
    return number;
  }

  #start(i: number): number {
    return i === 0 ? 0 : (this.#ends[i - 1] ?? 0);
  }
}
