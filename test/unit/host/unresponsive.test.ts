import '../../vscodeStandIn';
import assert from 'node:assert/strict';
import type { ActivitySample } from '../../../src/core/jobs/activity/workKind';
import type { ActiveWorker } from '../../../src/core/jobs/ports';
import { warnUnresponsive } from '../../../src/host/jobs/unresponsive';
import type { Unresponsive } from '../../../src/host/jobs/unresponsiveWorker';
import { WorkerNode } from '../../../src/host/tree/nodes/workerNode';
import { FakeLink, settle } from '../jobs/fakes';
import * as vscode from '../../vscodeStandIn';

const FULL = { waitEventType: 'IPC', waitEvent: 'MessageQueuePutMessage' };
const WORKER: ActiveWorker = { pid: 7, backendStart: 'b', label: 'l', state: 'active', blockers: [], ...FULL };

/** A server whose samples a test gives. */
class SampledLink extends FakeLink {
  kept: ActivitySample[] = [];
  samples(): readonly ActivitySample[] {
    return this.kept;
  }
}

describe('the warning about an unresponsive worker that was launched elsewhere', () => {
  let link: SampledLink;
  let shown: string[];
  let buttons: string[];
  let press: string;
  let executed: unknown[];

  beforeEach(() => {
    link = new SampledLink();
    [shown, buttons, press, executed] = [[], [], '', []];
    const show = (text: string, _options: object, ...items: string[]): Promise<string | undefined> => {
      shown.push(text);
      if (items.length > 0) buttons = items;
      return Promise.resolve(items.find((item) => item === press));
    };
    Object.assign(vscode.window, { showWarningMessage: show, showInformationMessage: show });
    Object.assign(vscode.commands, { executeCommand: (...all: unknown[]) => Promise.resolve(executed.push(...all)) });
  });

  const warn = (worker: ActiveWorker): Promise<void> => {
    const stuck: Unresponsive = {
      ...{ label: 'slow', pid: 7, graceMs: 5000, job: undefined, connection: 'c', link, worker },
      ...{ settledAt: 1500, signaledAt: Date.now() - 60_000 },
    };
    return warnUnresponsive(stuck);
  };

  it('is based on the samples since the signal, and offers to show its activity', async () => {
    link.show({ at: 5000, workers: [WORKER] });
    const sample = (at: number): ActivitySample => ({ at, kind: 'queue', blockers: [], ...FULL });
    link.kept = [{ at: 1000, kind: 'cpu', blockers: [] }, sample(2000), sample(3000), sample(4000), sample(5000)];
    press = 'Show Activity';
    await warn(WORKER);
    assert.match(shown[0]!, /^“slow” \(pid 7\) is still running 5 s after SIGTERM/);
    assert.match(shown[0]!, /its queue has been full in all 4 samples/);
    assert.match(shown[0]!, /worker_timeout before the launch\.$/, 'nothing is cut off');
    assert.deepEqual(buttons, ['Keep Waiting', 'Show Activity']);
    assert.equal(executed[0], 'pgBackground.showActivity');
    assert.ok(executed[1] instanceof WorkerNode);
    assert.deepEqual([executed[1].connection, executed[1].worker], ['c', WORKER]);
  });

  it('names the process that holds the lock that it waits for in all samples', async () => {
    const locked = { waitEventType: 'Lock', waitEvent: 'transactionid' };
    link.show({ at: 5000 });
    link.kept = [2000, 3000].map((at) => ({ at, kind: 'lock', blockers: [9], ...locked }));
    const application = 'an application with a name as long as they get, which is 63 bytes';
    await warn({ ...WORKER, ...locked, blockers: [{ pid: 9, user: 'u'.repeat(63), application }] });
    assert.match(shown[0]!, /waited for the same lock \(Lock\/transactionid\), held by pid 9, u+, an application/);
    assert.match(shown[0]!, /worker_timeout before the launch\.$/, 'nothing is cut off');
  });

  it('leads to a report of its end, once, if the user keeps waiting', async () => {
    const server = { start: 's', system: 'one' };
    link.show({ at: 5000, server, workers: [WORKER] });
    press = 'Keep Waiting';
    await warn(WORKER);
    await warn(WORKER);
    await settle();
    shown = [];
    assert.equal(link.watching.size, 1);
    link.show({ at: 6000, server, workers: [WORKER] });
    link.show({ at: 7000, serverStart: 'r', server: { start: 'r', system: 'another' }, workers: [] });
    await settle();
    assert.deepEqual(shown, []);
    link.show({ at: 8000, server, workers: [{ ...WORKER, backendStart: 'later' }] });
    await settle();
    assert.equal(shown.length, 1);
    assert.match(shown[0]!, /^“slow” \(pid 7\) ended 1:00 after the cancel\. Only the session that launched it knows/);
    assert.equal(link.watching.size + link.listeners.size, 0);
  });
});
