import assert from 'node:assert/strict';
import { TypeCache } from '../../../src/core/postgres/client/typeCache';
import { launchDurableBatch } from '../../../src/core/postgres/durable/launchBatch';
import { sharedServer } from '../support';
import { endOf, newDurableDatabase, statesOf, type DurableDatabase, type DurableSession } from './support';

type Statement = string | readonly [sql: string, into: string];

describe('tables that store rows of durable batches', () => {
  let database: DurableDatabase;
  let alice: DurableSession;

  before(async () => {
    database = await newDurableDatabase(await sharedServer());
    alice = await database.role('alice');
    await database.admin.client.query(
      `GRANT CREATE ON DATABASE "${database.profile.database!}" TO "${database.roleName('alice')}"`,
    );
  });
  after(() => database.close());

  const launch = async (statements: readonly Statement[]): Promise<readonly string[]> => {
    const requests = statements.map((each) =>
      typeof each === 'string' ? { sql: each, label: each } : { sql: each[0], into: each[1], label: each[0] },
    );
    const options = { label: 'batch', parallel: 1, onFailure: 'stop' } as const;
    return (await launchDurableBatch(alice.client, new TypeCache(), requests, options)).ids;
  };
  /** Runs a batch, and then a query. */
  const resultAfter = async (query: string, ...statements: readonly Statement[]): Promise<unknown> => {
    const jobs = await endOf(alice, await launch(statements));
    assert.deepEqual(statesOf(jobs), Array(jobs.length).fill('succeeded'), JSON.stringify(jobs));
    return alice.value(query);
  };

  it('may be created by an earlier statement, in the same way or by CREATE TABLE', async () => {
    const select: Statement = ['SELECT 1 AS a', 'one append'];
    assert.equal(await resultAfter('SELECT sum(a)::text FROM one', select, ['SELECT 2 AS a', 'one append']), '3');
    // By the names of the columns.
    const create = 'CREATE TABLE two (b int, a int)';
    assert.equal(await resultAfter('SELECT sum(a)::text FROM two', create, ['SELECT 1 AS a', 'two append']), '1');
    const first: Statement = ['SELECT 1 AS a', 'three'];
    assert.equal(await resultAfter('SELECT sum(a)::text FROM three', first, ['SELECT 2 AS a', 'three replace']), '2');
  });

  it('may be dropped by an earlier statement, or be in a schema that one creates', async () => {
    await alice.client.query('CREATE TABLE four (x int); CREATE TABLE five (x int)');
    const drop = 'DROP TABLE IF EXISTS four, five';
    const both = 'SELECT (four.a + five.a)::text FROM four, five';
    assert.equal(await resultAfter(both, drop, ['SELECT 1 AS a', 'four'], ['SELECT 2 AS a', 'five append']), '3');
    const create = 'CREATE SCHEMA later';
    assert.equal(
      await resultAfter('SELECT a::text FROM later.six', create, ['SELECT 1 AS a', 'later.six append']),
      '1',
    );
  });

  it('are refused at the launch if no earlier statement concerns them', async () => {
    await alice.client.query('CREATE TABLE seven (x int)');
    const create = 'CREATE TABLE other (x int)';
    await assert.rejects(launch([create, ['SELECT 1 AS a', 'seven']]), /into\.exists/);
    await assert.rejects(launch([create, ['SELECT 1 AS a', 'nowhere.eight']]), /into\.noSchema/);
  });
});
