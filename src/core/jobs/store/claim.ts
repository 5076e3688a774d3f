/** Adopts jobs. Loaded only then, because few windows do. See epochs.ts. */
import { link, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, PRIVATE, syncFolder, temporaryName } from '../../base/files';
import type { JobRecord } from '../job';
import { recordFileName } from './epochs';
import type { RecordReader } from './recordReader';

/** Errors of file systems without links, e.g. exFAT. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/**
 * Claims an epoch of a job, and reads what its former owner wrote until then.
 *
 * @returns that record with the window as its owner; undefined if another window has claimed the epoch
 */
export async function adoptRecord(
  folder: string,
  reader: Pick<RecordReader, 'one'>,
  windowId: string,
  epoch: number,
  record: JobRecord,
): Promise<JobRecord | undefined> {
  const { id } = record;
  const claim: JobRecord = { ...record, owner: windowId, adopting: true };
  if (!(await claimEpoch(folder, id, epoch, JSON.stringify(claim)))) return undefined;
  let older = record;
  for (let at = epoch - 1; at >= 0; at--) {
    const found = reader.one(id, at);
    if (!found) {
      // Removed by its owner, or unreadable: nothing is known about the job.
      await rm(join(folder, recordFileName(id, epoch)), { force: true });
      return undefined;
    }
    older = found;
    // A window that died between its claim and its decision: the record before counts.
    if (found.adopting !== true) break;
  }
  const adopted = { ...older, owner: windowId };
  delete adopted.adopting;
  return adopted;
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
