import assert from 'node:assert/strict';
import type { Fault } from '../../../../src/core/base/fault';
import { ActivityWatch, type SeenActivity } from '../../../../src/core/jobs/activity/activityWatch';
import type { InspectRequest, WorkerInspection } from '../../../../src/core/jobs/activity/inspection';
import type { ActivitySample } from '../../../../src/core/jobs/activity/workKind';
import { FakeLink, OURS, settle } from '../fakes';

const FOUND: WorkerInspection = {
  ...{ state: 'active', parallel: [], progress: [], locks: [], lockCount: 0, chain: [], role: 'r' },
};
const SERVER = { start: 's', system: 'one', timeline: '1' };
const SAMPLE: ActivitySample = { at: 1, kind: 'cpu', blockers: [] };

/** A server that answers what a test sets. */
class InspectedLink extends FakeLink {
  answer: WorkerInspection | undefined = FOUND;
  inspections = 0;
  readonly unreachable = new Set<(fault: Fault) => void>();
  fault: Fault | undefined;

  inspect(): Promise<WorkerInspection | undefined> {
    this.inspections++;
    return Promise.resolve(this.answer);
  }

  samples(): readonly ActivitySample[] {
    return this.answer ? [SAMPLE] : [];
  }

  onUnreachable(listener: (fault: Fault) => void): { dispose(): void } {
    if (this.fault) listener(this.fault);
    this.unreachable.add(listener);
    return { dispose: () => this.unreachable.delete(listener) };
  }
}

describe('the watch of one worker', () => {
  let link: InspectedLink;
  let seen: SeenActivity[];
  let at: number;

  beforeEach(() => {
    [link, seen, at] = [new InspectedLink(), [], 0];
  });

  const watch = (request: Partial<InspectRequest> = {}): ActivityWatch =>
    new ActivityWatch(link, { pid: 7, backendStart: 'b', server: SERVER, ...request }, (one) => seen.push(one));
  const second = async (server: Partial<typeof SERVER> = {}): Promise<void> => {
    link.show({ at: (at += 1000), server: { ...SERVER, ...server }, workers: [OURS] });
    await settle();
  };

  it('requests nothing more once the worker has ended, and keeps its last samples', async () => {
    watch();
    await second();
    assert.equal(seen.at(-1)?.inspection, FOUND);
    link.answer = undefined;
    await second();
    const last = seen.at(-1);
    assert.deepEqual([last?.inspection, last?.error, last?.samples], [undefined, undefined, [SAMPLE]]);
    await second();
    assert.equal(link.inspections, 2);
    assert.equal(link.watching.size + link.listeners.size + link.unreachable.size, 0);
  });

  it('reports that the worker has ended if the server was restarted, without asking for it', async () => {
    watch();
    await second();
    await second({ start: 't' });
    assert.deepEqual([link.inspections, seen.at(-1)?.inspection, seen.at(-1)?.error], [1, undefined, undefined]);
    assert.equal(link.watching.size, 0);
  });

  it('reports each time that the server did not answer, also before the first answer, and continues', async () => {
    link.fault = { code: 'connect.unreachable' };
    const watching = watch();
    assert.match(String(seen.at(-1)?.error), /connect\.unreachable/);
    await second();
    assert.deepEqual([seen.at(-1)?.error, seen.at(-1)?.inspection], [undefined, FOUND]);
    for (const listener of link.unreachable) listener({ code: 'connect.unreachable' });
    assert.match(String(seen.at(-1)?.error), /connect\.unreachable/);
    assert.equal(seen.at(-1)?.inspection, FOUND, 'what was seen last');
    await second();
    assert.equal(seen.at(-1)?.error, undefined);
    watching.dispose();
    assert.equal(link.watching.size + link.listeners.size + link.unreachable.size, 0);
  });
});
