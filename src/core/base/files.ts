/** Durable files: replaced as a whole, and on disk before anything relies on them. */
import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** The mode of all files that we create: only the user may read or write them. */
export const PRIVATE = 0o600;

/** The code of an error of Node.js, e.g. ENOENT. Also works for errors from other vm contexts. */
export function errorCode(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Renames a file over another. Retries on Windows, which refuses while another process reads the target. */
export async function moveInto(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      const busy = ['EPERM', 'EACCES', 'EBUSY'].includes(errorCode(error) ?? '');
      if (!busy || process.platform !== 'win32' || attempt === 10) throw error;
      await setTimeout(20 * attempt);
    }
  }
}

/** A name for a temporary file in the folder of a file. */
export function temporaryName(file: string): string {
  return `${file}.${randomBytes(4).toString('hex')}.tmp`;
}

/** Whether a file with this name is a temporary one, which a crash may have left. */
export function isTemporary(name: string): boolean {
  return name.endsWith('.tmp');
}

/**
 * Replaces a file atomically: a reader sees the old or the new content, even after a crash of this process or of the machine.
 * Resolves when the new content is on disk.
 *
 * @param sync false if the content can be regenerated: a crash of the machine may then leave an empty file
 * @throws the error of the file system; the old content is then unchanged
 */
export async function replaceFile(
  file: string,
  content: string | Uint8Array | readonly Buffer[],
  sync = true,
): Promise<void> {
  const temporary = temporaryName(file);
  try {
    // 'x': never writes into an existing file or through a link.
    const handle = await open(temporary, 'wx', PRIVATE);
    try {
      // Each write continues at the end of the previous one.
      for (const part of typeof content === 'string' || content instanceof Uint8Array ? [content] : content) {
        await handle.writeFile(part);
      }
      // Before the rename, because some file systems write a new name before the content.
      if (sync) await handle.datasync();
    } finally {
      await handle.close();
    }
    await moveInto(temporary, file);
    if (sync) await syncFolder(dirname(file));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Flushes the names in a folder to disk. Windows does so itself, and some network file systems do not support it. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    // The content is on disk in any case.
  } finally {
    await handle?.close();
  }
}

/**
 * Appends to a file, all or nothing. Resolves when the addition is on disk.
 *
 * @returns the offset in the file at which the addition begins
 * @throws the error of the file system, e.g. ENOSPC; the file is then unchanged
 */
export async function appendWhole(file: string, parts: readonly Buffer[]): Promise<number> {
  const handle = await open(file, 'a', PRIVATE);
  try {
    const { size } = await handle.stat();
    try {
      for (const part of parts) await handle.appendFile(part);
      await handle.datasync();
    } catch (error) {
      await handle.truncate(size).catch(() => undefined);
      throw error;
    }
    return size;
  } finally {
    await handle.close();
  }
}

/** Whether a file exists. @throws if that cannot be determined */
export async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    (error: unknown) => {
      if (errorCode(error) === 'ENOENT') return false;
      throw error;
    },
  );
}

/** Removes a file. @returns false if it does not exist or cannot be removed */
export async function removed(file: string): Promise<boolean> {
  return unlink(file).then(
    () => true,
    () => false,
  );
}
