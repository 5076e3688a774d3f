import assert from 'node:assert/strict';
import { encodeEntries, LineIndex, takeEntries } from '../../../src/core/results/spool/lineIndex';
import { randomizer } from './support';

/** The start of each row in a text, and the end of the last complete one. */
function startsOf(text: Buffer): number[] {
  const starts = [0];
  for (let i = 0; i < text.length; i++) if (text[i] === 10) starts.push(i + 1);
  return starts;
}

function check(index: LineIndex, starts: readonly number[]): void {
  const rows = starts.length - 1;
  assert.equal(index.rows, rows);
  assert.equal(index.end, starts[rows]);
  for (let i = 0; i < index.entries; i++) assert.equal(index.entryOffset(i), starts[index.entryRow(i)]);
  for (let row = 0; row <= rows; row += 37) {
    const [at, offset] = index.before(row);
    assert.ok(at <= row && row - at < 64);
    assert.equal(offset, starts[at]);
    assert.ok(starts.includes(index.after(row)) && index.after(row) >= starts[row]!);
  }
}

describe('LineIndex', () => {
  for (const [name, length] of [
    ['empty rows', 1],
    ['short rows', 9],
    ['long rows', 300],
    ['very long rows', 90_000],
  ] as const) {
    it(`finds ${name} in chunks of any size and alignment`, () => {
      const random = randomizer(length);
      const parts: Buffer[] = [];
      for (let size = 0; size < 400_000 && parts.length < 4000; size += length) {
        // Bytes that an incorrect check of four bytes at once would mistake for newlines.
        const row = Buffer.alloc(1 + random(length * 2 - 1), [0x0b, 0x8a, 0x09][random(3)]);
        row[row.length - 1] = 10;
        parts.push(row);
      }
      parts.push(Buffer.from('a part'));
      const text = Buffer.concat(parts);
      const starts = startsOf(text);
      for (const maxSize of [1, 5, 1000, 70_000, text.length]) {
        const index = new LineIndex();
        for (let at = 0; at < text.length;) {
          const size = maxSize === text.length ? maxSize : 1 + random(maxSize);
          index.scan(text.subarray(at, at + size));
          at += size;
        }
        assert.equal(index.position, text.length);
        check(index, starts);
        const copy = new LineIndex();
        takeEntries(copy, encodeEntries(index, 0, index.entries), text.length);
        assert.equal(copy.entries, index.entries);
        copy.scan(text.subarray(copy.end));
        check(copy, starts);
      }
    });
  }

  it('stops right after a row', () => {
    for (const rowText of ['a\n', 'b'.repeat(100) + '\n']) {
      const text = Buffer.from(rowText.repeat(1000));
      for (let row = 1; row <= 900; row += 111) {
        const index = new LineIndex();
        index.scan(text.subarray(0, rowText.length * 3));
        assert.equal(index.scan(text.subarray(rowText.length * 3), row + 3), row * rowText.length);
        assert.equal(index.rows, row + 3);
        assert.equal(index.position, index.end);
      }
    }
  });

  it('returns to a mark', () => {
    const index = new LineIndex();
    index.scan(Buffer.from('a\n'.repeat(1000) + 'b'));
    const mark = index.mark();
    index.scan(Buffer.from('c\n'.repeat(1000)));
    index.reset(mark);
    assert.deepEqual(index.mark(), mark);
    index.scan(Buffer.from('\n'.repeat(1000)));
    assert.equal(index.rows, 2000);
    check(index, startsOf(Buffer.from('a\n'.repeat(1000) + 'b' + '\n'.repeat(1000))));
  });

  it('rejects entries left by a crash: incomplete, beyond the file, or out of order', () => {
    const index = new LineIndex();
    index.scan(Buffer.from('a\n'.repeat(3000)));
    const entries = encodeEntries(index, 0, index.entries);
    const cut = new LineIndex();
    takeEntries(cut, entries.subarray(0, 40), 6000);
    assert.deepEqual(cut.mark(), { rows: 128, end: 256, position: 256, entries: 2 });
    const short = new LineIndex();
    takeEntries(short, entries, 300);
    assert.equal(short.rows, 128);
    const zeros = new LineIndex();
    takeEntries(zeros, Buffer.concat([Buffer.alloc(16), Buffer.alloc(16, 0xff)]), 6000);
    assert.equal(zeros.rows, 0);
  });
});
