import assert from 'node:assert/strict';
import { newDatabase, newEngine, sharedServer, type Engine } from './support';

describe('empty results of SQL that creates the tables that it reads', () => {
  let engine: Engine;

  before(async () => {
    engine = await newEngine(await newDatabase(await sharedServer()), { maxConcurrentJobs: 0 });
  });
  after(() => engine.close());

  const NAMES = ['a', 'b', 'e', 'k', 'q', 'r', 'line', 'names', 'A "b"'];
  const COLUMNS = 'a int, b text, e int, k int, q int, r text, line int, names text, "A ""b""" money';
  let count = 0;

  const cases: readonly (readonly [string, string, readonly string[], number])[] = [
    ['a query', 'SELECT * FROM t', NAMES, 0],
    ['a query with names that repeat', 'SELECT a, b, a FROM t', ['a', 'b', 'a'], 0],
    ['a query of one row', 'INSERT INTO t DEFAULT VALUES; SELECT * FROM t', NAMES, 1],
    ['a query of three rows of NULLs', 'INSERT INTO t SELECT FROM generate_series(1, 3); SELECT a FROM t', ['a'], 3],
    ['a query whose rows are locked', 'SELECT a FROM t FOR UPDATE', ['a'], 0],
    ['a statement with RETURNING', 'UPDATE t SET a = 1 RETURNING *', NAMES, 0],
    ['a statement with RETURNING, one row', 'INSERT INTO t(a) VALUES (1) RETURNING a, b', ['a', 'b'], 1],
    ['a cursor', 'DECLARE c CURSOR FOR SELECT a, b FROM t; FETCH ALL FROM c', ['a', 'b'], 0],
    ['a prepared statement', 'PREPARE p AS SELECT b, a FROM t; EXECUTE p', ['b', 'a'], 0],
  ];
  for (const [name, sql, names, rows] of cases) {
    it(`have the columns and the number of rows: ${name}`, async () => {
      const table = `empty_${++count}`;
      const text = `CREATE TABLE ${table} (${COLUMNS}); ${sql.replace(/\bt\b/g, table)}`;
      const job = await engine.ended(text);
      assert.equal(job.state, 'succeeded', JSON.stringify(job.record));
      assert.deepEqual([job.record.reason, job.record.rowCount], [undefined, rows]);
      assert.deepEqual(
        job.record.columns?.map((column) => column.name),
        names,
      );
      assert.equal((await engine.rows(job)).length, rows);
    });
  }

  it('count rows without columns', async () => {
    for (const rows of [0, 1, 2]) {
      const text = `CREATE TABLE bare_${rows} (a int); INSERT INTO bare_${rows} SELECT FROM generate_series(1, ${rows}); SELECT FROM bare_${rows}`;
      assert.equal((await engine.ended(text)).record.rowCount, rows);
    }
  });
});
