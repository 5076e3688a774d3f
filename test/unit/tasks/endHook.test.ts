import assert from 'node:assert/strict';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commands, window, workspace } from '../../vscodeStandIn';
import { Job, newRecord } from '../../../src/core/jobs/job';
import { EndHook, endedJob, runCommand } from '../../../src/host/jobs/endHook';
import { IDLE_OWNER } from '../jobs/idleOwner';

function failedJob(): Job {
  const request = { sql: "SELECT 'secret'", label: 'nightly', connection: 'shop' };
  const job = new Job(newRecord('id-1', request, 'w', Date.UTC(2026, 0, 31)), IDLE_OWNER);
  job.transition('launch', {});
  job.transition('launched', { launchedAt: Date.UTC(2026, 0, 31, 0, 0, 1), pid: 77 });
  const error = { sqlstate: '23505', message: 'duplicate key', detail: 'Key (name)=(secret)', context: 'secret' };
  job.transition('fail', { finishedAt: Date.UTC(2026, 0, 31, 0, 0, 3), error });
  return job;
}

const node = (script: string): readonly string[] => [process.execPath, '-e', script];

describe('the command that runs when a job has ended', () => {
  before(() => {
    workspace['name'] = 'reports';
  });
  after(() => {
    delete workspace['name'];
    delete window['showWarningMessage'];
  });

  it('receives the job as JSON, without its SQL and the details of its error', async () => {
    assert.deepEqual(endedJob(failedJob()), {
      version: 1,
      event: 'jobEnded',
      job: {
        id: 'id-1',
        label: 'nightly',
        connection: 'shop',
        state: 'failed',
        durable: false,
        queuedAt: '2026-01-31T00:00:00.000Z',
        launchedAt: '2026-01-31T00:00:01.000Z',
        finishedAt: '2026-01-31T00:00:03.000Z',
        durationMs: 2000,
        error: { sqlstate: '23505', message: 'duplicate key' },
      },
      workspace: 'reports',
    });
    assert.doesNotMatch(JSON.stringify(endedJob(failedJob())), /secret/);
    const file = join(await mkdtemp(join(tmpdir(), 'pgbg-hook-')), 'input');
    const script = 'process.stdin.pipe(require("fs").createWriteStream(process.argv[1]))';
    assert.equal(await runCommand([...node(script), file], '{"a":"$HOME; é"}\n'), undefined);
    assert.equal(await readFile(file, 'utf8'), '{"a":"$HOME; é"}\n');
  });

  it('is reported if it fails, does not exist, or does not end, with a part of its output', async () => {
    const failed = await runCommand(node('console.error("no display " + "x".repeat(1e6)); process.exitCode = 3'), '');
    assert.match(failed?.text ?? '', /ended with exit code 3\.$/);
    assert.match(failed?.output ?? '', /^no display x+$/);
    assert.equal(failed?.output.length, 4000);
    const missing = await runCommand(['/nosuch/program'], '');
    assert.match(missing?.text ?? '', /^“\/nosuch\/program” could not be started \(.*ENOENT\)\.$/);
    assert.match((await runCommand([], ''))?.text ?? '', /could not be started/);
    const endless = await runCommand(node('setInterval(() => {}, 1000)'), '', 1);
    assert.match(endless?.text ?? '', /did not end within 0\.001 s and was stopped\.$/);
    // A command need not read its input.
    assert.equal(await runCommand(node(''), 'x'.repeat(1e6)), undefined);
  });

  it('is reported to the user once, and each time in the log', async () => {
    const warnings: string[] = [];
    window['showWarningMessage'] = (text: string, ...items: unknown[]) => {
      warnings.push(text);
      return Promise.resolve(items.at(-1));
    };
    const shown: unknown[] = [];
    commands['executeCommand'] = (id: unknown) => {
      shown.push(id);
    };
    const logged: string[] = [];
    let all = (): void => undefined;
    const twice = new Promise<void>((resolve) => (all = resolve));
    const nothing = (): void => undefined;
    const warn = (text: string): void => {
      if (logged.push(text) === 3) all();
    };
    const hook = new EndHook({ debug: nothing, info: nothing, error: nothing, warn });
    for (let count = 0; count < 2; count++) hook.run(['/nosuch/program'], failedJob());
    hook.run('notify-send', failedJob());
    await twice;
    await new Promise(setImmediate);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /^The command of the setting pgBackground\.onJobEnd failed: /);
    assert.match(logged.join('\n'), /failed for “nightly”: It must be a list of texts\./);
    assert.deepEqual(shown, ['pgBackground.showLog']);
  });
});
