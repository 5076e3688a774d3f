import assert from 'node:assert/strict';
import { checkBeforeLaunch } from '../../../src/core/sql/classify/prelaunch';
import { sharedServer } from '../support';
import { CONFLICTS, DML, SEQUENCES } from './dataScripts';
import { compareAll, openLanes, type Lane } from './oracle';
import { DDL, ROUTINES } from './schemaScripts';
import { CONSTRAINTS, CURSORS, ERRORS, SETTINGS } from './sessionScripts';

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'rows that are read and written': DML,
  'ON CONFLICT, MERGE and writes in WITH': CONFLICTS,
  sequences: SEQUENCES,
  'tables, views, partitions and types': DDL,
  'functions, procedures, rules and triggers': ROUTINES,
  'constraints, also deferred ones': CONSTRAINTS,
  'settings and isolation levels': SETTINGS,
  'cursors and prepared statements': CURSORS,
  'an error in each position': ERRORS,
};

describe('jobs have the same effects as psql -1', () => {
  let lanes: Lane[];

  before(async () => {
    lanes = await openLanes(await sharedServer(), 4);
  });
  after(() => Promise.all(lanes.map((lane) => lane.close())));

  for (const [group, scripts] of Object.entries(GROUPS)) {
    it(`${group}: ${scripts.length} scripts`, () => compareAll(lanes, scripts));
  }

  describe('except for what the README lists', () => {
    it('refuses SAVEPOINT and other transaction control before the launch', async () => {
      const sql = 'SAVEPOINT a; DELETE FROM pg_class; ROLLBACK TO a; SELECT 1';
      assert.deepEqual(
        checkBeforeLaunch(sql).map(({ code }) => code),
        ['sql.transactionControl', 'sql.unboundedWrite', 'sql.transactionControl'],
      );
      const [lane] = lanes;
      const job = await lane!.job(sql);
      assert.equal(job.error?.sqlstate, '0A000', 'the server refuses it, too');
    });
  });
});

describe('jobs have the same effects as psql -1 on pg_background 1.8', () => {
  let lanes: Lane[];

  before(async () => {
    lanes = await openLanes(await sharedServer(), 4, '1.8');
  });
  after(() => Promise.all(lanes.map((lane) => lane.close())));

  for (const [group, scripts] of Object.entries(GROUPS)) {
    const some = scripts.filter((_, index) => index % 7 === 0);
    it(`${group}: ${some.length} scripts`, () => compareAll(lanes, some));
  }
});
