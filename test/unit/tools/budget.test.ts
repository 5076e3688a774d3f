import assert from 'node:assert/strict';
import { faultOf } from '../../../src/core/base/fault';
import { fitted, fittingRows, RESULT_CHARACTERS } from '../../../src/core/tools/budget';
import { codeBlock } from '../../../src/core/tools/codeBlock';

describe('the budget of a result for a language model', () => {
  it('is a number of characters if the caller gives no tokens', async () => {
    assert.equal(await fitted((characters) => 'x'.repeat(characters)), 'x'.repeat(RESULT_CHARACTERS));
  });

  it('is the number of tokens that the caller gives, by its own count', async () => {
    const asked: number[] = [];
    const count = (text: string): Promise<number> => {
      asked.push(text.length);
      return Promise.resolve(text.length / 3);
    };
    const text = await fitted((characters) => 'x'.repeat(characters), { tokens: 1000, count });
    assert.ok(text.length / 3 <= 1000, String(text.length));
    assert.ok(text.length > 1500, `most of it is used: ${text.length}`);
    assert.equal(asked.length, 2);
  });

  it('ends, even if nothing fits or the count is nonsense', async () => {
    for (const tokens of [0, -5, 1]) {
      for (const value of [10, Infinity, NaN]) {
        await fitted((characters) => `${characters}`, { tokens, count: () => Promise.resolve(value) });
      }
    }
  });

  it('keeps the rows that fit', () => {
    const rows = [
      ['aa', null],
      ['bb', 'é'],
      ['cc', 'x'],
    ];
    const cut = [
      { row: 0, column: 0, length: 9 },
      { row: 2, column: 0, length: 9 },
    ];
    assert.deepEqual(fittingRows(rows, cut, 30), { rows: rows.slice(0, 2), cut: cut.slice(0, 1) });
    assert.deepEqual(fittingRows(rows, cut, 1000), { rows, cut });
    assert.deepEqual(fittingRows([], [], 0), { rows: [], cut: [] });
  });

  it('cuts the values of a row that does not fit, and gives their lengths', () => {
    const row = ['x'.repeat(900), null, 'ab', '😀'.repeat(400)];
    const { rows, cut } = fittingRows([row, row], [{ row: 0, column: 0, length: 5000 }], 150);
    assert.equal(rows.length, 1);
    assert.ok(JSON.stringify(rows[0]).length <= 150);
    assert.deepEqual(rows[0]!.slice(1, 3), [null, 'ab']);
    assert.deepEqual(cut, [
      { row: 0, column: 0, length: 5000 },
      { row: 0, column: 3, length: 800 },
    ]);
    // No half characters.
    assert.match(rows[0]![3] ?? '', /^(😀)+$/u);
  });

  it('refuses a row that is too wide, instead of leaving out columns', () => {
    assert.throws(
      () => fittingRows([Array.from({ length: 100 }, () => 'abc')], [], 300),
      (error: unknown) => faultOf(error).code === 'tools.rowTooWide',
    );
  });
});

describe('SQL in a confirmation', () => {
  it('cannot end its code block', () => {
    for (const ticks of ['', '`', '```', '`````']) {
      const block = codeBlock(`SELECT 1;\n${ticks}\n[x](command:y)`, 'sql');
      const [, fence = '', rest = ''] = /^\n(`+)sql\n([^]*)\n$/.exec(block) ?? [];
      assert.ok(fence.length > ticks.length && fence.length >= 3);
      assert.equal(
        rest.split('\n').findIndex((line) => new RegExp(`^ {0,3}\`{${fence.length},}\\s*$`).test(line)),
        3,
      );
    }
  });

  it('is shown exactly, and hidden characters become visible', () => {
    assert.equal(codeBlock('SELECT 1 \u202e--\r;', 'sql'), '\n```sql\nSELECT 1 \ufffd--␍;\n```\n');
  });
});
