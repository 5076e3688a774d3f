import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { LensTimes } from './lenses.entry';
import { median, type Figure } from './support';

/** CodeLens while a user types in a file of 10 MB, in a real VS Code: time from the request to the lenses, including other work of the editor. */
export async function bench(): Promise<Figure[]> {
  const repository = process.cwd();
  const folder = await mkdtemp(join(tmpdir(), 'pgbg-lenses-'));
  const out = join(folder, 'times.json');
  try {
    const args = [
      join(repository, 'scripts/vscode-launcher.mjs'),
      `--extensionDevelopmentPath=${repository}`,
      `--extensionTestsPath=${join(repository, 'dist/test/bench/lenses.entry.js')}`,
      folder,
    ];
    await promisify(execFile)(process.execPath, args, { env: { ...process.env, PGBG_BENCH_OUT: out } });
    const { first, typed, without, blocked } = JSON.parse(await readFile(out, 'utf8')) as LensTimes;
    return [
      { name: 'lenses of a 10 MB file, the first', value: first, unit: 'ms' },
      {
        name: 'lenses after a character typed in a 10 MB file',
        value: median(typed),
        unit: 'ms',
        reference: median(without),
        referenceName: 'without lenses',
      },
      { name: 'longest block of the extension host while typing there', value: blocked, unit: 'ms' },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
