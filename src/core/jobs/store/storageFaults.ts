/** What is done about damaged records, full disks, and files that crashes left. Loaded only then, because that is rare. */
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '../../base/clock';
import { messageOf } from '../../base/errors';
import { isTemporary, PRIVATE } from '../../base/files';
import type { Logger } from '../../base/logger';
import type { JobFault } from '../faults';
import type { Job } from '../job';

/** A temporary file this old may have been left by a crash. Milliseconds. */
const STALE_MS = 60_000;
/** A mark of a removed job is kept this long: its former owner may be suspended. Milliseconds. */
const REMOVED_MS = 30 * 86_400_000;
/** A damaged record of an epoch may be one that another window is writing, if it is younger than this. Milliseconds. */
const BEING_WRITTEN_MS = 10_000;
/** The clock of a file system is coarse. Milliseconds. */
const COARSE_MS = 1000;

/** Ids of the jobs with a record among these files, also one that was set aside. */
export function idsOf(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.flatMap((name) => /^([^.]+)\.(?:\d+\.)?json(?:\.corrupt)?$/.exec(name)?.[1] ?? []));
}

/**
 * Removes files that a crash left behind. Must not be called while another window is open, because the times of files do not show whether
 * they are still needed: clocks are set, and a window may be suspended.
 *
 * @param since no file of this window is older. Milliseconds since 1970
 */
export async function sweep(folder: string, names: readonly string[], clock: Clock, since: number): Promise<void> {
  const known = idsOf(names);
  const removed = new Set(names.flatMap((name) => /^(.+)\.removed$/.exec(name)?.[1] ?? []));
  for (const name of names.filter((candidate) => isTemporary(candidate) || isLeftOver(candidate, known, removed))) {
    const file = join(folder, name);
    const mtimeMs = (await timeOf(file)) ?? Infinity;
    const limit = name.endsWith('.removed') ? REMOVED_MS : STALE_MS;
    const isOld = mtimeMs < since - COARSE_MS && clock.now() - mtimeMs > limit;
    if (isOld) await rm(file, { force: true }).catch(() => undefined);
  }
}

/**
 * Renames a damaged record. Its owner, if there is one, writes it again.
 *
 * @param files the records of all epochs, the damaged one last: without it the older ones would count, and show a job that may be launched
 * @returns false if another window may be writing it
 */
export async function setAside(
  files: readonly string[],
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<boolean> {
  const damaged = files.at(-1) ?? '';
  const mtimeMs = (await timeOf(damaged)) ?? Infinity;
  if (files.length > 1 && clock.now() - mtimeMs < BEING_WRITTEN_MS) return false;
  for (const file of files) {
    await rename(file, `${file}.corrupt`).then(
      () => log.error(`The record ${basename(file)} was set aside.`),
      (error: unknown) => file === damaged && log.error(`The record ${file} cannot be set aside: ${messageOf(error)}`),
    );
  }
  return true;
}

/** Sends a command in the name of an empty file, which a full disk still takes. @returns the file */
export async function sendInName(start: string, command: string, graceMs: number | undefined): Promise<string> {
  const file = `${start}-${command}-${graceMs ?? ''}.command`;
  await writeFile(file, '', { flag: 'wx', mode: PRIVATE });
  return file;
}

/** The command in the name of an empty file. @throws if there is none */
export function commandInName(file: string): { readonly command: string; readonly graceMs?: number } {
  const [, command, graceMs = ''] = /-(cancel|detach|runNext|resume)-(\d*)\.command$/.exec(file) ?? [];
  if (command === undefined) throw new Error('damaged');
  return { command, ...(graceMs !== '' && { graceMs: Number(graceMs) }) };
}

/**
 * Keeps the jobs whose owners are gone and whose records are damaged as this window last knew them. Those that had not ended are lost: their
 * owners may have recorded more.
 */
export async function keepKnown(
  jobs: readonly Job[],
  gone: ReadonlySet<string>,
  history: { readonly windowId: string; wasSetAside(id: string): boolean },
  now: number,
): Promise<void> {
  const kept = jobs.filter((job) => job.mirrored && gone.has(job.record.owner) && history.wasSetAside(job.id));
  for (const job of kept) {
    job.own({ ...job.record, owner: history.windowId });
    const reason: JobFault = { code: 'jobs.recordDamaged' };
    if (job.final) job.save();
    else job.transition('lose', { finishedAt: now, reason });
  }
  await Promise.all(kept.map((job) => job.saved));
}

/** Whether a file beside the records belongs to no job: its window was killed, or another one cleared the job at the same time. */
function isLeftOver(name: string, known: ReadonlySet<string>, removed: ReadonlySet<string>): boolean {
  const [, id, suffix = ''] = /^([^.]+)\.(.+)$/.exec(name) ?? [];
  if (id === undefined) return false;
  if (removed.has(id)) return true;
  return /^(?:live|hello|pinned|.*\.command)$/.test(suffix) && !known.has(id);
}

/** When the file was written; undefined if it does not exist. Milliseconds since 1970. */
async function timeOf(file: string): Promise<number | undefined> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}
