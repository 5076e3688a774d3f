import assert from 'node:assert/strict';
import { Client } from 'pg';
import { planText } from '../../src/core/plans/planText';
import { parsePlan } from '../../src/core/plans/planJson';
import { planTree } from '../../src/core/plans/planTree';
import { newDatabase, sharedServer } from './support';

const SETUP = `
  CREATE TABLE orders (id int PRIMARY KEY, customer int, amount numeric, note text);
  CREATE TABLE "Customers" (id int PRIMARY KEY, "Name" text);
  CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
  CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
  INSERT INTO orders SELECT g, g % 100, g, 'n' FROM generate_series(1, 20000) g;
  INSERT INTO "Customers" SELECT g, 'c' || g FROM generate_series(1, 1000) g;
  INSERT INTO parts SELECT g, date '2020-01-01' + g % 700 FROM generate_series(1, 1000) g;
  CREATE INDEX "orders Customer" ON orders (customer);
  CREATE INDEX ON orders (amount);
  CREATE VIEW busy AS SELECT customer, count(*) FROM orders GROUP BY customer;
  CREATE TABLE children (id int REFERENCES orders ON DELETE CASCADE, tag text);
  CREATE FUNCTION noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER tr BEFORE INSERT ON "Customers" FOR EACH ROW EXECUTE FUNCTION noop();
  CREATE RULE log AS ON DELETE TO parts_1 DO ALSO SELECT 1;
  ANALYZE;
`;

/** Statements, and the settings that make the planner choose another plan. */
const QUERIES: readonly (readonly [sql: string, settings?: string])[] = [
  ['SELECT 1'],
  ['SELECT * FROM orders WHERE id = 5'],
  ['SELECT * FROM orders o WHERE customer IN (3, 4) AND amount > 5'],
  ['SELECT * FROM orders ORDER BY id DESC LIMIT 3'],
  ['SELECT id FROM orders WHERE id < 50', 'enable_seqscan = off; SET enable_bitmapscan = off'],
  ['SELECT * FROM orders WHERE customer = 1 OR amount < 5', 'enable_seqscan = off'],
  ['SELECT * FROM orders o JOIN "Customers" c ON c.id = o.customer WHERE c."Name" LIKE \'c1%\''],
  ['SELECT * FROM orders o LEFT JOIN "Customers" c ON c.id = o.customer', 'enable_hashjoin = off'],
  [
    'SELECT * FROM orders o LEFT JOIN "Customers" c ON c.id = o.customer',
    'enable_hashjoin = off; SET enable_mergejoin = off',
  ],
  ['SELECT * FROM orders o WHERE EXISTS (SELECT FROM "Customers" c WHERE c.id = o.customer)'],
  ['SELECT * FROM orders o WHERE NOT EXISTS (SELECT FROM "Customers" c WHERE c.id = o.customer)'],
  ['SELECT * FROM orders o FULL JOIN "Customers" c ON c.id = o.customer'],
  ['SELECT customer, count(*) FROM orders GROUP BY customer'],
  ['SELECT customer, count(*) FROM orders GROUP BY customer', 'enable_hashagg = off; SET enable_seqscan = off'],
  ['SELECT customer, id, count(*) FROM orders GROUP BY GROUPING SETS ((customer, id), (customer), ())'],
  ['SELECT customer, id, count(*) FROM orders GROUP BY CUBE (customer, id)', "work_mem = '64kB'"],
  ['SELECT count(DISTINCT note), sum(amount) FROM orders'],
  ['SELECT id, rank() OVER (PARTITION BY customer ORDER BY amount) FROM orders'],
  ['SELECT * FROM orders ORDER BY customer, amount', "work_mem = '64kB'"],
  ['SELECT * FROM orders ORDER BY customer, amount LIMIT 10', 'enable_seqscan = off'],
  ['SELECT id FROM orders UNION SELECT id FROM "Customers"'],
  ['SELECT id FROM orders UNION ALL SELECT id FROM "Customers"'],
  ['SELECT id FROM orders EXCEPT ALL SELECT id FROM "Customers"'],
  ['SELECT id FROM orders INTERSECT SELECT id FROM "Customers"', 'enable_hashagg = off'],
  ['WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 1) SELECT * FROM t'],
  ['WITH r AS MATERIALIZED (SELECT * FROM orders) SELECT * FROM r a, r b WHERE a.id = b.id'],
  ['SELECT (SELECT max(amount) FROM orders), (SELECT count(*) FROM "Customers" c WHERE c.id = o.id) FROM orders o'],
  ['SELECT * FROM orders WHERE id NOT IN (SELECT id FROM "Customers")'],
  ['SELECT * FROM generate_series(1, 3) AS g(n), unnest(ARRAY[1, 2]) u'],
  ["SELECT * FROM XMLTABLE('/a' PASSING xmlparse(CONTENT '<a/>') COLUMNS b text)"],
  ['SELECT * FROM (VALUES (1), (2)) v(x) WHERE x > 1'],
  ['VALUES (1), (2)'],
  ['SELECT * FROM parts'],
  ["SELECT * FROM parts WHERE at < now() - interval '3 years'"],
  ['SELECT * FROM parts ORDER BY at', 'enable_sort = off'],
  ["SELECT * FROM orders WHERE ctid = '(0,1)'"],
  ["SELECT * FROM orders WHERE ctid < '(1,1)'"],
  ['SELECT * FROM orders TABLESAMPLE SYSTEM (10) REPEATABLE (1)'],
  ['SELECT * FROM orders WHERE id = 1 FOR UPDATE'],
  ['SELECT * FROM busy'],
  ['SELECT generate_series(1, 3)'],
  ['SELECT DISTINCT customer FROM orders', 'enable_hashagg = off'],
  ['SELECT * FROM orders WHERE false'],
  [
    'SELECT count(*) FROM orders',
    'parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0',
  ],
  [
    'SELECT * FROM orders ORDER BY note',
    'parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0',
  ],
  [
    'SELECT * FROM orders o JOIN orders p USING (id)',
    'parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0',
  ],
  ['INSERT INTO "Customers" VALUES (1, \'x\') ON CONFLICT (id) DO UPDATE SET "Name" = \'y\' WHERE "Customers".id > 0'],
  ['UPDATE orders SET amount = 1 WHERE id = 1'],
  ['UPDATE parts SET id = 2 WHERE id = 1'],
  ['DELETE FROM orders WHERE id = 1'],
  ['DELETE FROM parts_1'],
  [
    'MERGE INTO orders o USING "Customers" c ON o.id = c.id WHEN MATCHED AND o.id < 3 THEN UPDATE SET note = \'m\' WHEN NOT MATCHED THEN DO NOTHING',
  ],
  ['WITH d AS (DELETE FROM children RETURNING *) SELECT count(*) FROM d'],
  ['CREATE TABLE copied AS SELECT * FROM orders'],
  ['DECLARE c CURSOR FOR SELECT * FROM orders'],
  ['SELECT * FROM orders WHERE amount > (SELECT avg(amount) FROM orders)', 'jit_above_cost = 0'],
  ['SELECT * FROM orders "select", "Customers" "My Alias" WHERE "select".id = "My Alias".id LIMIT 1'],
];

describe('plans', () => {
  let client: Client;

  before(async () => {
    const { host, port, user, database } = await newDatabase(await sharedServer());
    client = new Client({ host, port: Number(port), user, database });
    await client.connect();
    await client.query(SETUP);
  });
  after(() => client.end());

  async function explain(options: string, sql: string, settings: string | undefined): Promise<unknown[]> {
    await client.query('BEGIN');
    try {
      await client.query('SET LOCAL jit_above_cost = -1; SET LOCAL max_parallel_workers = 0');
      if (settings !== undefined) await client.query(`SET LOCAL ${settings.replaceAll('; SET ', '; SET LOCAL ')}`);
      const { rows } = await client.query<unknown[]>({ text: `EXPLAIN (${options}) ${sql}`, rowMode: 'array' });
      return rows.map(([value]) => value);
    } finally {
      await client.query('ROLLBACK');
    }
  }

  /** The server's own text, and ours of the server's JSON. */
  async function compare(options: string, sql: string, settings: string | undefined): Promise<void> {
    const own = (await explain(`${options}, FORMAT TEXT`, sql, settings)).join('\n');
    const [json] = await explain(`${options}, FORMAT JSON`, sql, settings);
    const parsed = parsePlan(JSON.stringify(json));
    assert.ok('queries' in parsed);
    // The client has parsed the JSON, so that 1.00 has become 1.
    const { text, cut } = planText({ ...parsed, fractions: / rows=\d+\.\d\d /.test(own) }, Infinity);
    assert.equal(cut, false);
    assert.equal(text, own, `${options}: ${sql}`);
    const { nodes, omitted } = planTree(parsed, Infinity);
    assert.equal(omitted, 0);
    const roots = nodes.filter(({ parent }) => parent === undefined).length;
    const sum = nodes.reduce((all, { costShare }) => all + costShare, 0);
    assert.ok(Math.abs(sum - roots) < 1e-6, `${sql}: ${sum} of ${roots}`);
    assert.ok(nodes.every(({ costShare }) => costShare >= 0));
  }

  for (const [sql, settings] of QUERIES) {
    it(`have the text that psql shows: ${sql}${settings === undefined ? '' : ` (${settings})`}`, async () => {
      await compare('COSTS', sql, settings);
      await compare('COSTS, VERBOSE, SETTINGS', sql, settings);
      await compare('ANALYZE, TIMING OFF, SUMMARY OFF, BUFFERS OFF', sql, settings);
    });
  }
});
