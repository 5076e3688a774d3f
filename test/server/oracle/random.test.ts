import { sharedServer } from '../support';
import { compareAll, openLanes, type Lane } from './oracle';
import { randomScript } from './randomScripts';

/** To run other scripts, and more of them: `PGBG_ORACLE_SEED=1000 PGBG_ORACLE_COUNT=500`. */
const FIRST_SEED = Number(process.env['PGBG_ORACLE_SEED'] ?? 1);
const COUNT = Number(process.env['PGBG_ORACLE_COUNT'] ?? 60);

describe('jobs have the same effects as psql -1 for random scripts', function () {
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
