import { SEEN_MS, untilSeen, type CancelResult } from './cancelJob';
import type { ActiveWorker, ServerLink } from '../ports';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { compareServers, serverOfSnapshot, type ServerIdentity } from '../serverIdentity';

export interface ForeignWorker {
  readonly link: ServerLink;
  readonly worker: ActiveWorker;
  readonly graceMs: number;
}

/**
 * Cancels a worker that another session launched: once it was seen running, SIGTERM to exactly that process, then the same grace
 * window.
 *
 * @returns how it went, whether a process was signaled at all, and the worker as the server showed it last
 * @throws OtherServerError if the connection leads to another server than the one that showed the worker
 * @throws where the server refuses (the role may not signal it) or cannot be reached
 */
export async function cancelForeign(
  { link, worker, graceMs }: ForeignWorker,
  clock: Clock,
): Promise<{ result: CancelResult; sent: boolean; last: ActiveWorker | undefined }> {
  let last: ActiveWorker | undefined = worker;
  const server = link.snapshot && serverOfSnapshot(link.snapshot);
  const find = (): ActiveWorker | undefined =>
    link.snapshot?.workers.find((one) => one.pid === worker.pid && one.backendStart === worker.backendStart);
  await untilSeen(() => (find() ?? worker).state === 'active', SEEN_MS, { link, clock });
  const sent = await link.terminate(worker.pid, worker.backendStart, server);
  if (!sent) return { result: 'stopped', sent, last: undefined };
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
  return { result, sent, last };
}

/** A snapshot of another server says nothing about this worker. */
function isOther(server: ServerIdentity | undefined, now: ServerIdentity): boolean {
  return server !== undefined && compareServers(server, now) === 'other';
}
