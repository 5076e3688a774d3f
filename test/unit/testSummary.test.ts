import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

interface TestRun {
  readonly name: string;
  readonly passes: number;
  readonly failures: number;
  readonly pending: number;
  readonly failed: readonly { readonly title: string; readonly message: string }[];
}

const script = (name: string): string => join(process.cwd(), 'scripts/lib', name);

async function summarize(runs: readonly TestRun[], failed: boolean): Promise<string[]> {
  const { summarizeTests } = (await import(pathToFileURL(script('testSummary.mjs')).href)) as {
    summarizeTests: (runs: readonly TestRun[], failed: boolean) => string;
  };
  return summarizeTests(runs, failed).split('\n');
}

const clean: TestRun = { name: 'unit', passes: 3, failures: 0, pending: 0, failed: [] };

describe('the summary of npm test', () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), 'pgbg-summary-'))));
  after(() => rm(folder, { recursive: true, force: true }));

  /** Returns the output of the reporter for a run of these tests. */
  async function report(tests: string): Promise<TestRun> {
    const file = join(folder, 'some.test.cjs');
    const counts = join(folder, 'counts');
    await writeFile(file, tests);
    await writeFile(counts, '');
    const args = [
      join(process.cwd(), 'node_modules/mocha/bin/mocha.js'),
      '--no-config',
      '--reporter',
      script('countingReporter.cjs'),
      file,
    ];
    const env = { ...process.env, PGBG_TEST_COUNTS: counts, PGBG_TEST_RUN: 'server' };
    await new Promise<void>((resolve) => execFile(process.execPath, args, { env }, () => resolve()));
    return JSON.parse(await readFile(counts, 'utf8')) as TestRun;
  }

  it('repeats each failure with its level, title, and reason, before the count', async () => {
    const run = await report(
      "describe('a worker', () => { it('is seen', () => {}); it('ends', () => { throw new Error('It runs on.\\nStill.'); }); it.skip('later'); });",
    );
    const lines = await summarize([clean, run], true);
    assert.deepEqual(lines.slice(0, 3), ['FAILED (server): a worker › ends', '  Error: It runs on.', '  Still.']);
    assert.match(lines[3] ?? '', /some\.test\.cjs:1/);
    assert.deepEqual(lines.slice(-3), [
      '1 skipped, because this machine cannot run them. They are listed above.',
      '4 passed, 1 failed',
      '',
    ]);
  });

  it('counts a failed hook as a failure', async () => {
    const run = await report("before('everything', () => { throw new Error('No server.'); }); it('runs', () => {});");
    assert.match((await summarize([run], true))[0] ?? '', /^FAILED \(server\): .*"before all" hook: everything/);
    assert.equal((await summarize([run], true)).at(-2), '0 passed, 1 failed');
  });

  it('shows one failure if a level broke before it could count', async () => {
    assert.deepEqual(await summarize([clean], true), ['3 passed, 1 failed', '']);
    assert.deepEqual(await summarize([clean], false), ['3 passed, 0 failed', '']);
  });
});
