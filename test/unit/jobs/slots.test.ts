import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Slots } from '../../../src/core/jobs/store/slots';

describe('slots across windows', () => {
  let folder = '';
  const dead = new Set<string>();
  const window = (id: string): Slots =>
    new Slots(join(folder, 'slots'), id, (owner) => Promise.resolve(dead.has(owner)));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-slots-'));
    dead.clear();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('limit the running jobs of all windows together, per connection', async () => {
    const windows = ['a', 'b', 'c'].map(window);
    const taken = await Promise.all(Array.from({ length: 30 }, (_, i) => windows[i % 3]!.take('prod', `job ${i}`, 4)));
    const slots = taken.filter((slot) => slot !== undefined);
    assert.equal(slots.length, 4);
    assert.ok(await windows[0]!.take('dev', 'other connection', 4));
    await slots[0]!.release();
    assert.ok(await windows[1]!.take('prod', 'next', 4));
    assert.equal(await windows[2]!.take('prod', 'one too many', 4), undefined);
  });

  it('are freed when their window has died', async () => {
    await window('a').take('prod', 'job 1', 1);
    assert.equal(await window('b').take('prod', 'job 2', 1), undefined);
    dead.add('a');
    assert.ok(await window('b').take('prod', 'job 2', 1));
    assert.equal(await window('c').take('prod', 'job 3', 1), undefined);
  });

  it('of a window that counted as dead are not released by it, because another window has them', async () => {
    const lost = await window('a').take('prod', 'job 1', 1);
    dead.add('a');
    assert.ok(await window('b').take('prod', 'job 2', 1));
    await lost!.release();
    assert.equal(await window('c').take('prod', 'job 3', 1), undefined);
  });

  it('of a dead window are freed once, by however many windows', async () => {
    await window('a').take('prod', 'job 1', 1);
    dead.add('a');
    for (let round = 0; round < 20; round++) {
      const windows = Array.from({ length: 6 }, (_, i) => `${round}-${i}`);
      const taken = await Promise.all(windows.map((id) => window(id).take('prod', id, 1)));
      const winners = windows.filter((_, i) => taken[i]);
      assert.equal(winners.length, 1, `round ${round}`);
      dead.add(winners[0]!);
    }
  });

  it('count a lowered limit until enough are released', async () => {
    const slots = window('a');
    const [first, second] = [await slots.take('prod', '1', 3), await slots.take('prod', '2', 3)];
    assert.equal(await slots.take('prod', '3', 1), undefined);
    await first!.release();
    assert.equal(await slots.take('prod', '3', 1), undefined);
    await second!.release();
    assert.ok(await slots.take('prod', '3', 1));
  });

  it('create no folder before the first job', () => {
    window('a');
    assert.ok(!existsSync(join(folder, 'slots')));
  });
});
