import { join } from 'node:path';
import { build } from 'esbuild';
import { repository } from './support';

/** Bundles an entry of this folder into a program that runs in a separate process. Returns the path of the program. */
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
