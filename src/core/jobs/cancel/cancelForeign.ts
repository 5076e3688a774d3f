import { SEEN_MS, SETTLE_MS, waitUntilActive, type CancelResult } from './cancelJob';
import type { ActiveWorker, ServerLink } from '../ports';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { findWorker } from '../findWorker';
import { compareServers, serverOfSnapshot, type ServerIdentity } from '../serverIdentity';

export interface ForeignWorker {
  readonly link: ServerLink;
  readonly worker: ActiveWorker;
  readonly graceMs: number;
}

/**
 * Cancels a worker that another session launched: waits until it was seen running, sends SIGTERM to exactly that process, and waits for
 * the grace window.
 *
 * @returns the result, whether a process was signaled at all, the worker as the server last showed it, and from when on its samples explain
 *   why it is still running (monotonic milliseconds)
 * @throws OtherServerError if the connection leads to another server than the one that showed the worker
 * @throws if the server refuses (the role may not signal it) or cannot be reached
 */
export async function cancelForeign(
  { link, worker, graceMs }: ForeignWorker,
  clock: Clock,
): Promise<{ result: CancelResult; sent: boolean; last: ActiveWorker | undefined; settledAt: number }> {
  let last: ActiveWorker | undefined = worker;
  const server = link.snapshot && serverOfSnapshot(link.snapshot);
  const { pid, backendStart } = worker;
  const known = { pid, backendStart, ...(server && { server }) };
  const find = (): ActiveWorker | undefined => findWorker(link.snapshot, known);
  await waitUntilActive(() => (find() ?? worker).state === 'active', SEEN_MS, { link, clock });
  const sent = await link.terminate(pid, backendStart, server);
  const settledAt = clock.monotonic() + SETTLE_MS;
  if (!sent) return { result: 'stopped', sent, last: undefined, settledAt };
  const watches: Disposable[] = [link.watch('fast')];
  const result = await new Promise<CancelResult>((resolve) => {
    watches.push(
      clock.after(graceMs, () => resolve('unresponsive')),
      link.onSnapshot((snapshot) => {
        if (isOther(server, serverOfSnapshot(snapshot))) return;
        last = find();
        if (!last) resolve('stopped');
      }),
    );
  });
  for (const watch of watches) watch.dispose();
  return { result, sent, last, settledAt };
}

/** A snapshot of another server has no information about this worker. */
function isOther(server: ServerIdentity | undefined, now: ServerIdentity): boolean {
  return server !== undefined && compareServers(server, now) === 'other';
}
