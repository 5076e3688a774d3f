import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ownIdentity, processState } from '../../../src/core/jobs/store/processIdentity';

describe('the identity of a process', () => {
  it('is alive for this process, and dead for another start time of the same pid', async () => {
    const own = await ownIdentity();
    assert.equal(own.pid, process.pid);
    if (process.platform === 'linux') assert.ok(own.startTime && own.bootId);
    assert.equal(await processState(own), 'alive');
    assert.equal(await processState({ ...own, startTime: '1' }), 'dead');
  });

  it('cannot be judged on another host, or without a start time', async () => {
    const own = await ownIdentity();
    assert.equal(await processState({ ...own, host: 'another-host' }), 'elsewhere');
    if (process.platform === 'linux') {
      assert.equal(await processState({ ...own, pidNamespace: 'pid:[1]' }), 'elsewhere', 'another container');
    }
    const withoutStart = { pid: own.pid, host: own.host };
    assert.equal(await processState(withoutStart), 'unknown');
  });

  it('is dead once the process has ended', async () => {
    const own = await ownIdentity();
    const child = spawn(process.execPath, ['-e', '']);
    const pid = child.pid!;
    await once(child, 'exit');
    assert.equal(await processState({ ...own, pid }), 'dead');
  });

  it('is alive while the process is suspended', async function () {
    if (process.platform === 'win32') return this.skip();
    const own = await ownIdentity();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); process.stdout.write("x")']);
    await once(child.stdout, 'data');
    child.kill('SIGSTOP');
    const identity = { pid: child.pid!, host: own.host };
    // Without the start time it is unknown, which is not dead.
    assert.equal(await processState(identity), 'unknown');
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});
