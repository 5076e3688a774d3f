import assert from 'node:assert/strict';
import { planDurable, type DurablePlan } from '../../../src/core/postgres/durable/plan';
import { workerText, type Description, type TypeFacts } from '../../../src/core/postgres/pgBackground/rowPlan';

const INT: TypeFacts = {
  display: 'integer',
  definition: 'integer',
  needsCast: false,
  receivable: true,
  fragile: false,
};

function described(count = 1, type: TypeFacts = INT, typeOid = 23): Description {
  return {
    columns: Array.from({ length: count }, (_, i) => ({ column: { name: `n${i}`, typeOid, typeModifier: -1 }, type })),
  };
}

interface Options {
  readonly description?: Description;
  readonly inWith?: Description;
  readonly settings?: readonly (readonly [string, string])[];
  readonly eventTriggers?: boolean;
}

function plan(
  sql: string,
  { description = described(), inWith, settings = [], eventTriggers = false }: Options = {},
): DurablePlan {
  return planDurable(
    { worker: workerText(sql), settings, rowsTable: 'r_1' },
    { description, inWith, readOnly: false, eventTriggers, plpgsql: true },
  );
}

const NO_ROWS = { description: { noRows: true } } as const;

describe('the plan of a durable job', () => {
  it('puts the gate first, or after the settings of the transaction', () => {
    const cases: [string, boolean, string][] = [
      ['SELECT 1', true, ''],
      ['SET work_mem = 1; SELECT 1', true, ''],
      ['SET TRANSACTION READ ONLY; SELECT 1', true, 'SET TRANSACTION READ ONLY;SHOW server_version;'],
      [
        'SET a.b = 1; SET transaction_isolation = serializable; SELECT 1',
        true,
        'SET a.b = 1;SHOW server_version; SET transaction_isolation = serializable;SHOW server_version;',
      ],
      ['SET ROLE x; SELECT 1', true, ''],
      ['SET TRANSACTION READ ONLY; SET ROLE x; SELECT 1', true, 'SET TRANSACTION READ ONLY;SHOW server_version;'],
      ['SET ROLE x; SET TRANSACTION READ ONLY; SELECT 1', false, ''],
      ['SET SESSION AUTHORIZATION x; SET TRANSACTION READ ONLY; SELECT 1', false, ''],
      ['LOCK TABLE x; SET TRANSACTION READ ONLY; SELECT 1', false, ''],
      ['VACUUM', false, ''],
      ['SET work_mem = 1; SET TRANSACTION READ ONLY', false, ''],
      ['CREATE INDEX CONCURRENTLY ON t (i)', false, ''],
      ['REINDEX TABLE t', false, ''],
      ['CALL p()', false, ''],
      ['DO $$ BEGIN COMMIT; END $$', false, ''],
      ['DO $$ BEGIN END $$; SELECT 1', true, ''],
    ];
    for (const [sql, gated, before] of cases) {
      const made = plan(sql);
      assert.deepEqual([made.gated, made.options.before], [gated, before], sql);
      assert.equal(
        made.notices.some(({ code }) => code === 'durable.noProof'),
        !gated,
        sql,
      );
      // The keeper joins the two parts.
      assert.ok(!made.options.text.includes(made.options.before || '\0'), sql);
    }
    assert.equal(plan('SELECT 1', { settings: [['role', 'x']] }).gated, false);
  });

  it('lets the worker store rows, unless that could make the job fail', () => {
    assert.equal(
      plan('SELECT a FROM t').options.text,
      "CREATE TABLE pgbackground_rows.r_1 (c1) AS SELECT a FROM t\n;SHOW server_version;CALL pgbackground_jobs.seal('r_1')",
    );
    for (const sql of [
      'SET ROLE x; SELECT 1',
      'SET TRANSACTION READ ONLY; SELECT 1',
      "SELECT set_config('role', 'x', false); SELECT 1",
    ])
      assert.equal(plan(sql).options.store, 'keeper', sql);
    assert.equal(plan('SELECT 1', { eventTriggers: true }).options.store, 'keeper');
    assert.equal(plan('SELECT 1', { settings: [['default_transaction_read_only', 'on']] }).options.store, 'keeper');
    assert.equal(plan('SELECT 1', { settings: [['default_transaction_read_only', 'off']] }).options.store, 'worker');
    assert.equal(plan('INSERT INTO t VALUES (1)', NO_ROWS).options.store, 'none');
  });

  it('stores a write with RETURNING as a part of a WITH', () => {
    const { text, command } = plan('DELETE FROM t RETURNING i', { inWith: described() }).options;
    assert.match(
      text,
      /^CREATE TABLE pgbackground_rows\.r_1 \(c1\) AS WITH q\(c1\) AS \(DELETE FROM t RETURNING i\n\) SELECT q\.c1 FROM q\n;/,
    );
    assert.equal(command, 'DELETE');
  });

  it('stores rows that may not fit into a table as texts', () => {
    const folded = (count: number, typeOid: number): boolean =>
      plan('SELECT 1', { description: described(count, INT, typeOid) }).options.folded;
    assert.deepEqual(
      [folded(330, 25), folded(340, 25), folded(900, 20), folded(1100, 20), folded(1601, 16)],
      [false, true, false, true, true],
    );
  });

  it('casts what a table cannot have, and reports rows that cannot be kept', () => {
    const pseudo = { ...INT, display: 'void', needsCast: true };
    assert.match(
      plan('SELECT f()', { description: described(1, pseudo) }).options.text,
      /AS SELECT q\.c1::pg_catalog\.text FROM \(SELECT f\(\)\n\) AS q\(c1\)/,
    );
    const call = plan('CREATE TABLE t (); CALL p(1)', { description: { failed: true } });
    assert.deepEqual(
      [call.options.store, call.notices],
      ['discard', [{ code: 'durable.rowsNotKept', params: { command: 'CALL' } }]],
    );
  });
});
