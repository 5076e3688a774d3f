import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { median, type Figure } from './support';

const ROUNDS = 5;

/** Milliseconds. */
interface Round {
  readonly loading: number;
  readonly activating: number;
  readonly all: number;
}

/** Time to load and activate the extension in a real extension host, each round in a new window. */
export async function bench(): Promise<Figure[]> {
  const repository = process.cwd();
  const folder = await mkdtemp(join(tmpdir(), 'pgbg-activation-'));
  const out = join(folder, 'times');
  try {
    const extension = await lazyCopy(repository, folder);
    for (let round = 0; round < ROUNDS; round++) {
      const args = [
        join(repository, 'scripts/vscode-launcher.mjs'),
        `--extensionDevelopmentPath=${extension}`,
        `--extensionTestsPath=${join(repository, 'dist/test/bench/activation.entry.js')}`,
        folder,
      ];
      await promisify(execFile)(process.execPath, args, { env: { ...process.env, PGBG_BENCH_OUT: out } });
    }
    const rounds = (await readFile(out, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Round);
    const of = (part: (round: Round) => number): number => median(rounds.map(part));
    const value = of(({ loading, activating }) => loading + activating);
    return [
      { name: 'activation: loading', value: of(({ loading }) => loading), unit: 'ms' },
      { name: 'activation: activate()', value: of(({ activating }) => activating), unit: 'ms' },
      {
        name: 'activation',
        value,
        unit: 'ms',
        reference: of(({ all }) => all),
        referenceName: 'including VS Code’s part',
        budget: '50 ms',
        ok: value <= 50,
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Copies the extension as it is packaged, without activation events, so that VS Code does not activate it before it is measured. */
async function lazyCopy(repository: string, folder: string): Promise<string> {
  const copy = join(folder, 'extension');
  const manifest = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')) as {
    activationEvents: string[];
  };
  manifest.activationEvents = [];
  for (const part of ['dist', 'dist/chunks']) {
    await mkdir(join(copy, part), { recursive: true });
    for (const name of await readdir(join(repository, part))) {
      if (!name.endsWith('.js')) continue;
      const code = await readFile(join(repository, part, name), 'utf8');
      await writeFile(join(copy, part, name), (await transform(code, { minify: true, sourcemap: false })).code);
    }
  }
  await writeFile(join(copy, 'package.json'), JSON.stringify(manifest));
  for (const name of ['package.nls.json', 'media', 'snippets']) {
    await cp(join(repository, name), join(copy, name), { recursive: true });
  }
  return copy;
}
