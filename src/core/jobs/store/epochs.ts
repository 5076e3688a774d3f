/**
 * Record files and who owns them.
 *
 * A job's record is `<id>.json` in epoch 0 and `<id>.<n>.json` in epoch n. Each epoch has one owner, a window; the highest epoch counts.
 * A window adopts a job by creating the file of the next epoch, which exactly one window can. A window that was suspended meanwhile can
 * only write the file of its own, lower epoch, which no window reads any more: that fences its writes.
 *
 * When an adopted job is removed, `<id>.removed` stays: a former owner that was suspended in the middle of a write finds it when it continues,
 * and does not take the file that it has just created for one that counts.
 */
import { link, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, PRIVATE, syncFolder, temporaryName } from '../../base/files';

/** Errors of file systems without links, e.g. exFAT. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** The file of a job's record in an epoch. */
export function recordFileName(id: string, epoch: number): string {
  return epoch === 0 ? `${id}.json` : `${id}.${epoch}.json`;
}

/** Where a damaged record was moved to. */
export function setAsideName(id: string, epoch: number): string {
  return `${recordFileName(id, epoch)}.corrupt`;
}

/** The file that shows former owners of a job that it was removed. */
export function removedFileName(id: string): string {
  return `${id}.removed`;
}

/** The job and epoch of a record file; undefined if the name is not that of a record. */
export function parseRecordFileName(name: string): { readonly id: string; readonly epoch: number } | undefined {
  const [, id, epoch] = /^([^.]+)(?:\.([1-9]\d{0,8}))?\.json$/.exec(name) ?? [];
  return id === undefined ? undefined : { id, epoch: epoch === undefined ? 0 : Number(epoch) };
}

/** The highest epoch of each job among the names of files. */
export function highestEpochs(names: Iterable<string>): Map<string, number> {
  const highest = new Map<string, number>();
  for (const name of names) {
    const parsed = parseRecordFileName(name);
    if (parsed && parsed.epoch >= (highest.get(parsed.id) ?? 0)) highest.set(parsed.id, parsed.epoch);
  }
  return highest;
}

/** Whether another window has adopted the job, so that this epoch no longer counts. */
export async function isSuperseded(folder: string, id: string, epoch: number): Promise<boolean> {
  return stat(join(folder, recordFileName(id, epoch + 1))).then(
    () => true,
    (error: unknown) => {
      if (errorCode(error) === 'ENOENT') return false;
      throw error;
    },
  );
}

/**
 * Creates the record of an epoch, whole and on disk, unless another window has.
 *
 * @returns false if the epoch belongs to another window
 */
export async function claimEpoch(folder: string, id: string, epoch: number, record: string): Promise<boolean> {
  const file = join(folder, recordFileName(id, epoch));
  const temporary = temporaryName(file);
  try {
    await createWhole(temporary, record);
    // Fails if the name exists, and shows no reader a part of the record.
    await link(temporary, file).catch((error: unknown) => {
      if (!NO_LINKS.has(errorCode(error))) throw error;
      return createWhole(file, record);
    });
    await syncFolder(folder);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** @throws EEXIST if the file exists */
async function createWhole(file: string, content: string): Promise<void> {
  const handle = await open(file, 'wx', PRIVATE);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
