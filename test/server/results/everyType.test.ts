import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from } from 'pg-copy-streams';
import { exportRows } from '../../../src/core/results/format/exports';
import type { SpoolReader } from '../../../src/core/results/spool/spool';
import { UnfoldStream } from '../../../src/core/results/spool/unfold';
import { decodeLine, encodeLine, type Row } from '../../../src/shared/rowCodec';
import { newEngine } from '../support';
import { openTables, type Tables } from './tables';

/** Texts to try as a value of each type; the valid ones are used (`pg_input_is_valid`). */
const CANDIDATES = [
  '',
  ' ',
  '0',
  '1',
  '-1',
  '42',
  '3.14159',
  '-0',
  'NaN',
  'Infinity',
  '1e-300',
  '1e+37',
  '9007199254740993',
  '123456789012345678901234567890.123',
  'a',
  't',
  'false',
  'NULL',
  '\\N',
  '\\.',
  '"',
  "'",
  ',',
  'a,b',
  '\t',
  '\n',
  '\r\n',
  '\\',
  '\\\\x',
  ' lead and trail ',
  'é€😀',
  'x\u0001\u007f',
  'a"b\'c,d\te\nf\\g;--',
  '{}',
  '[]',
  '{"a": [1, "x\\ny", null]}',
  '"x"',
  '{1,2,NULL}',
  '{"a,b","c\\"d",NULL,""}',
  '(1,2)',
  '((0,0),(1,1))',
  '[(0,0),(1,1)]',
  '<(0,0),1>',
  '{1,-1,0}',
  '2026-01-31',
  '0044-03-15 BC',
  'infinity',
  '2026-01-31 23:59:59.123456+02',
  '12:34:56.789',
  '12:34:56+02',
  '1 year 2 mons -3 days 04:05:06.7',
  '10.0.0.1',
  '192.168.0.0/24',
  '::1',
  '08:00:2b:01:02:03',
  '08:00:2b:01:02:03:04:05',
  '101',
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  '\\x00ff5c0a',
  '<a b="c">&amp;</a>',
  "'a' & !'b':*",
  "'a':1A 'b''c':2",
  '0/16B3748',
  '10:20:10,14,15',
  '(0,1)',
  '[1,5)',
  '(,)',
  'empty',
  '{[1,3),[5,7)}',
  '[2026-01-01,2026-02-01)',
  '["2026-01-01 00:00:00","2026-02-01 00:00:00")',
  '{[2026-01-01,2026-02-01)}',
  '$.a[*] ? (@ > 1)',
  'pg_class',
  'int4',
  'lower(text)',
  'lower',
  '+(integer,integer)',
  '||/',
  'english',
  'simple',
  'postgres',
  'pg_catalog',
  'C',
  '$1,234.50',
  '=r/postgres',
  'postgres=arwd/postgres',
  'refcursor',
  'o k',
  'hap"py, \\',
  'YES',
  '(1,)',
  '(,,)',
];

/** Types that have no input. */
// gtsvector and the BRIN summaries exist only inside indexes, where no query can select them. Another test covers real values of the others.
const NO_INPUT = [
  'gtsvector',
  'pg_brin_bloom_summary',
  'pg_brin_minmax_multi_summary',
  'pg_dependencies',
  'pg_mcv_list',
  'pg_ndistinct',
  'pg_node_tree',
];

interface TypeToTry {
  readonly name: string;
  /** The type's name in SQL. */
  readonly sql: string;
}

interface Group {
  readonly types: readonly TypeToTry[];
  /** Values by type. */
  readonly values: readonly (readonly string[])[];
}

describe('every type that has an output function', () => {
  let tables: Tables;
  let groups: Promise<Group[]> | undefined;
  before(async () => {
    tables = await openTables();
    await tables.client.query(`
      CREATE TYPE mood AS ENUM ('sad', 'o k', 'hap"py, \\');
      CREATE DOMAIN posint AS int CHECK (VALUE > 0);
      CREATE TYPE pair AS (a text, b numeric, "C d" mood);
      CREATE TYPE moodrange AS RANGE (subtype = text);
      CREATE DOMAIN words AS text[];
      -- Raises errors of some types instead of answering, and in one plan remembers the type of its first call.
      CREATE FUNCTION takes(type text, value text) RETURNS bool LANGUAGE plpgsql AS $$
        DECLARE valid bool;
        BEGIN
          EXECUTE format('SELECT pg_input_is_valid(%L, %L)', value, type) INTO valid;
          RETURN valid;
        EXCEPTION WHEN OTHERS THEN RETURN false;
        END$$;
      -- The rows of a few catalogs have a column of a pseudo-type, which no other table can have.
      CREATE FUNCTION can_be_column(type text) RETURNS bool LANGUAGE plpgsql AS $$
        BEGIN
          EXECUTE format('CREATE TABLE tried (x %s)', type);
          DROP TABLE tried;
          RETURN true;
        EXCEPTION WHEN invalid_table_definition THEN RETURN false;
        END$$;`);
  });
  after(() => tables.close());

  /** All types that a column can have with their valid values, in groups that fit into one table. */
  function columnsOfEveryType(): Promise<Group[]> {
    groups ??= findColumns();
    return groups;
  }

  async function findColumns(): Promise<Group[]> {
    const { rows } = await tables.client.query<TypeToTry & { values: string[] }>(
      `SELECT t.typname AS name, format_type(t.oid, NULL) AS sql,
              (SELECT coalesce(array_agg(c ORDER BY n), '{}')
                 FROM unnest($1::text[] || ('(' || repeat(',', coalesce(natts, 1) - 1) || ')')) WITH ORDINALITY AS u(c, n)
                WHERE takes(format_type(t.oid, NULL), c)) AS values
         FROM pg_type t LEFT JOIN LATERAL (
                SELECT relnatts::int AS natts FROM pg_class WHERE pg_class.oid = t.typrelid) AS r ON true
        WHERE t.typtype <> 'p' AND t.typoutput <> 0 AND can_be_column(format_type(t.oid, NULL)) ORDER BY t.oid`,
      [CANDIDATES],
    );
    const found: Group[] = [];
    for (let i = 0; i < rows.length; i += 60) {
      const group = rows.slice(i, i + 60);
      found.push({ types: group, values: group.map(({ values }) => values) });
    }
    return found;
  }

  async function fillTable(types: readonly TypeToTry[], values: Group['values']): Promise<void> {
    await tables.client.query('DROP TABLE IF EXISTS original, copied');
    const columns = types.map(({ sql }, i) => `"c ${i}" ${sql}`).join(', ');
    for (const table of ['original', 'copied']) await tables.client.query(`CREATE TABLE ${table} (n int, ${columns})`);
    const maxCount = Math.max(...values.map(({ length }) => length));
    const lines: string[] = [];
    for (let row = 0; row <= maxCount; row++) {
      lines.push(encodeLine([String(row), ...values.map((column) => column[row] ?? null)]) + '\n');
    }
    await pipeline(Readable.from(lines), tables.client.query(from('COPY original FROM STDIN')));
  }

  /** Rows of one table that are not in the other, compared by output functions (casts to text differ for some types). */
  async function differences(types: readonly TypeToTry[]): Promise<number> {
    const list = ['n::text', ...types.map((_type, i) => `format('%L', "c ${i}")`)].join(', ');
    const { rows } = await tables.client.query<{ count: number }>(`
      SELECT ((SELECT count(*) FROM (SELECT ${list} FROM original EXCEPT ALL SELECT ${list} FROM copied) AS a)
            + (SELECT count(*) FROM (SELECT ${list} FROM copied EXCEPT ALL SELECT ${list} FROM original) AS b))::int AS count`);
    return rows[0]!.count;
  }

  /** The rows of a table as the server returns them without COPY. */
  async function shown(table: 'original' | 'copied'): Promise<Row[]> {
    const asText = { getTypeParser: () => (value: string) => value };
    const query = { text: `SELECT * FROM ${table} ORDER BY n`, rowMode: 'array' as const, types: asText };
    return (await tables.client.query<Row>(query)).rows;
  }

  async function rowsOf(reader: SpoolReader): Promise<Row[]> {
    return reader.rows(0, 1e6);
  }

  it('survives the spool, CSV, TSV, and SQL INSERT through psql to an equal table, and JSON', async () => {
    const all = await columnsOfEveryType();
    const tried = all.flatMap(({ types, values }) => types.map(({ name }, i) => [name, values[i]!.length] as const));
    const without = tried.filter(([, count]) => count === 0).map(([name]) => name);
    assert.deepEqual(without.sort(), NO_INPUT);
    assert.ok(tried.length > 300, `${tried.length} types`);

    for (const { types, values } of all) {
      await fillTable(types, values);
      const reader = await tables.spool('SELECT * FROM original ORDER BY n');
      const original = await shown('original');
      assert.deepEqual(await rowsOf(reader), original);
      const names = types.map(({ name }) => name).join(' ');
      for (const [format, options] of [
        ['csv', 'FORMAT csv, HEADER true'],
        ['tsv', "FORMAT csv, HEADER true, DELIMITER E'\\t'"],
      ] as const) {
        const file = join(tables.folder, `out.${format}`);
        await exportRows(reader, file, format);
        await tables.psql('TRUNCATE copied', `\\copy copied FROM '${file}' WITH (${options})`);
        assert.deepEqual(await shown('copied'), original, `${format}: ${names}`);
        assert.equal(await differences(types), 0, `${format}: ${names}`);
      }
      const script = join(tables.folder, 'out.sql');
      await exportRows(reader, script, 'insert', { table: ['public', 'copied'] });
      await tables.psql('TRUNCATE copied');
      await tables.psqlFile(script);
      assert.deepEqual(await shown('copied'), original, `insert: ${names}`);
      assert.equal(await differences(types), 0, `insert: ${names}`);
      await checkJson(reader);
      await reader.close();
    }
  }).timeout(180_000);

  async function checkJson(reader: SpoolReader): Promise<void> {
    const rows = await rowsOf(reader);
    const array = join(tables.folder, 'out.json');
    await exportRows(reader, array, 'json');
    const lines = join(tables.folder, 'out.ndjson');
    await exportRows(reader, lines, 'ndjson');
    let n = 0;
    for await (const line of createInterface({ input: createReadStream(lines, 'utf8') })) {
      const object = JSON.parse(line) as Record<string, unknown>;
      for (const [i, { name, type }] of reader.columns.entries()) {
        const text = rows[n]?.[i] ?? null;
        const value = object[name];
        if (text === null) assert.equal(value, null);
        else if (type === 'json' || type === 'jsonb') assert.deepEqual(value, JSON.parse(text));
        else if (type === 'boolean') assert.equal(value, text === 't');
        else if (typeof value === 'number') assert.equal(value, Number(text), type);
        else assert.equal(value, text, type);
      }
      n++;
    }
    assert.equal(n, rows.length);
    const { rows: valid } = await tables.client.query<{ length: number }>(
      'SELECT jsonb_array_length($1::jsonb) AS length',
      [await readFile(array, 'utf8')],
    );
    assert.equal(valid[0]!.length, rows.length);
  }

  it('arrives from a worker as the server displays it', async () => {
    const engine = await newEngine(tables.profile);
    try {
      for (const { types, values } of await columnsOfEveryType()) {
        await fillTable(types, values);
        const job = await engine.ended('SELECT * FROM original ORDER BY n');
        assert.deepEqual(
          [job.state, job.record.reason, job.record.error?.message],
          ['succeeded', undefined, undefined],
        );
        assert.deepEqual(await engine.rows(job, 0, 1e6), await shown('original'));
      }
    } finally {
      await engine.close();
    }
  }).timeout(120_000);

  it('survives folded rows', async () => {
    for (const { types, values } of await columnsOfEveryType()) {
      await fillTable(types, values);
      const plain = await tables.spool('SELECT * FROM original ORDER BY n');
      const folded = await tables.spool(
        `SELECT (SELECT json_agg(k) FROM json_object_keys(row_to_json(q)) AS k)::text, q::text
           FROM (SELECT * FROM original ORDER BY n) AS q`,
      );
      const stream = new UnfoldStream();
      let names: readonly string[] | undefined;
      stream.on('columns', (columns: readonly string[]) => (names = columns));
      const blocks = (async function* () {
        for await (const { bytes } of folded.blocks()) yield Buffer.from(bytes);
      })();
      let text = '';
      for await (const chunk of Readable.from(blocks).pipe(stream)) text += (chunk as Buffer).toString('latin1');
      const rows = Buffer.from(text, 'latin1').toString().trimEnd().split('\n');
      assert.deepEqual(
        rows.map((line) => decodeLine(line)),
        await rowsOf(plain),
      );
      assert.deepEqual(
        names,
        plain.columns.map(({ name }) => name),
      );
      await plain.close();
      await folded.close();
    }
  }).timeout(120_000);

  it('arrives as the text of real values if it has no input function', async () => {
    await tables.client.query(`
      DROP TABLE IF EXISTS original, copied;
      CREATE TABLE facts (a int DEFAULT 1 + 2, b int, c text);
      INSERT INTO facts SELECT i % 10, i % 10, 'x"' || i % 3 FROM generate_series(1, 1000) AS i;
      CREATE STATISTICS facts_all (ndistinct, dependencies, mcv) ON a, b, c FROM facts;
      ANALYZE facts`);
    const reader = await tables.spool(`
      SELECT adbin, stxdndistinct, stxddependencies, stxdmcv
        FROM pg_attrdef CROSS JOIN pg_statistic_ext_data WHERE adrelid = 'facts'::regclass`);
    const [row] = await reader.rows(0, 10);
    assert.ok(
      row?.every((value) => value !== null && value.length > 10),
      JSON.stringify(row),
    );
    const file = join(tables.folder, 'facts.csv');
    await exportRows(reader, file, 'csv');
    await tables.psql(
      'CREATE TABLE shown (adbin text, stxdndistinct text, stxddependencies text, stxdmcv text)',
      `\\copy shown FROM '${file}' WITH (FORMAT csv, HEADER match)`,
    );
    const { rows } = await tables.client.query<Row>({ text: 'TABLE shown', rowMode: 'array' });
    assert.deepEqual(rows, [row]);
    await reader.close();
  });
});
