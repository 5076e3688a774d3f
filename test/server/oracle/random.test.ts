import { sharedServer } from '../support';
import { compareAll, openLanes, type Lane } from './oracle';
import { randomScript } from './randomScripts';

/** `PGBG_ORACLE_SEED=1000 PGBG_ORACLE_COUNT=500` tries others, and more of them. */
const FIRST_SEED = Number(process.env['PGBG_ORACLE_SEED'] ?? 1);
const COUNT = Number(process.env['PGBG_ORACLE_COUNT'] ?? 60);

describe('a job does what psql -1 does with scripts made at random', function () {
  let lanes: Lane[];
  this.timeout(20_000 + 1000 * COUNT);

  before(async () => {
    lanes = await openLanes(await sharedServer(), 4);
  });
  after(() => Promise.all(lanes.map((lane) => lane.close())));

  it(`${COUNT} scripts from seed ${FIRST_SEED} on`, () =>
    compareAll(
      lanes,
      Array.from({ length: COUNT }, (_, index) => randomScript(FIRST_SEED + index)),
    ));
});
