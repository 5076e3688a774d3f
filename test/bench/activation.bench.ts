import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { median, type Figure } from './support';

const ROUNDS = 3;

/** Loading and activating in a real extension host, each round in a new window. */
export async function bench(): Promise<Figure[]> {
  const repository = process.cwd();
  const folder = await mkdtemp(join(tmpdir(), 'pgbg-activation-'));
  const out = join(folder, 'times');
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const args = [
        join(repository, 'scripts/vscode-launcher.mjs'),
        `--extensionDevelopmentPath=${repository}`,
        `--extensionTestsPath=${join(repository, 'dist/test/bench/activation.entry.js')}`,
        folder,
      ];
      await promisify(execFile)(process.execPath, args, { env: { ...process.env, PGBG_BENCH_OUT: out } });
    }
    const times = (await readFile(out, 'utf8')).trim().split('\n').map(Number);
    const value = median(times);
    return [{ name: 'activation, loading included', value, unit: 'ms', budget: '50 ms', ok: value <= 50 }];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
