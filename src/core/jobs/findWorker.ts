import { mayBeOn, serverOfSnapshot, type OnServer, type SeenServer, type ServerIdentity } from './serverIdentity';

/** What identifies a worker, as far as it is known. */
export interface KnownWorker extends OnServer {
  readonly pid?: number;
  readonly backendStart?: string;
}

interface ShownWorker {
  readonly pid: number;
  readonly backendStart: string;
}

/**
 * Finds a worker in a snapshot.
 *
 * @returns undefined if the worker is not in it, nothing is known that identifies the worker, or the snapshot is of another server
 */
export function findWorker<W extends ShownWorker>(
  snapshot: (SeenServer & { readonly workers: readonly W[] }) | undefined,
  known: KnownWorker,
): W | undefined {
  if (known.pid === undefined || !snapshot) return undefined;
  const server = serverOfSnapshot(snapshot);
  return snapshot.workers.find((worker) => isWorkerOf(known, worker, server));
}

/** Whether a worker that a server shows is the known one: pids are compared only within one server. */
export function isWorkerOf(known: KnownWorker, worker: ShownWorker, server: ServerIdentity): boolean {
  if (known.pid !== worker.pid || !mayBeOn(known, server)) return false;
  return known.backendStart === undefined || known.backendStart === worker.backendStart;
}
