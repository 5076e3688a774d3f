/** Removes finished durable jobs and their rows from the server. */
import type { Client } from 'pg';
import { FaultError } from '../../base/fault';
import { checkSetup } from './administration';
import { purgeJobs, readPurgeable, type Purgeable, type Purged } from './records';

/** Each dropped table needs locks until the transaction ends, and the server has a limited number of them. */
const MAX_AT_ONCE = 50;

/** The finished jobs that the role may see, oldest first. @throws FaultError if durable jobs cannot be used */
export async function listPurgeable(client: Client): Promise<readonly Purgeable[]> {
  const found = await checkSetup(client, '');
  if ('fault' in found) throw new FaultError(found.fault);
  return readPurgeable(client);
}

/** Purges jobs, some per transaction. @param onProgress gets the number of jobs so far */
export async function purgeInParts(
  client: Client,
  ids: readonly string[],
  onProgress: (done: number) => void = () => undefined,
): Promise<readonly Purged[]> {
  const purged: Purged[] = [];
  for (let start = 0; start < ids.length; start += MAX_AT_ONCE) {
    const part = ids.slice(start, start + MAX_AT_ONCE);
    purged.push(...(await purgeJobs(client, part)));
    onProgress(start + part.length);
  }
  return purged;
}

/**
 * Purges the role's own jobs whose outcome was seen long enough ago; never one that no one has seen.
 * @returns undefined if durable jobs are not set up, or cannot be used
 */
export async function purgeSeen(client: Client, days: number): Promise<readonly Purged[] | undefined> {
  if ('fault' in (await checkSetup(client, ''))) return undefined;
  const old = await readPurgeable(client, days);
  return purgeInParts(
    client,
    old.map(({ id }) => id),
  );
}
