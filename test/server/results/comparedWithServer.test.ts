import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportRows } from '../../../src/core/results/format/exports';
import { orderRows, type SortKey } from '../../../src/core/results/query/order';
import type { Row } from '../../../src/shared/rowCodec';
import { openTables, type Tables } from './tables';

/** Expressions of `i` that return unordered values of a type. */
const VALUES: Record<string, string> = {
  int4: '(i * 7919) % 1000 - 500',
  int8: '9007199254740992 + (i * 7919) % 20',
  numeric:
    "CASE i % 50 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' ELSE repeat((i * 7919 % 7)::text, i % 25 + 1) || '.' || i % 13 END::numeric",
  float8:
    "CASE i % 50 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE (random() * 10 ^ (i % 40 - 20))::text END::float8",
  bool: 'i % 3 = 0',
  date: "CASE i % 90 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' ELSE (date '4713-01-01 BC' + (i * 7919) % 4000000)::text END::date",
  timestamp: "timestamp '2026-01-01' + make_interval(secs => (i * 7919) % 100000 * 0.000001, days => i % 3)",
  // Across both daylight saving changes.
  timestamptz: "timestamptz '2026-03-29 00:00+01' + make_interval(mins => (i * 7919) % 300, days => (i % 2) * 210)",
  text: "substr(md5(i::text), 1, i % 9) || CASE i % 4 WHEN 0 THEN 'É😀' WHEN 1 THEN E'\\\\\\t\\n' ELSE '' END",
  uuid: 'md5(i::text)::uuid',
  money: '((i * 7919) % 2000 - 1000) * 123.45',
  interval:
    "CASE i % 90 WHEN 0 THEN interval 'infinity' WHEN 1 THEN interval '-infinity' ELSE make_interval(years => i % 3 - 1, months => (i * 7) % 25 - 12, days => (i * 13) % 61 - 30, secs => (i * 7919) % 100000 * 0.37 - 18500) END",
  inet: "CASE i % 3 WHEN 0 THEN '10.' || i % 7 || '.' || i % 256 || '.0/' || i % 33 WHEN 1 THEN 'fe80::' || to_hex(i % 600) || ':0:' || i % 9 || '/' || i % 129 ELSE '::ffff:10.0.' || i % 5 || '.' || i % 256 END",
  cidr: "network(('10.' || i % 7 || '.' || i % 256 || '.0/' || i % 33)::inet)",
  macaddr: "('08:00:2b:0' || i % 10 || ':' || lpad(to_hex(i % 256), 2, '0') || ':03')",
  pg_lsn: "to_hex(i * 7919 % 5000) || '/' || to_hex(i::bigint * 123457 % 4294967295)",
  timetz:
    "lpad((i % 24)::text, 2, '0') || ':' || lpad((i * 7 % 60)::text, 2, '0') || ':00' || CASE i % 2 WHEN 0 THEN '.25' ELSE '' END || CASE i % 3 WHEN 0 THEN '+05:30' WHEN 1 THEN '-08' ELSE '+00' END",
  time: 'make_time(i % 24, i * 7 % 60, i % 60 + 0.001 * (i % 999))',
  varbit: 'substr(((i * 7919) % 256)::bit(8)::text, 1, i % 9)',
  'int4[]':
    "CASE i % 40 WHEN 0 THEN '{}' WHEN 1 THEN '[0:1]={1,2}' WHEN 2 THEN '{{1},{2}}' WHEN 4 THEN '{{1,2}}' WHEN 5 THEN '{{1,2},{3,4}}' WHEN 6 THEN '{{1,2,3,4}}' WHEN 7 THEN '{{{1},{2}},{{3},{4}}}' WHEN 3 THEN '{1,NULL}' ELSE (ARRAY[i % 3 - 1, (i * 7919) % 200 - 100, i % 11])[1:i % 4]::text END",
  'numeric[]': 'ARRAY[(i * 7919) % 100 - 50, (i % 13) * 0.1 - 0.6, power(10::numeric, i % 30 - 15) * (i % 3 - 1)]',
  'float8[]':
    "ARRAY[CASE i % 50 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE ((i * 7919) % 100 - 50) * 1e20 END::float8]",
  'text[]': String.raw`ARRAY[substr(md5((i % 50)::text), 1, i % 3), CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'NULL' WHEN 2 THEN 'a"b\,{}' WHEN 3 THEN '' ELSE 'é' || chr(i % 3 + 1) END]`,
  'interval[]': 'ARRAY[make_interval(days => (i * 13) % 61 - 30, hours => i % 50)]',
  bytea: "substr(decode(md5(i::text), 'hex'), 1, i % 5)",
};

describe('sorting compared with PostgreSQL', () => {
  let tables: Tables;
  before(async () => {
    tables = await openTables();
    await tables.client.query("SET TimeZone = 'Europe/Berlin'");
  });
  after(() => tables.close());

  for (const [type, value] of Object.entries(VALUES)) {
    it(`sorts ${type} in the same order`, async () => {
      await tables.client.query('DROP TABLE IF EXISTS sorted');
      await tables.client.query(
        `CREATE TABLE sorted AS SELECT i AS n, CASE WHEN i % 31 = 0 THEN NULL ELSE (${value})::${type} END AS v
           FROM generate_series(0, 4999) AS i`,
      );
      const collate = /^text/.test(type) ? 'COLLATE "C"' : '';
      const reader = await tables.spool('SELECT * FROM sorted ORDER BY n');
      for (const [direction, sql] of [
        ['ascending', 'ASC'],
        ['descending', 'DESC'],
      ] as const) {
        for (const nulls of [undefined, 'first', 'last'] as const) {
          const key: SortKey = { column: 1, direction, ...(nulls && { nulls }) };
          const { order } = await orderRows(reader, [key], []);
          const { rows } = await tables.client.query<[number]>({
            text: `SELECT n FROM sorted ORDER BY v ${collate} ${sql} ${nulls ? `NULLS ${nulls}` : ''}, n`,
            rowMode: 'array',
          });
          assert.deepEqual(
            order,
            Uint32Array.from(rows, ([n]) => n),
            `${sql} ${nulls ?? ''}`,
          );
        }
      }
      await reader.close();
    });
  }
});

describe('CSV compared with PostgreSQL', () => {
  let tables: Tables;
  before(async () => {
    tables = await openTables();
  });
  after(() => tables.close());

  it('equals COPY’s file byte for byte if the same names and values need quotes', async () => {
    const query = `SELECT i AS id, CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'a,"b"' WHEN 3 THEN E'x\\r\\ny'
                     WHEN 4 THEN '\\.' ELSE 'plain é' END AS "my, note" FROM generate_series(1, 50000) AS i`;
    const reader = await tables.spool(query);
    const ours = join(tables.folder, 'ours.csv');
    const theirs = join(tables.folder, 'theirs.csv');
    await exportRows(reader, ours, 'csv');
    await tables.psql(`\\copy (${query.replace(/\s+/g, ' ')}) TO '${theirs}' WITH (FORMAT csv, HEADER)`);
    const [ourText, theirText] = await Promise.all([readFile(ours, 'utf8'), readFile(theirs, 'utf8')]);
    // PostgreSQL quotes \. only if it is the whole line.
    assert.equal(ourText.replaceAll('"\\."', '\\.'), theirText);
    await reader.close();
  });

  it('with one column, empty values, and NULL can be imported', async () => {
    const values: Row = ['', null, '\\.', '\\N', ' ', '"', 'x\n\\.\ny', null, ''];
    await tables.client.query('CREATE TABLE single (v text); CREATE TABLE single_back (v text)');
    for (const value of values) await tables.client.query('INSERT INTO single VALUES ($1)', [value]);
    const reader = await tables.spool('SELECT * FROM single');
    const file = join(tables.folder, 'single.csv');
    await exportRows(reader, file, 'csv');
    await tables.psql(`\\copy single_back FROM '${file}' WITH (FORMAT csv, HEADER)`);
    const { rows } = await tables.client.query<Row>({ text: 'TABLE single_back', rowMode: 'array' });
    assert.deepEqual(rows.flat(), values);
    await reader.close();
  });
});

describe('SQL INSERT', () => {
  let tables: Tables;
  before(async () => {
    tables = await openTables();
  });
  after(() => tables.close());

  it('can be imported with any names, even with standard_conforming_strings off', async () => {
    const name = `t"'; DROP TABLE x; -- \\ é`;
    const column = `c"'$$\\`;
    await tables.client.query(`CREATE TABLE ${quoted(name)} (${quoted(column)} text, "select" int)`);
    const value = `'); DROP TABLE y; --\\'$1\n`;
    await tables.client.query(`INSERT INTO ${quoted(name)} VALUES ($1, 1)`, [value]);
    const reader = await tables.spool(`SELECT * FROM ${quoted(name)}`);
    const file = join(tables.folder, 'names.sql');
    await exportRows(reader, file, 'insert', { table: ['public', name] });
    await writeFile(file, 'SET standard_conforming_strings = off;\n' + (await readFile(file, 'utf8')));
    await tables.psqlFile(file);
    const { rows } = await tables.client.query<Row>({ text: `TABLE ${quoted(name)}`, rowMode: 'array' });
    assert.deepEqual(rows, [
      [value, 1],
      [value, 1],
    ]);
    await reader.close();
  });
});

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
