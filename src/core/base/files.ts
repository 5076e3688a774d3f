/** Files that are relied on: replaced whole, and on the disk before anything is built on them. */
import { randomBytes } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** Mode of every file of ours: its owner's alone. */
export const PRIVATE = 0o600;

/** The code of an error of Node.js, e.g. ENOENT, also of one made in another context of the vm module. */
export function errorCode(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Puts a file in the place of another. Windows refuses while anybody reads the other, which is over in a moment. */
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

/** A name for a temporary file beside a file; see {@link isTemporaryOf}. */
export function temporaryName(file: string): string {
  return `${file}.${randomBytes(4).toString('hex')}.tmp`;
}

/**
 * Replaces a file whole: whoever reads it, also after a crash of ours or of the machine, sees the old content or the new one.
 * Resolves when the new one is on the disk.
 *
 * @param sync false where the content can be made anew: a crash of the machine may then leave none
 * @throws what the file system says; the old content is untouched then
 */
export async function replaceFile(
  file: string,
  content: string | Uint8Array | readonly Buffer[],
  sync = true,
): Promise<void> {
  const temporary = temporaryName(file);
  try {
    // 'x': never into a file or through a link that someone else has put there.
    const handle = await open(temporary, 'wx', PRIVATE);
    try {
      // Each continues where the one before ended.
      for (const part of typeof content === 'string' || content instanceof Uint8Array ? [content] : content) {
        await handle.writeFile(part);
      }
      // Before the rename: some file systems write a new name before the content.
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

/** Puts the names in a folder on the disk. Windows does so by itself, and some network file systems cannot be asked to. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    // The content is on the disk in any case.
  } finally {
    await handle?.close();
  }
}

/**
 * Adds to the end of a file, all or nothing. Resolves when it is on the disk.
 *
 * @returns where in the file the addition begins
 * @throws what the file system says, e.g. ENOSPC; the file is as it was then
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
