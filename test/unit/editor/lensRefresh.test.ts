import assert from 'node:assert/strict';
import { LensRefresh } from '../../../src/host/editor/lensRefresh';
import { FakeClock } from '../jobs/fakes';

describe('LensRefresh', () => {
  let clock: FakeClock;
  let notified: number;
  let screen: { visible: boolean; ticking: boolean };
  let refresh: LensRefresh;

  beforeEach(() => {
    clock = new FakeClock();
    notified = 0;
    screen = { visible: true, ticking: false };
    refresh = new LensRefresh({
      clock,
      notify: () => notified++,
      visible: () => screen.visible,
      ticking: () => screen.ticking,
    });
  });

  it('reports several changes together', async () => {
    for (let i = 0; i < 10; i++) refresh.schedule();
    await clock.move(100);
    assert.equal(notified, 1);
  });

  it('reports a tick one second after VS Code’s request, not after the last report', async () => {
    screen.ticking = true;
    refresh.schedule();
    await clock.move(50);
    await clock.move(1500);
    assert.equal(notified, 1, 'another report would restart VS Code’s wait');
    refresh.requested();
    await clock.move(999);
    assert.equal(notified, 1);
    await clock.move(1);
    assert.equal(notified, 2);
  });

  it('stops ticking when no running time is visible', async () => {
    screen.ticking = true;
    refresh.requested();
    screen.ticking = false;
    await clock.move(60_000);
    assert.equal(notified, 0);
    assert.equal(clock.timers.size, 0);
  });

  it('reports a change again with growing pauses until VS Code requests the lenses', async () => {
    refresh.schedule(0);
    await clock.move(0);
    await clock.move(2000);
    assert.equal(notified, 2);
    await clock.move(3999);
    assert.equal(notified, 2);
    await clock.move(1);
    assert.equal(notified, 3);
    refresh.requested();
    await clock.move(60_000);
    assert.equal(notified, 3);
    refresh.schedule(0);
    await clock.move(2000);
    assert.equal(notified, 5, 'the first report, and another one after the first pause');
  });

  it('does not report a change again while no editor with lenses is visible', async () => {
    refresh.schedule(0);
    screen.visible = false;
    await clock.move(60_000);
    assert.equal(notified, 1);
    assert.equal(clock.timers.size, 0);
  });

  it('reports nothing after it is disposed', async () => {
    screen.ticking = true;
    refresh.requested();
    refresh.schedule();
    refresh.dispose();
    await clock.move(60_000);
    assert.equal(notified, 0);
  });
});
