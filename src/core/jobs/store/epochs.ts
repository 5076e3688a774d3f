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
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../base/files';

/** The file of a job's record in an epoch. */
export function recordFileName(id: string, epoch: number): string {
  return epoch === 0 ? `${id}.json` : `${id}.${epoch}.json`;
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
