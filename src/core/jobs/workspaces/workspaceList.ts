/**
 * The workspaces of the user that have jobs. Each has a file `<key>.json` beside its folder, which names the folder of its jobs and how the
 * workspace is shown. It holds neither SQL nor secrets.
 */
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { replaceFile } from '../../base/files';

export interface Workspace {
  /** Identifies the workspace. */
  readonly key: string;
  /** How it is shown: the name of its folder. */
  readonly name: string;
  /** The folder that has its folders `jobs` and `rows`. */
  readonly folder: string;
}

/** Longer names are not from this extension. UTF-16 units. */
const MAX_NAME = 1000;

/** Lists the workspace for other windows of the user. @param at milliseconds since 1970 */
export async function listWorkspace({ key, name, folder }: Workspace, at: number): Promise<void> {
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const content = { version: 1, folder: join(folder, 'jobs'), name: name.slice(0, MAX_NAME), at };
  await replaceFile(join(parent, `${key}.json`), JSON.stringify(content), false);
}

/** The workspaces below a folder whose jobs still exist, by name. Never rejects. */
export async function workspacesIn(parent: string): Promise<readonly Workspace[]> {
  const names = await readdir(parent).catch(() => []);
  const found = await Promise.all(
    names.map(async (file) => {
      const key = /^([0-9a-f]+)\.json$/.exec(file)?.[1];
      return key === undefined ? undefined : workspaceOf(parent, key);
    }),
  );
  return found.filter((workspace) => workspace !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function workspaceOf(parent: string, key: string): Promise<Workspace | undefined> {
  try {
    const content = JSON.parse(await readFile(join(parent, `${key}.json`), 'utf8')) as Record<string, unknown>;
    const { folder, name } = content;
    if (typeof folder !== 'string' || typeof name !== 'string' || !(await stat(folder)).isDirectory()) return undefined;
    return { key, name: name.slice(0, MAX_NAME), folder: dirname(folder) };
  } catch {
    // Removed, being written, or not ours.
    return undefined;
  }
}
