import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';

/** Whether a file is in a folder or below it, after resolving symbolic links. */
export function isInside(file: string, folder: string): boolean {
  const path = relative(resolveLinks(folder), resolveLinks(resolve(file)));
  return path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}

/** Resolves the symbolic links of a path. If the file does not exist, resolves those of the folders that do. */
function resolveLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(resolveLinks(parent), basename(path));
  }
}
