import { join } from 'node:path';
import { build } from 'esbuild';
import { repository } from './support';

/** Makes a program of one of the entries of this folder, for a process of its own. Returns its file. */
export async function bundled(entry: string, folder: string): Promise<string> {
  const file = join(folder, entry.replace('.entry.ts', '.cjs'));
  await build({
    entryPoints: [join(repository, 'test/server', entry)],
    outfile: file,
    bundle: true,
    platform: 'node',
    packages: 'external',
    logLevel: 'silent',
  });
  return file;
}
