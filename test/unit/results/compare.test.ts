import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { matchColumns, proposeKeys } from '../../../src/core/results/compare/columns';
import { compareResults, type Comparison, type CompareOptions } from '../../../src/core/results/compare/compare';
import { comparable } from '../../../src/core/results/compare/values';
import { sortableNumber } from '../../../src/core/results/query/sortText';
import { SpoolReader, type SpoolColumn } from '../../../src/core/results/spool/spool';
import { canMount, withSmallDisk } from '../smallDisk';
import { compareInMemory, type Compared, type Row } from './compareInMemory';
import { randomizer, spoolOf, withFolder } from './support';

const LABELS = {
  added: 'added',
  removed: 'removed',
  changed: 'changed',
  change: 'change',
  changedColumns: 'changed columns',
};

interface Side {
  readonly columns: readonly SpoolColumn[];
  readonly rows: readonly Row[];
}

const column = (name: string, type = 'text'): SpoolColumn => ({ name, type });

/** Compares two results by columns with these names. */
async function compare(
  before: Side,
  after: Side,
  keys: readonly string[],
  more: Partial<CompareOptions> = {},
): Promise<Compared> {
  return withFolder(async (folder) => {
    const one = await spoolOf(folder, before.columns, before.rows);
    const two = await spoolOf(folder, after.columns, after.rows);
    const columns = matchColumns(one.columns, two.columns);
    const places = keys.map((key) => columns.common.findIndex(({ name }) => name === key));
    const file = join(folder, 'compared');
    try {
      const options = { before: one, after: two, columns, keys: places, file, labels: LABELS, ...more };
      const comparison = await compareResults(options);
      const reader = await SpoolReader.open(file);
      const rows = await reader.rows(0, 1_000_000);
      const found = { ...comparison, rows, columns: reader.columns };
      await reader.close();
      return found;
    } finally {
      await one.close();
      await two.close();
    }
  });
}

const counts = ({ added, removed, changed, equal, duplicateKeys }: Comparison): number[] => [
  added,
  removed,
  changed,
  equal,
  duplicateKeys,
];

describe('comparing results', () => {
  const columns = [column('id', 'integer'), column('name'), column('price', 'numeric')];

  it('writes added, removed, and changed rows, sorted by the key, with both values of each changed cell', async () => {
    const before: Row[] = [
      ['10', 'ten', '1'],
      ['9', 'nine', '2'],
      ['1', 'one', '3'],
      ['-2', 'minus two', null],
    ];
    const after: Row[] = [
      ['1', 'one', '3'],
      ['11', 'eleven', '4'],
      ['9', 'neuf', '2.5'],
      ['-2', 'minus two', '0'],
    ];
    const found = await compare({ columns, rows: before }, { columns, rows: after }, ['id']);
    assert.deepEqual(found.rows, [
      ['changed', 'price', '-2', 'minus two', 'NULL → 0'],
      ['changed', 'name, price', '9', 'nine → neuf', '2 → 2.5'],
      ['removed', '', '10', 'ten', '1'],
      ['added', '', '11', 'eleven', '4'],
    ]);
    assert.deepEqual(counts(found), [1, 1, 2, 1, 0]);
    assert.deepEqual(found.changedIn, [
      { column: 'name', rows: 1 },
      { column: 'price', rows: 2 },
    ]);
  });

  it('keeps the type of a column unless it shows two values in a cell', async () => {
    const before = { columns, rows: [['1', 'a', '1']] };
    const after = { columns, rows: [['1', 'b', '1.0']] };
    const found = await compare(before, after, ['id']);
    assert.deepEqual(found.columns, [
      column('change'),
      column('changed columns'),
      column('id', 'integer'),
      column('name'),
      column('price', 'numeric'),
    ]);
    const again = await compare(before, { columns, rows: [['1', 'a', '2']] }, ['id']);
    assert.equal(again.columns.at(-1)?.type, 'text');
  });

  it('compares numbers by value, timestamps with time zone by time, and all else by text', async () => {
    const types = ['integer', 'numeric(10,2)', 'double precision', 'timestamp with time zone', 'text', 'jsonb'];
    const side = (rows: Row[]): Side => ({ columns: types.map((type, i) => column(`c${i}`, type)), rows });
    const found = await compare(
      side([['1', '1.50', '1e+20', '2026-01-31 10:00:00+00', '1', '{"a": 1}']]),
      side([['1', '1.5', '100000000000000000000', '2026-01-31 11:00:00+01', '1.0', '{"a": 1}']]),
      ['c0'],
    );
    assert.deepEqual(found.rows, [
      ['changed', 'c4', '1', '1.5', '100000000000000000000', '2026-01-31 11:00:00+01', '1 → 1.0', '{"a": 1}'],
    ]);
  });

  it('matches keys by value if both columns are numbers, and by text if only one of them is', async () => {
    const side = (type: string, ...values: string[]): Side => ({
      columns: [column('id', type)],
      rows: values.map((value) => [value]),
    });
    const equal = await compare(side('integer', '1', '20', '0'), side('numeric', '1.0', '2e1', '-0.00'), ['id']);
    assert.deepEqual(counts(equal), [0, 0, 0, 3, 0]);
    const different = await compare(side('integer', '1'), side('text', '1.0'), ['id']);
    assert.deepEqual(counts(different), [1, 1, 0, 0, 0]);
  });

  it('takes NULL in a key for a value of its own, different from every text', async () => {
    const side = (...rows: Row[]): Side => ({ columns: [column('a'), column('b'), column('n')], rows });
    const found = await compare(
      side([null, 'x', '1'], ['NULL', 'x', '1'], ['', 'x', '1'], ['\\N', 'x', '1']),
      side([null, 'x', '2'], ['NULL', 'x', '1'], ['', 'x', '1'], ['\\N', 'x', '1']),
      ['a', 'b'],
    );
    assert.deepEqual(found.rows, [['changed', 'n', null, 'x', '1 → 2']]);
  });

  it('does not mix up the parts of a key', async () => {
    const side = (...rows: Row[]): Side => ({ columns: [column('a'), column('b')], rows });
    const found = await compare(side(['ab', 'c'], ['a', '']), side(['a', 'bc'], ['', 'a']), ['a', 'b']);
    assert.deepEqual(counts(found), [2, 2, 0, 0, 0]);
  });

  it('matches equal rows if a key occurs several times, and reports the others as added or removed', async () => {
    const side = (...rows: Row[]): Side => ({ columns: [column('id', 'integer'), column('n', 'numeric')], rows });
    const found = await compare(
      side(['1', '1'], ['1', '2'], ['1', '2'], ['2', '1'], ['3', '1'], ['3', '1']),
      side(['1', '2.0'], ['1', '3'], ['2', '1'], ['2', '1.0'], ['4', '1']),
      ['id'],
    );
    assert.deepEqual(found.rows, [
      ['removed', '', '1', '1'],
      ['removed', '', '1', '2'],
      ['added', '', '1', '3'],
      ['added', '', '2', '1.0'],
      ['removed', '', '3', '1'],
      ['removed', '', '3', '1'],
      ['added', '', '4', '1'],
    ]);
    assert.deepEqual(counts(found), [3, 4, 0, 2, 3]);
  });

  it('matches columns by name in any order, and names those that only one result has', async () => {
    const before = { columns: [column('id'), column('old'), column('a'), column('b')], rows: [['1', 'x', 'A', 'B']] };
    const after = { columns: [column('b'), column('new'), column('id'), column('a')], rows: [['B', 'y', '1', 'Z']] };
    const { onlyBefore, onlyAfter } = matchColumns(before.columns, after.columns);
    assert.deepEqual([onlyBefore, onlyAfter], [['old'], ['new']]);
    const found = await compare(before, after, ['id']);
    assert.deepEqual(found.rows, [['changed', 'a', '1', 'A → Z', 'B']]);
  });

  it('matches several columns of one name in their order', () => {
    const { common, onlyBefore, onlyAfter } = matchColumns(
      [column('id'), column('id'), column('id')],
      [column('x'), column('id'), column('id')],
    );
    assert.deepEqual(
      common.map(({ before, after }) => [before, after]),
      [
        [0, 1],
        [1, 2],
      ],
    );
    assert.deepEqual([onlyBefore, onlyAfter], [['id'], ['x']]);
  });

  it('gives its own columns names that the results do not have', async () => {
    const side = { columns: [column('change'), column('change_')], rows: [] };
    const found = await compare(side, side, ['change']);
    assert.deepEqual(
      found.columns.map(({ name }) => name),
      ['change__', 'changed columns', 'change', 'change_'],
    );
  });

  it('writes values that could be mistaken in quotation marks, and long ones one below the other', async () => {
    const side = (values: Row): Side => ({
      columns: [column('id'), ...values.map((_, i) => column(`c${i}`))],
      rows: [['1', ...values]],
    });
    const long = 'x'.repeat(100);
    const found = await compare(
      side(['', 'NULL', 'a → b', ' a', '"a"', long, 'a\nb', 'C:\\new', 'é', 'à']),
      side([null, null, 'a', 'a\t', 'a', 'y', 'a', 'C:\\n', '中', 'a']),
      ['id'],
    );
    assert.deepEqual(found.rows[0]?.slice(3), [
      '"" → NULL',
      '"NULL" → NULL',
      '"a → b" → a',
      '" a" → "a\t"',
      '"""a""" → a',
      `${long}\n→\ny`,
      'a\nb\n→\na',
      'C:\\new → C:\\n',
      'é → 中',
      'à → a',
    ]);
  });

  it('finds no difference between empty results', async () => {
    const found = await compare({ columns, rows: [] }, { columns, rows: [] }, ['id']);
    assert.deepEqual(counts(found), [0, 0, 0, 0, 0]);
  });

  for (let seed = 1; seed <= 12; seed++) {
    it(`agrees with a comparison in memory (random rows ${seed})`, async () => {
      const random = randomizer(seed);
      const types = ['integer', 'numeric', 'text', 'text', 'timestamp with time zone', 'text'];
      const width = seed % 4 === 0 ? 60 : types.length;
      const wide = Array.from({ length: width }, (_, i) => column(`c${i}`, types[i % types.length]));
      const texts = ['', 'a', 'b', '\t', '\n', '\\', '\\N', 'NULL', ' → ', '"', 'é', '😀', '\u0001', 'x'.repeat(3000)];
      const value = (type: string): string | null => {
        if (random(8) === 0) return null;
        if (type === 'integer') return String(random(40) - 20);
        if (type === 'numeric') return `${random(3)}${['', '.', '.5', '.50'][random(4)] ?? ''}`.replace(/\.$/, '.0');
        if (type === 'text') return (texts[random(texts.length)] ?? '') + (texts[random(texts.length)] ?? '');
        return (
          ['2026-01-31 10:00:00+00', '2026-01-31 11:00:00+01', 'infinity', '2026-01-31 10:00:00.000001+00'][
            random(4)
          ] ?? ''
        );
      };
      const newRow = (): Row => wide.map(({ type }) => value(type));
      const rows = Array.from({ length: 1 + random(700) }, newRow);
      const after: Row[] = rows
        .filter(() => random(10) > 0)
        .map((row) => row.map((cell, i) => (random(8 * width) === 0 ? value(wide[i]?.type ?? '') : cell)));
      for (let added = random(30); added > 0; added--) after.splice(random(after.length + 1), 0, newRow());
      after.sort(() => random(3) - 1);
      const keys = [['c0', 'c2'], ['c1'], ['c0', 'c1', 'c4'], ['c2']][seed % 4] ?? [];
      // Small sizes, so that a few rows make several runs and merges.
      const sizes = { runBytes: 20_000, runRows: 50, maxRuns: 3, blockBytes: 500 };
      const found = await compare({ columns: wide, rows }, { columns: wide, rows: after }, keys, { sizes });
      const naive = compareInMemory(wide, rows, after, keys);
      assert.deepEqual(counts(found), counts(naive));
      const sorted = (list: readonly Row[]): string[] => list.map((row) => JSON.stringify(row)).sort();
      assert.deepEqual(sorted(found.rows), sorted(naive.rows));
    });
  }

  it('sorts short integers like all numbers', () => {
    for (const text of ['1', '10', '999', '1000000000', '123456789012345678', '100000000000000000']) {
      assert.equal(comparable('number', text), sortableNumber(text));
    }
  });

  it('stops when it is canceled, and reports its progress', async () => {
    const side = { columns, rows: Array.from({ length: 5000 }, (_, i): Row => [String(i), 'x', '1']) };
    const sizes = { runBytes: 20_000, runRows: 100, maxRuns: 5, blockBytes: 500 };
    const fractions: number[] = [];
    await compare(side, side, ['id'], { sizes, progress: (fraction) => fractions.push(fraction) });
    assert.deepEqual(
      fractions,
      fractions.toSorted((a, b) => a - b),
    );
    assert.ok((fractions.at(-1) ?? 0) > 0.9 && (fractions.at(-1) ?? 0) <= 1, String(fractions.at(-1)));
    for (const at of [0, 0.7]) {
      const abort = new AbortController();
      const progress = (fraction: number): void => {
        if (fraction > at) abort.abort();
      };
      await assert.rejects(compare(side, side, ['id'], { sizes, progress, signal: abort.signal }), {
        name: 'AbortError',
      });
    }
  });

  // Reported as skipped without permission to mount.
  (canMount() ? it : it.skip)('reports a full disk, while it sorts and while it writes the differences', async () => {
    await withFolder(async (other) => {
      for (const [rows, length] of [
        [20_000, 60],
        [3000, 200],
      ] as const) {
        const side = (text: string): Row[] =>
          Array.from({ length: rows }, (_, i) => [String(i), text.repeat(length), '1']);
        const before = await spoolOf(other, columns, side('x'));
        const after = await spoolOf(other, columns, rows === 3000 ? [] : side('y'));
        await withSmallDisk(async (folder) => {
          const match = matchColumns(columns, columns);
          const options = { before, after, columns: match, keys: [0], file: join(folder, 'compared'), labels: LABELS };
          await assert.rejects(compareResults(options), { fault: { code: 'rows.compareDiskFull' } });
          assert.notDeepEqual(await readdir(folder), []);
        });
        await before.close();
        await after.close();
      }
    });
  });
});

describe('the proposed key of a comparison', () => {
  const propose = (names: readonly string[], ...samples: (readonly Row[])[]): string[] => {
    const columns = names.map((name) => column(name));
    const { common } = matchColumns(columns, columns);
    return proposeKeys(common, samples).proposed.map((place) => names[place] ?? '');
  };
  const cases: [string, string[], Row[], string[]][] = [
    ['a unique column named id', ['code', 'ID'], [['a', '1'], ['b', '2']], ['ID']], // prettier-ignore
    ['the first unique column, if id is not unique', ['id', 'x', 'y'], [['1', 'a', 'c'], ['1', 'b', 'd']], ['x']], // prettier-ignore
    ['no column with NULL', ['x', 'y'], [['1', 'a'], [null, 'b']], ['y']], // prettier-ignore
    ['the first columns that are unique together', ['x', 'y', 'z'], [['1', 'a', 'q'], ['1', 'b', 'q'], ['2', 'a', 'q']], ['x', 'y']], // prettier-ignore
    ['the first column, if no columns are unique', ['x', 'y'], [['1', 'a'], ['1', 'a']], ['x']], // prettier-ignore
    ['the first column, if there are no rows', ['x', 'y'], [], ['x']],
  ];
  for (const [title, names, rows, expected] of cases) {
    it(`is ${title}`, () => assert.deepEqual(propose(names, rows, rows), expected));
  }

  it('must be unique in both results', () => {
    assert.deepEqual(propose(['x', 'y'], [['1', 'a'], ['2', 'b']], [['1', 'a'], ['1', 'b']]), ['y']); // prettier-ignore
  });
});
