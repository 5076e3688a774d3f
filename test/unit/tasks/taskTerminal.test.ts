import assert from 'node:assert/strict';
import { window, workspace } from '../../vscodeStandIn';
import { Job, newRecord } from '../../../src/core/jobs/job';
import type { CancelResult } from '../../../src/core/jobs/cancel/cancelJob';
import type { JobService } from '../../../src/core/jobs/jobService';
import type { TaskLaunch } from '../../../src/host/editor/taskLaunch';
import { TaskTerminal } from '../../../src/host/tasks/taskTerminal';
import { IDLE_OWNER } from '../jobs/idleOwner';

/** A terminal of a task with one job, and what it shows. */
class Shown {
  readonly terminal: TaskTerminal;
  readonly job: Job;
  #opened = false;
  readonly #listeners = new Set<(job: Job) => void>();
  /** Everything that was written, without styles. */
  text = '';
  code: number | undefined;
  /** The time since the terminal was opened. Milliseconds. */
  elapsed = 10_000;
  /** Calls that wait for a time. */
  readonly timers: { readonly ms: number; readonly call: () => void }[] = [];
  task: TaskLaunch | undefined;
  cancel = (): Promise<CancelResult> => Promise.resolve('stopped');
  /** Resolves when the user has answered all questions. */
  ready: Promise<void> = Promise.resolve();
  /** Resolves when the job is listed. */
  launched: Promise<void> = Promise.resolve();

  constructor(label = 'nightly') {
    const owner = {
      ...IDLE_OWNER,
      storeNotice: () => ({ kept: true }),
      changed: (job: Job) => {
        for (const listener of this.#listeners) listener(job);
      },
    };
    this.job = new Job(
      newRecord('8f14e45f-ceea-467f-9e2c-a1b2c3d4e5f6', { sql: '', label, connection: 'shop' }, 'w', 1),
      owner,
    );
    const jobs = {
      get: () => this.job,
      onDidChange: (listener: (job: Job) => void) => {
        this.#listeners.add(listener);
        return { dispose: () => this.#listeners.delete(listener) };
      },
      queuePosition: () => 1,
      activity: () => undefined,
      cancel: () => this.cancel(),
    } as unknown as JobService;
    this.terminal = new TaskTerminal(
      {
        jobs,
        canceling: undefined as never,
        clock: {
          now: () => 0,
          monotonic: () => (this.#opened ? this.elapsed : 0),
          after: (ms, call) => {
            this.timers.push({ ms, call });
            return { dispose: () => undefined };
          },
        },
        log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
        launch: async (task) => {
          this.task = task;
          await this.ready;
          if (!task.isWanted()) return [];
          await this.launched;
          return [this.job.id];
        },
        placeOf: () => Promise.resolve('sql/nightly.sql:3:8'),
        linked: () => {},
      },
      label,
      () => Promise.resolve({ uri: undefined as never, options: {}, variables: new Map<string, string>() }),
    );
    this.terminal.onDidWrite((data) => (this.text += data.replaceAll(/\x1b\[\d+m/g, '')));
    this.terminal.onDidClose((code) => (this.code = code));
    this.terminal.open({ rows: 20, columns: 60 });
    this.#opened = true;
  }

  run(): void {
    this.job.transition('launch', {});
    this.job.transition('launched', { launchedAt: 1000, pid: 77 });
  }

  /** The lines, without the states that were replaced. */
  get lines(): string[] {
    return this.text.split('\r\n').map((line) => line.split('\r\x1b[K').at(-1) ?? '');
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

describe('the terminal of a task', () => {
  before(() => {
    workspace['getConfiguration'] = () => ({ get: (_: string, fallback: unknown) => fallback });
  });
  after(() => {
    delete workspace['getConfiguration'];
    delete window['showWarningMessage'];
  });

  it('shows the launch, messages, progress, and the outcome, and ends with exit code 0', async () => {
    const shown = new Shown();
    await settle();
    assert.match(shown.text, /Queued|queued, next/);
    shown.run();
    void shown.job.addNotice({ at: 1, severity: 'WARNING', message: 'two\nlines', hint: 'Look.' });
    shown.job.update({ progress: { pct: 40, message: 'regions' } }, { durable: false });
    assert.equal(shown.lines.at(-1), 'Running · pid 77 · 40% · regions');
    shown.job.transition('succeed', { finishedAt: 2500, commandTag: 'SELECT', rowCount: 3, columns: [] });
    await settle();
    assert.equal(shown.code, 0);
    assert.deepEqual(shown.lines, [
      '“nightly” on “shop”. Ctrl+C cancels it.',
      'WARNING:  two',
      'lines',
      'HINT:  Look.',
      'Succeeded · 3 rows · 1.5 s',
      'Show Results (c3d4e5f6)',
      '',
    ]);
  });

  it('shows the place and the parts of an error, and ends with exit code 1', async () => {
    const shown = new Shown();
    await settle();
    shown.run();
    const error = { sqlstate: '42703', message: 'column "x" does not exist', hint: 'Perhaps y.' };
    shown.job.transition('fail', { finishedAt: 1250, error });
    await settle();
    assert.equal(shown.code, 1);
    assert.deepEqual(shown.lines.slice(1), [
      'sql/nightly.sql:3:8: ERROR:  column "x" does not exist',
      'HINT: Perhaps y.',
      'Failed · 250 ms',
      'Show Results (c3d4e5f6)',
      '',
    ]);
  });

  it('ends only when VS Code does not call the failure one of the terminal any more', async () => {
    const shown = new Shown();
    shown.elapsed = 100;
    await settle();
    shown.run();
    shown.job.transition('fail', { finishedAt: 1010, error: { sqlstate: '', message: 'no' } });
    await settle();
    assert.equal(shown.code, undefined);
    const [timer] = shown.timers;
    assert.equal(timer?.ms, 600);
    timer.call();
    assert.equal(shown.code, 1);
  });

  it('writes no escape sequences of labels, messages, progress, or errors', async () => {
    const attack = 'x\x1b]52;c;AAAA\x07\x9b2J\r';
    const shown = new Shown(attack);
    await settle();
    shown.run();
    void shown.job.addNotice({ at: 1, severity: attack, message: attack, detail: attack, hint: attack });
    shown.job.update({ progress: { pct: 1, message: attack } }, { durable: false });
    shown.job.transition('fail', { finishedAt: 2, error: { sqlstate: '', message: attack, detail: attack } });
    await settle();
    assert.equal(shown.code, 1);
    assert.doesNotMatch(shown.text.replaceAll('\r\x1b[K', '').replaceAll('\r\n', ''), /[\0-\x1f\x7f-\x9f]/);
  });

  it('shows the first 1,000 messages, and how many more there are', async () => {
    const shown = new Shown();
    await settle();
    shown.run();
    for (let at = 1; at <= 3000; at++) void shown.job.addNotice({ at, severity: 'NOTICE', message: `message ${at}` });
    shown.job.transition('succeed', { finishedAt: 2500, commandTag: 'DO' });
    await settle();
    const messages = shown.lines.filter((line) => line.startsWith('NOTICE:'));
    assert.deepEqual([messages.length, messages.at(-1)], [1000, 'NOTICE:  message 1000']);
    assert.equal(shown.lines.at(-3), '2000 more messages are in the results.');
  });

  it('says why a worker does not stop after Ctrl+C, and ends only when it has ended', async () => {
    const shown = new Shown();
    await settle();
    shown.run();
    shown.cancel = () => {
      shown.job.transition('cancel', {});
      shown.job.transition('graceOver', {});
      return Promise.resolve('unresponsive');
    };
    shown.terminal.handleInput('\x03');
    await settle();
    const [, canceling, warning = ''] = shown.lines;
    assert.equal(canceling, 'Canceling: the worker has 5 s to stop.');
    assert.match(
      warning,
      /^WARNING: {2}“nightly” \(pid 77\) is still running 5 s after SIGTERM\. .* never kills a worker/,
    );
    assert.equal(shown.code, undefined);
    shown.job.transition('cancelSettled', { finishedAt: 9000 });
    await settle();
    assert.equal(shown.code, 1);
    assert.equal(shown.lines.at(-3), 'Canceled · 8.0 s');
  });

  it('launches nothing after Ctrl+C while the user is asked, and cancels what is being launched', async () => {
    const early = new Shown();
    early.ready = new Promise(() => {});
    await settle();
    early.terminal.handleInput('\x03');
    assert.deepEqual([early.code, early.task?.isWanted()], [1, false]);
    assert.equal(early.lines[0], 'Canceled before it was launched.');

    const late = new Shown();
    let launch = (): void => undefined;
    late.launched = new Promise((resolve) => (launch = resolve));
    let canceled = false;
    late.cancel = () => {
      canceled = true;
      return Promise.resolve('stopped');
    };
    await settle();
    late.terminal.handleInput('\x03');
    assert.deepEqual([late.code, canceled], [undefined, false]);
    launch();
    await settle();
    assert.equal(canceled, true);
    late.terminal.close();
  });

  it('asks whether to cancel a job that was being launched when the terminal was closed', async () => {
    const asked: unknown[] = [];
    window['showWarningMessage'] = (text: string) => {
      asked.push(text);
      return Promise.resolve(undefined);
    };
    const shown = new Shown();
    let launch = (): void => undefined;
    shown.launched = new Promise((resolve) => (launch = resolve));
    await settle();
    shown.terminal.close();
    assert.deepEqual(asked, []);
    launch();
    await settle();
    assert.deepEqual(asked, ['The terminal of the task “nightly” is closed. Its job keeps running.']);
    assert.equal(shown.code, undefined);
  });
});
