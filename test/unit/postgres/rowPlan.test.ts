import assert from 'node:assert/strict';
import type { RowPlan } from '../../../src/core/jobs/ports';
import { describeFault } from '../../../src/core/base/fault';
import { FENCE } from '../../../src/core/sql/classify/fence';
import { planRows as planText, workerText, type Description } from '../../../src/core/postgres/pgBackground/rowPlan';

const FACTS = { standardStrings: true, plpgsql: true };

function planRows(sql: string, description: Description, facts = FACTS): RowPlan {
  return planText(workerText(sql), description, facts);
}

const INT = { display: 'integer', definition: 'integer', needsCast: false, receivable: true, fragile: false };
const NUMERIC = { display: 'numeric(10,2)', definition: 'numeric', needsCast: false, receivable: true, fragile: false };
const VOID = { display: 'void', definition: 'void', needsCast: true, receivable: true, fragile: false };
const TSQUERY = { display: 'tsquery', definition: 'tsquery', needsCast: false, receivable: true, fragile: true };
const UNRECEIVED = { display: 'odd', definition: 'odd', needsCast: false, receivable: false, fragile: false };

function columns(...types: (typeof INT)[]): Description {
  return { columns: types.map((type, i) => ({ column: { name: `n${i}`, typeOid: 23, typeModifier: -1 }, type })) };
}

describe('row plans', () => {
  it('reads ordinary columns without wrapping', () => {
    const plan = planRows("SET work_mem = '4MB'; SELECT 2, 3.1, x", columns(INT, NUMERIC, UNRECEIVED));
    assert.equal(plan.sql, `SET work_mem = '4MB';${FENCE} SELECT 2, 3.1, x`);
    assert.deepEqual(
      [plan.mode, plan.definition, plan.tag],
      ['rows', 'c1 integer, c2 numeric, c3 pg_catalog.text', 'SELECT'],
    );
    assert.deepEqual(plan.columns[1], { name: 'n1', type: 'numeric(10,2)', typeOid: 23 });
  });

  it('casts types that a worker cannot send, and keeps positions in the user’s text', () => {
    const sql = "SET a = '😀'; SELECT f(), '😀', y -- end";
    const plan = planRows(sql.slice(sql.indexOf('SELECT')), columns(VOID, INT, INT));
    assert.match(
      plan.sql,
      /^SELECT q\.c1::pg_catalog\.text, q\.c2, q\.c3 FROM \(SELECT f\(\), '😀', y\n\) AS q\(c1, c2, c3\)/,
    );
    assert.equal(plan.definition, 'c1 pg_catalog.text, c2 integer, c3 integer');
    const at = Array.from(plan.sql).indexOf('y') + 1;
    assert.equal(plan.position(at), plan.columns.length > 0 ? sql.slice(sql.indexOf('SELECT')).indexOf('y') : -1);
    assert.equal(plan.position(5), undefined, 'text that we added has no position');
    assert.equal(plan.position(Array.from(plan.sql.slice(0, plan.sql.indexOf(') AS q('))).length + 3), undefined);
  });

  it('casts types with values that a session does not accept, if the statement can be wrapped', () => {
    const wrapped = planRows('SELECT a, q FROM t', columns(INT, TSQUERY));
    assert.match(wrapped.sql, /^SELECT q\.c1, q\.c2::pg_catalog\.text FROM \(/);
    assert.equal(wrapped.definition, 'c1 integer, c2 pg_catalog.text');
    const returning = planRows('INSERT INTO t VALUES (1) RETURNING q', columns(TSQUERY));
    assert.deepEqual([returning.mode, returning.definition], ['rows', 'c1 tsquery']);
  });

  it('folds the last statement of a text that may change its columns', () => {
    for (const description of [columns(INT), { failed: true }] satisfies Description[]) {
      const plan = planRows('CREATE TABLE t (a int); SELECT a FROM t;', description);
      assert.equal(plan.mode, 'unfold');
      assert.equal(plan.definition, 'c1 pg_catalog.text, c2 pg_catalog.text');
      assert.match(
        plan.sql,
        /^CREATE TABLE t \(a int\);SHOW server_version; SELECT CASE.* LEFT JOIN \(SELECT q\.\* FROM \(SELECT a FROM t\n\) AS q OFFSET 0\) AS q ON true;$/,
      );
      assert.equal(plan.position(3), 2, 'positions before the last statement do not change');
    }
  });

  it('runs a statement that cannot be wrapped without rows, with a notice', () => {
    const bare = { standardStrings: true, plpgsql: false };
    const dml = planRows('CREATE TABLE t (a int); INSERT INTO t VALUES (1) RETURNING a', { failed: true }, bare);
    assert.deepEqual([dml.mode, dml.sql.includes('DO')], ['none', false]);
    assert.equal(describeFault(dml.notice!), 'rows.unknownColumns (command=INSERT)');
    const locked = planRows('INSERT INTO t VALUES (1) RETURNING a', { failed: true, locked: true }, bare);
    assert.equal(locked.notice?.code, 'rows.locked');
    const unsendable = planRows('INSERT INTO t VALUES (1) RETURNING a', columns(VOID), bare);
    assert.equal(unsendable.notice?.code, 'rows.unsendableType');
    assert.equal(planRows('SELECT', columns()).notice?.code, 'rows.noColumns');
    assert.equal(planRows('SELECT a FROM t', { failed: true, locked: true }).mode, 'unfold');
  });

  it('reads only a tag for statements without rows, and for those that will fail', () => {
    assert.equal(planRows('CREATE TABLE t (a int)', { noRows: true }).mode, 'tag');
    assert.equal(planRows('SELECT nosuch', { failed: true }).mode, 'tag');
    assert.equal(planRows('CREATE TABLE t (a int); INSERT INTO t VALUES (1)', { failed: true }).mode, 'tag');
    assert.equal(planRows('', { noRows: true }).tag, '');
  });

  it('reads EXPLAIN after DDL as one column', () => {
    const explain = (format: string) =>
      planRows(`CREATE TABLE t (a int); EXPLAIN ${format} SELECT * FROM t`, { failed: true });
    assert.deepEqual([explain('').mode, explain('').definition], ['rows', 'c1 pg_catalog.text']);
    assert.equal(explain('(ANALYZE, FORMAT JSON)').definition, 'c1 pg_catalog.json');
    assert.equal(explain('(format xml)').definition, 'c1 pg_catalog.xml');
    assert.equal(explain('(FORMAT YAML)').definition, 'c1 pg_catalog.text');
  });

  it('has the tag SELECT for every query', () => {
    const tags = [
      'VALUES (1)',
      'TABLE t',
      'WITH a AS (SELECT 1) SELECT * FROM a',
      'SHOW x',
      'INSERT INTO t VALUES (1) RETURNING a',
    ];
    assert.deepEqual(
      tags.map((sql) => planRows(sql, columns(INT)).tag),
      ['SELECT', 'SELECT', 'SELECT', 'SHOW', 'INSERT'],
    );
    assert.equal(workerText('-- nothing').last, undefined);
  });
});
