import assert from 'node:assert/strict';
import { RowsError } from '../../../src/core/results/faults';
import { find, type FindMatch, type FindQuery } from '../../../src/core/results/query/find';
import type { SpoolReader } from '../../../src/core/results/spool/spool';
import type { Row } from '../../../src/shared/rowCodec';
import { manyRows, randomizer, spoolOf, TWO_COLUMNS, withFolder } from './support';

async function all(reader: SpoolReader, query: FindQuery): Promise<FindMatch[]> {
  const matches: FindMatch[] = [];
  let done = false;
  for await (const progress of find(reader, query)) {
    matches.push(...progress.matches);
    assert.equal(progress.total, matches.length);
    assert.ok(progress.fraction <= 1);
    done = progress.done;
  }
  assert.ok(done);
  return matches;
}

/** Finds the matches by checking every value. */
function expected(rows: readonly Row[], query: FindQuery, test: (value: string) => boolean): FindMatch[] {
  return rows.flatMap((row, r) =>
    row.flatMap((value, column) =>
      value !== null && (query.column ?? column) === column && test(value) ? [{ row: r, column }] : [],
    ),
  );
}

const lower = (text: string): string => text.toLowerCase().replaceAll('ς', 'σ');

describe('find', () => {
  const tricky: Row[] = [
    ['a\tb', 'tab'],
    ['', null],
    ['\\N', 'N'],
    ['new\nline', 'n'],
    ['İstanbul', 'ISTANBUL'],
    ['ΟΔΟΣ', 'οδος'],
    ['x\nΣ', 'Σ\n'],
    ['K (kelvin)', 'k'],
    ['Größe', 'GRÖSSE'],
    ['😀', 'a😀b'],
    ['\\', '\\\\'],
    ['50%', '5.0'],
    ['end', 'the end'],
  ];

  it('finds the same cells as a check of every value', async () => {
    await withFolder(async (folder) => {
      const random = randomizer(5);
      const alphabet = Array.from('aAbBnNtT\\\t\n\r ςσΣéÉİ😀');
      const rows: Row[] = [
        ...tricky,
        ...Array.from({ length: 3000 }, () =>
          [0, 1].map(() =>
            random(8) === 0
              ? null
              : Array.from({ length: random(6) }, () => alphabet[random(alphabet.length)]!).join(''),
          ),
        ),
      ];
      const reader = await spoolOf(folder, TWO_COLUMNS, rows);
      const texts = [
        'a',
        'n',
        'N',
        't',
        '\\',
        '\\N',
        '\t',
        '\n',
        'a\tb',
        'ς',
        'Σ',
        'οδος',
        'é',
        'i',
        'K',
        '😀',
        'ss',
        'no such',
      ];
      for (const text of texts) {
        for (const column of [undefined, 0, 1, 2]) {
          for (const matchCase of [true, false]) {
            const query: FindQuery = { text, matchCase, ...(column !== undefined && { column }) };
            const test = (value: string): boolean =>
              matchCase ? value.includes(text) : lower(value).includes(lower(text));
            assert.deepEqual(await all(reader, query), expected(rows, query, test), JSON.stringify(query));
          }
        }
      }
      for (const [text, matchCase] of [
        ['^a', true],
        ['N$', false],
        ['^$', true],
        ['\\\\', true],
        ['.{3}', true],
        ['\\p{Lu}', true],
        ['\\-|a', true],
      ] as const) {
        const query: FindQuery = { text, matchCase, regex: true };
        let pattern: RegExp;
        try {
          pattern = new RegExp(text, matchCase ? 'u' : 'iu');
        } catch {
          pattern = new RegExp(text, matchCase ? '' : 'i');
        }
        assert.deepEqual(
          await all(reader, query),
          expected(rows, query, (value) => pattern.test(value)),
          text,
        );
      }
      await reader.close();
    });
  });

  it('numbers rows across blocks', async () => {
    await withFolder(async (folder) => {
      const rows = manyRows(60_000);
      const reader = await spoolOf(folder, TWO_COLUMNS, rows);
      const numbers = [0, 1, 31_111, 59_999];
      for (const matchCase of [true, false]) {
        for (const number of numbers) {
          const found = await all(reader, { text: `row\t${number}\n`, matchCase });
          assert.deepEqual(found, number % 7 === 0 ? [] : [{ row: number, column: 1 }]);
        }
      }
      assert.deepEqual(await all(reader, { text: '^31111$', regex: true }), [{ row: 31_111, column: 0 }]);
      let steps = 0;
      for await (const { rows: seen, done } of find(reader, { text: 'é' })) {
        steps++;
        if (done) assert.equal(seen, rows.length);
      }
      assert.ok(steps > 3);
      await reader.close();
    });
  });

  it('finds nothing without a search text or without rows', async () => {
    await withFolder(async (folder) => {
      const empty = await spoolOf(folder, TWO_COLUMNS, []);
      assert.deepEqual(await all(empty, { text: 'a' }), []);
      const some = await spoolOf(folder, TWO_COLUMNS, tricky);
      assert.deepEqual(await all(some, { text: '' }), []);
      await empty.close();
      await some.close();
    });
  });

  it('stops when aborted', async () => {
    await withFolder(async (folder) => {
      const reader = await spoolOf(folder, TWO_COLUMNS, manyRows(60_000));
      const stop = new AbortController();
      let steps = 0;
      await assert.rejects(async () => {
        for await (const progress of find(reader, { text: 'row' }, stop.signal)) {
          assert.equal(progress.done, false);
          steps++;
          stop.abort(new Error('enough'));
        }
      }, /enough/);
      assert.equal(steps, 1);
      await reader.close();
    });
  });

  it('reports invalid and slow regular expressions', async () => {
    await withFolder(async (folder) => {
      const reader = await spoolOf(folder, TWO_COLUMNS, [['1', 'a'.repeat(60) + '!']]);
      await assert.rejects(all(reader, { text: '(', regex: true }), (error) => {
        assert.ok(error instanceof RowsError);
        assert.equal(error.fault.code, 'rows.badRegex');
        return true;
      });
      await assert.rejects(all(reader, { text: '^(a+)+$', regex: true }), { fault: { code: 'rows.slowRegex' } });
      await reader.close();
    });
  }).timeout(20_000);
});
