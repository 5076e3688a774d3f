import '../../vscodeStandIn';
import assert from 'node:assert/strict';
import type { BlockingProcess, WorkerInspection } from '../../../src/core/jobs/activity/inspection';
import type { ServerLink } from '../../../src/core/jobs/ports';
import { confirmAndSignal } from '../../../src/host/activity/signalBlocker';
import { FakeLink, OURS } from '../jobs/fakes';
import * as vscode from '../../vscodeStandIn';

const BLOCKER: BlockingProcess = { pid: 9, backendStart: 'x', backendType: 'client backend', blocks: [7], user: 'ada' };

describe('a signal to a process that blocks a worker', () => {
  let shown: string[];

  beforeEach(() => {
    shown = [];
    const show = (text: string, _options: object, ...items: (string | { title: string })[]): Promise<unknown> => {
      shown.push(text);
      return Promise.resolve(items[0]);
    };
    Object.assign(vscode.window, { showWarningMessage: show, showInformationMessage: show, showErrorMessage: show });
  });

  /** Confirms the signal. @param inspect what the server answers after the confirmation, one answer after the other */
  const signal = async (inspect: NonNullable<ServerLink['inspect']>): Promise<number> => {
    let signals = 0;
    const link = Object.assign(new FakeLink(), {
      inspect,
      signalBlocker: () => {
        signals++;
        return Promise.resolve(true);
      },
    });
    link.show({ at: 1, workers: [OURS] });
    const target = { link, pid: 7, backendStart: 'b', launch: { settings: [], withStatement: false } };
    await confirmAndSignal(target, BLOCKER, 'terminate');
    return signals;
  };
  const blockedBy = (...chain: BlockingProcess[]): WorkerInspection => ({
    ...{ state: 'active', parallel: [], progress: [], locks: [], lockCount: 0, chain, role: 'r' },
  });

  it('is sent if it still blocks the worker after the confirmation', async () => {
    const answers = [blockedBy(BLOCKER), blockedBy()];
    assert.equal(await signal(() => Promise.resolve(answers.shift())), 1);
    assert.match(shown.at(-1)!, /^pid 9 · ada was terminated\. It no longer blocks the worker\.$/);
  });

  it('is not sent if the process does something else by then, the worker has ended, or another process has its pid', async () => {
    for (const now of [blockedBy(), undefined, blockedBy({ ...BLOCKER, backendStart: 'later' })]) {
      assert.equal(await signal(() => Promise.resolve(now)), 0);
      assert.match(shown.at(-1)!, /^pid 9 · ada no longer blocks the worker, so no signal was sent\.$/);
    }
  });

  it('is not sent if the server cannot be asked', async () => {
    assert.equal(await signal(() => Promise.reject(new Error('no route'))), 0);
    assert.match(shown.at(-1)!, /no route/);
  });
});
