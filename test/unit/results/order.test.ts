import assert from 'node:assert/strict';
import { invertOrder, NOT_IN_ORDER, orderRows, type Filter, type SortKey } from '../../../src/core/results/query/order';
import { compareDecimals, isoTime } from '../../../src/core/results/query/sortKeys';
import type { Row } from '../../../src/shared/rowCodec';
import { manyRows, randomizer, spoolOf, TWO_COLUMNS, withFolder } from './support';

/** Sorts or filters the values of one column. */
async function ordered(
  type: string,
  values: Row,
  sort: Omit<SortKey, 'column'> | undefined,
  filters: Filter[] = [],
): Promise<Row> {
  return withFolder(async (folder) => {
    const reader = await spoolOf(
      folder,
      [{ name: 'x', type }],
      values.map((value) => [value]),
    );
    const { order } = await orderRows(reader, sort ? [{ column: 0, ...sort }] : [], filters);
    const rows = await reader.rowsAt(order, 0, values.length);
    await reader.close();
    return rows.map((row) => row[0]!);
  });
}

/** Distinct values in PostgreSQL's sort order. */
const ASCENDING: Record<string, Row> = {
  integer: ['-2147483648', '-10', '-9', '0', '9', '10', '2147483647', null],
  bigint: [
    '-9223372036854775808',
    '-9223372036854775807',
    '9007199254740993',
    '9223372036854775806',
    '9223372036854775807',
    null,
  ],
  numeric: [
    '-Infinity',
    '-' + '9'.repeat(400),
    '-1.5',
    '0.' + '0'.repeat(400) + '1',
    '0.10000000000000000001',
    '0.10000000000000000002',
    '123456789012345678901234567890.1',
    '123456789012345678901234567890.12',
    '9'.repeat(400),
    '9'.repeat(400) + '.5',
    'Infinity',
    'NaN',
    null,
  ],
  'numeric(30,2)': ['-100.00', '9.00', '10.00', '100000000000000000.01', '100000000000000000.02'],
  'double precision': ['-Infinity', '-1e+300', '-5e-324', '0', '1e-10', '0.1', '1e+22', 'Infinity', 'NaN', null],
  real: ['-1', '1e-07', '3.4e+38', 'NaN'],
  boolean: ['f', 't', null],
  date: [
    '-infinity',
    '4713-01-01 BC',
    '0044-03-15 BC',
    '0001-01-01',
    '0099-12-31',
    '1999-12-31',
    '10000-01-01',
    'infinity',
    null,
  ],
  'timestamp without time zone': [
    '-infinity',
    '4713-11-24 00:00:00 BC',
    '0001-12-31 23:59:59 BC',
    '1969-12-31 23:59:59.999999',
    '1970-01-01 00:00:00',
    '2026-01-31 23:59:59.5',
    '2026-01-31 23:59:59.500001',
    '9999-12-31 00:00:00',
    '10000-01-01 00:00:00',
    '275760-12-31 00:00:00',
    '275761-01-01 00:00:00',
    '294276-12-31 23:59:59.999998',
    '294276-12-31 23:59:59.999999',
    'infinity',
  ],
  'timestamp(3) with time zone': [
    '0001-01-01 00:00:00+00:53:28',
    '2024-10-27 02:30:00+02',
    '2024-10-27 02:15:00+01',
    '2024-10-27 02:30:00+01',
    '2024-10-27 02:30:00-03:30',
    null,
  ],
  text: [
    '',
    ' ',
    '\t',
    'A',
    'B',
    'Z',
    'a',
    'aaaaaa',
    'aaaaaaa',
    'aaaaaab',
    'b',
    'prefix1',
    'prefix2',
    'é',
    '\ud7ff',
    '\uff5e',
    '😀',
    null,
  ],
  jsonb: ['{"a": 1}', '{"a": 2}', null],
};
ASCENDING['text']!.sort((a, b) => (a === null ? 1 : b === null ? -1 : Buffer.compare(Buffer.from(a), Buffer.from(b))));

describe('sorting', () => {
  for (const [type, values] of Object.entries(ASCENDING)) {
    it(`sorts ${type} like PostgreSQL`, async () => {
      const random = randomizer(6);
      const shuffled = values
        .map((value) => [random(1e9), value] as const)
        .sort((a, b) => a[0] - b[0])
        .map(([, value]) => value);
      assert.deepEqual(await ordered(type, shuffled, { direction: 'ascending' }), values);
      assert.deepEqual(await ordered(type, shuffled, { direction: 'descending' }), values.toReversed());
    });
  }

  it('sorts NULL first or last on request', async () => {
    const values = ['2', null, '1', 'NaN'];
    for (const [direction, nulls, expected] of [
      ['ascending', 'first', [null, '1', '2', 'NaN']],
      ['ascending', 'last', ['1', '2', 'NaN', null]],
      ['descending', 'first', [null, 'NaN', '2', '1']],
      ['descending', 'last', ['NaN', '2', '1', null]],
    ] as const) {
      assert.deepEqual(await ordered('numeric', values, { direction, nulls }), expected);
    }
  });

  it('sorts times that are not in ISO style as text', async () => {
    assert.deepEqual(
      await ordered('date', ['31.12.2025', '01.02.2026', null, '2025-01-01'], { direction: 'ascending' }),
      ['01.02.2026', '2025-01-01', '31.12.2025', null],
    );
  });

  it('sorts many rows by several columns, stably, and without blocking', async () => {
    await withFolder(async (folder) => {
      const random = randomizer(7);
      const rows: Row[] = Array.from({ length: 100_000 }, (_, i) => [
        random(10) === 0 ? null : String(random(100) - 50),
        `${'same-prefix-'.repeat(random(2))}${random(500)}`,
        String(i),
      ]);
      const columns = [...TWO_COLUMNS, { name: 'i', type: 'integer' }];
      const reader = await spoolOf(folder, columns, rows);
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      const { order } = await orderRows(
        reader,
        [
          { column: 0, direction: 'descending' },
          { column: 1, direction: 'ascending' },
        ],
        [],
      );
      clearInterval(timer);
      assert.ok(turns > 5, `${turns} turns`);
      const key = (row: Row): number => (row[0] === null ? Infinity : Number(row[0]));
      const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
      const expected = rows
        .map((row, i) => ({ row, i }))
        .sort((a, b) => {
          const first = key(a.row) === key(b.row) ? 0 : key(b.row) - key(a.row);
          return first || compareText(a.row[1]!, b.row[1]!) || a.i - b.i;
        });
      assert.deepEqual(
        order,
        Uint32Array.from(expected, ({ i }) => i),
      );
      assert.deepEqual(
        await reader.rowsAt(order, 50_000, 100),
        expected.slice(50_000, 50_100).map(({ row }) => row),
      );
      const places = invertOrder(order, rows.length);
      for (let i = 0; i < order.length; i += 997) assert.equal(places[order[i]!], i);
      await reader.close();
    });
  }).timeout(20_000);

  it('sorts an empty result, and rejects columns that do not exist', async () => {
    assert.deepEqual(await ordered('text', [], { direction: 'ascending' }), []);
    await withFolder(async (folder) => {
      const reader = await spoolOf(folder, TWO_COLUMNS, manyRows(3));
      await assert.rejects(orderRows(reader, [{ column: 2, direction: 'ascending' }], []), RangeError);
      assert.deepEqual((await orderRows(reader, [], [])).order, Uint32Array.of(0, 1, 2));
      await reader.close();
    });
  });
});

describe('filtering', () => {
  const cases: [type: string, operator: Filter['operator'], value: string, kept: Row][] = [
    ['text', 'contains', 'ÄB', ['xäb', 'Äb']],
    ['text', 'notContains', 'ÄB', ['ab', '', null, 'Ab\t']],
    ['text', 'equals', 'Äb', ['Äb']],
    ['text', 'equals', 'Ab\t', ['Ab\t']],
    ['text', 'notEquals', 'ab', ['xäb', 'Äb', '', null, 'Ab\t']],
    ['text', 'greater', 'ab', ['xäb', 'Äb']],
    ['text', 'less', 'ab', ['', 'Ab\t']],
    ['text', 'isNull', '', [null]],
    ['text', 'isNotNull', '', ['xäb', 'ab', 'Äb', '', 'Ab\t']],
    ['numeric', 'equals', ' 1 ', ['1.00', '1']],
    ['numeric', 'equals', '1e0', ['1.00', '1']],
    ['numeric', 'greater', '1', ['12345678901234567890.1', '12345678901234567890.2', 'NaN']],
    ['numeric', 'greater', '12345678901234567890.1', ['12345678901234567890.2', 'NaN']],
    ['numeric', 'less', '1.0', ['-5']],
    ['numeric', 'equals', 'nan', ['NaN']],
    ['boolean', 'equals', 'TRUE', ['t']],
    ['boolean', 'notEquals', 'yes', ['f', null]],
    ['date', 'greater', '2026-01-01', ['2026-01-02', 'infinity']],
    ['timestamp with time zone', 'equals', '2026-01-01T12:00', ['2026-01-01 12:00:00+02']],
    ['timestamp with time zone', 'equals', '2026-01-01 10:00:00Z', ['2026-01-01 12:00:00+02']],
    [
      'timestamp with time zone',
      'less',
      '2026-01-01 12:00:01',
      ['2026-01-01 12:00:00+02', '0001-01-01 00:00:00+00 BC'],
    ],
  ];
  const values: Record<string, Row> = {
    text: ['xäb', 'ab', 'Äb', '', null, 'Ab\t'],
    numeric: ['1.00', '1', '12345678901234567890.1', null, '12345678901234567890.2', '-5', 'NaN'],
    boolean: ['t', 'f', null],
    date: ['2025-12-31', '2026-01-02', null, 'infinity'],
    'timestamp with time zone': [
      '2026-01-01 12:00:00+02',
      '2026-01-01 12:00:01.5+01',
      '0001-01-01 00:00:00+00 BC',
      null,
    ],
  };
  for (const [type, operator, value, kept] of cases) {
    it(`keeps ${type} that ${operator} ${JSON.stringify(value)}`, async () => {
      assert.deepEqual(await ordered(type, values[type]!, undefined, [{ column: 0, operator, value }]), kept);
    });
  }

  it('rejects filter values that do not have the type of their column', async () => {
    for (const [type, code] of [
      ['numeric', 'rows.filterNotNumber'],
      ['boolean', 'rows.filterNotBoolean'],
      ['date', 'rows.filterNotTime'],
    ] as const) {
      await assert.rejects(ordered(type, [], undefined, [{ column: 0, operator: 'equals', value: 'abc' }]), {
        fault: { code, params: { column: 'x', value: 'abc' } },
      });
    }
  });

  it('combines filters, and sorts the remaining rows', async () => {
    await withFolder(async (folder) => {
      const rows = manyRows(1000);
      const reader = await spoolOf(folder, TWO_COLUMNS, rows);
      const seen: number[] = [];
      const { order } = await orderRows(
        reader,
        [{ column: 0, direction: 'descending' }],
        [
          { column: 1, operator: 'isNull' },
          { column: 0, operator: 'less', value: '30' },
        ],
        { progress: (done, total) => seen.push(done, total) },
      );
      assert.deepEqual([...order], [28, 21, 14, 7, 0]);
      assert.deepEqual(seen, [1000, 1000]);
      assert.equal(invertOrder(order, 1000)[1], NOT_IN_ORDER);
      await reader.close();
    });
  });
});

describe('ordering', () => {
  it('rejects more rows than the limit', async () => {
    await withFolder(async (folder) => {
      const reader = await spoolOf(folder, TWO_COLUMNS, manyRows(11));
      const sort: SortKey[] = [{ column: 0, direction: 'descending' }];
      await assert.rejects(orderRows(reader, sort, [], { maxRows: 10 }), {
        fault: { code: 'rows.tooManyToOrder', params: { rows: 11, limit: 10 } },
      });
      for (const maxRows of [0, 11]) assert.equal((await orderRows(reader, sort, [], { maxRows })).order[0], 10);
      await reader.close();
    });
  });

  it('stops when aborted', async () => {
    await withFolder(async (folder) => {
      const reader = await spoolOf(folder, TWO_COLUMNS, manyRows(60_000));
      const sort: SortKey[] = [{ column: 1, direction: 'descending' }];
      for (const wait of [0, 20]) {
        const stop = new AbortController();
        const sorting = orderRows(reader, sort, [], { signal: stop.signal });
        setTimeout(() => stop.abort(new Error('enough')), wait);
        await assert.rejects(sorting, /enough/);
      }
      await reader.close();
    });
  });

  it('compares decimals and times of any size', () => {
    for (const [a, b, result] of [
      ['0', '-0.0', 0],
      ['1e3', '1000', 0],
      ['12e-1', '1.2', 0],
      ['-12e-3', '-.012', 0],
      ['1.000', '1', 0],
      ['1', '-1', 1],
      ['0.1', '0.09', 1],
    ] as const) {
      assert.equal(compareDecimals(a, b), result);
      assert.equal(compareDecimals(b, a), -result + 0);
    }
    assert.equal(isoTime('1970-01-01'), 0);
    for (let day = -900_000; day < 900_000; day += 731) {
      const text = new Date(day * 86_400_000).toISOString().slice(0, 10);
      if (/^\d{4}-/.test(text) && !text.startsWith('0000')) assert.equal(isoTime(text), day * 86_400e6);
    }
    assert.equal(isoTime('2026-01-31 23:59:59.5+02'), Date.UTC(2026, 0, 31, 21, 59, 59, 500) * 1000);
    assert.equal(isoTime('0001-01-01 00:00:00 BC'), Date.parse('0000-01-01T00:00:00Z') * 1000);
    for (const text of ['', '2026', '2026-1-1', '01.02.2026', '2026-01-01 BCE']) assert.equal(isoTime(text), undefined);
  });
});
