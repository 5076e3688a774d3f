/** Bytes of text that an exact number can hold. */
const PREFIX = 6;
/** Bytes to compare one by one before calling Buffer.compare for the rest. */
const BYTE_BY_BYTE = 32;

/** Stores texts in one buffer, because a million strings would take several times the memory. They compare by their UTF-8 bytes. */
export class TextPool {
  #bytes = Buffer.allocUnsafe(64 * 1024);
  #used = 0;
  #ends = new Float64Array(1024);
  #length = 0;
  /** Length of the common prefix of all texts in bytes. */
  #common = 0;
  /** The next {@link PREFIX} bytes of each text after the common prefix, and those that follow, as numbers; see makePrefixes. */
  #first: Float64Array | undefined;
  #second: Float64Array | undefined;

  readonly #maxBytes: number;

  /** @param maxBytes Keep at most this many bytes of a text. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(text: string): void {
    const max = Math.min(this.#maxBytes, text.length * 3);
    if (this.#used + max > this.#bytes.length) {
      const larger = Buffer.allocUnsafe((this.#bytes.length + max) * 2);
      this.#bytes.copy(larger, 0, 0, this.#used);
      this.#bytes = larger;
    }
    if (this.#length === this.#ends.length) {
      const larger = new Float64Array(this.#length * 2);
      larger.set(this.#ends);
      this.#ends = larger;
    }
    if (text !== '') this.#used += this.#bytes.write(text, this.#used, max, 'utf8');
    this.#ends[this.#length++] = this.#used;
  }

  truncate(length: number): void {
    this.#length = length;
    this.#used = this.#start(length);
  }

  get(i: number): string {
    return this.#bytes.toString('utf8', this.#start(i), this.#ends[i]);
  }

  /** Returns a negative number if the first text sorts before the second. */
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

  /** The beginning of a text as a number that compares like the text, up to its length. Requires makePrefixes. */
  prefix(i: number): number {
    return this.#first?.[i] ?? 0;
  }

  /**
   * Makes comparisons of the present texts fast by converting the first bytes after their common prefix to numbers. Empty texts, which
   * sort first anyway, do not count for the common prefix.
   */
  makePrefixes(): void {
    this.#common = this.#commonLength();
    const first = new Float64Array(this.#length);
    const second = new Float64Array(this.#length);
    for (let i = 0; i < this.#length; i++) {
      const start = this.#start(i) + this.#common;
      const end = this.#ends[i] ?? 0;
      // Plus one, so that a text that consists only of the common prefix sorts after the empty text.
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

  /** Six bytes as a number, padded with zero bytes, which PostgreSQL's texts never contain. */
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
