import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { recordToRow, UnfoldStream } from '../../../src/core/results/spool/unfold';
import { decodeLine, type Row } from '../../../src/shared/rowCodec';
import { copyText, randomizer } from './support';

/** Like record_out (src/backend/utils/adt/rowtypes.c). */
function compositeText(row: Row): string {
  const field = (value: string | null): string => {
    if (value === null) return '';
    return value === '' || /["\\(),\s]/.test(value) ? `"${value.replace(/["\\]/g, '$&$&')}"` : value;
  };
  return `(${row.map(field).join(',')})`;
}

async function unfold(
  text: Buffer,
  chunkSize: number,
): Promise<{ names: (readonly string[])[]; rows: Row[]; tail: string }> {
  const stream = new UnfoldStream();
  const names: (readonly string[])[] = [];
  stream.on('columns', (columns: readonly string[]) => names.push(columns));
  const chunks: Buffer[] = [];
  for (let at = 0; at < text.length; at += chunkSize) chunks.push(text.subarray(at, at + chunkSize));
  const parts: Buffer[] = [];
  for await (const part of Readable.from(chunks).pipe(stream)) parts.push(part as Buffer);
  const lines = Buffer.concat(parts).toString().split('\n');
  const tail = lines.pop()!;
  return { names, rows: lines.map((line) => decodeLine(line)), tail };
}

describe('recordToRow', () => {
  it('parses composite values', () => {
    const cases: [text: string, row: Row][] = [
      ['(a,"b ""x"" \\\\ y",)', ['a', 'b "x" \\ y', null]],
      ['()', [null]],
      ['("")', ['']],
      ['(,)', [null, null]],
      ['(1,"(2,""(3,\\"\\"\\"\\"4)"")")', ['1', '(2,"(3,""""4)")']],
      ['("{1,2}","a\nb",é)', ['{1,2}', 'a\nb', 'é']],
      ['(a"b,""c"d\\,e)', ['ab,"cd,e']],
    ];
    for (const [text, row] of cases) assert.deepEqual(recordToRow(text), row, text);
  });

  it('rejects other text', () => {
    for (const text of ['', 'a', '(', '(a', '(a))', '(a)b', '("a)', '(a\\)', '(a(b)', `(${'x'.repeat(500)}`]) {
      assert.throws(() => recordToRow(text), /Not a composite value/, text);
    }
  });

  it('round-trips any row', () => {
    const random = randomizer(4);
    const alphabet = ['"', '\\', ',', '(', ')', ' ', '\n', 'a', 'é', '😀'];
    for (let i = 0; i < 3000; i++) {
      const row: Row = Array.from({ length: 1 + random(5) }, () =>
        random(5) === 0 ? null : Array.from({ length: random(8) }, () => alphabet[random(alphabet.length)]!).join(''),
      );
      assert.deepEqual(recordToRow(compositeText(row)), row);
    }
  });
});

describe('recordToRow with large values', () => {
  it('does not recurse', () => {
    const row = ['"\\'.repeat(300_000), 'x'.repeat(5_000_000), null];
    assert.deepEqual(recordToRow(compositeText(row)), row);
  });
});

describe('UnfoldStream', () => {
  it('emits names once and the original rows, in chunks that end anywhere', async () => {
    const names = ['id', 'ž "quoted"', 'id'];
    const rows: Row[] = Array.from({ length: 50 }, (_, i) => [String(i), i % 3 ? `é\t"\\${i}\n` : null, '']);
    const text = copyText(rows.map((row) => [JSON.stringify(names), compositeText(row)]));
    for (const chunkSize of [1, 7, 100, text.length]) {
      assert.deepEqual(await unfold(text, chunkSize), { names: [names], rows, tail: '' });
    }
  });

  it('handles rows without columns, NULL rows, and no rows', async () => {
    const none = await unfold(
      copyText([
        [null, '()'],
        [null, '()'],
      ]),
      5,
    );
    assert.deepEqual(none, { names: [[]], rows: [[''], ['']], tail: '' });
    const nulls = await unfold(copyText([['["a", "b"]', null]]), 100);
    assert.deepEqual(nulls.rows, [[null, null]]);
    assert.deepEqual(await unfold(Buffer.alloc(0), 1), { names: [], rows: [], tail: '' });
    const named = { names: [['a', 'b']], rows: [], tail: '' };
    assert.deepEqual(await unfold(copyText([['["a", "b"]', '']]), 3), named, 'no rows, with the names of the columns');
    assert.deepEqual(await unfold(copyText([[null, '']]), 3), { names: [[]], rows: [], tail: '' });
  });

  it('passes on an incomplete last line', async () => {
    const text = copyText([
      ['["a"]', '(1)'],
      ['["a"]', '(2)'],
    ]);
    const { rows, tail } = await unfold(text.subarray(0, text.length - 1), 4);
    assert.deepEqual(rows, [['1']]);
    assert.notEqual(tail, '');
  });

  it('fails on input that is not folded rows', async () => {
    for (const row of [
      ['{}', '(1)'],
      ['[1]', '(1)'],
      ['no json', '(1)'],
      ['["a"]', 'x'],
    ]) {
      await assert.rejects(unfold(copyText([row]), 100));
    }
  });
});
