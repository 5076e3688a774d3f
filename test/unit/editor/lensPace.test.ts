import assert from 'node:assert/strict';
import { LensPace } from '../../../src/host/editor/lensRefresh';
import { FakeClock } from '../jobs/fakes';

describe('when VS Code is told that lenses changed', () => {
  let clock: FakeClock;
  let told: number;
  let screen: { seen: boolean; ticks: boolean };
  let pace: LensPace;

  beforeEach(() => {
    clock = new FakeClock();
    told = 0;
    screen = { seen: true, ticks: false };
    pace = new LensPace({ clock, tell: () => told++, seen: () => screen.seen, ticks: () => screen.ticks });
  });

  it('events that come together are told once', async () => {
    for (let i = 0; i < 10; i++) pace.change();
    await clock.move(100);
    assert.equal(told, 1);
  });

  it('a second after VS Code asked while a time goes on, however long that took', async () => {
    screen.ticks = true;
    pace.change();
    await clock.move(50);
    await clock.move(1500);
    assert.equal(told, 1, 'telling it again would have it wait anew');
    pace.asked();
    await clock.move(999);
    assert.equal(told, 1);
    await clock.move(1);
    assert.equal(told, 2);
  });

  it('nothing where no time goes on any more', async () => {
    screen.ticks = true;
    pace.asked();
    screen.ticks = false;
    await clock.move(60_000);
    assert.equal(told, 0);
    assert.equal(clock.timers.size, 0);
  });

  it('again where VS Code did not ask, with growing pauses, and as before once it does', async () => {
    pace.change(0);
    await clock.move(0);
    await clock.move(2000);
    assert.equal(told, 2);
    await clock.move(3999);
    assert.equal(told, 2);
    await clock.move(1);
    assert.equal(told, 3);
    pace.asked();
    await clock.move(60_000);
    assert.equal(told, 3);
    pace.change(0);
    await clock.move(2000);
    assert.equal(told, 5, 'the first, and again after the first pause');
  });

  it('not again while no editor with lenses is on screen', async () => {
    pace.change(0);
    screen.seen = false;
    await clock.move(60_000);
    assert.equal(told, 1);
    assert.equal(clock.timers.size, 0);
  });

  it('nothing after it is disposed of', async () => {
    screen.ticks = true;
    pace.asked();
    pace.change();
    pace.dispose();
    await clock.move(60_000);
    assert.equal(told, 0);
  });
});
