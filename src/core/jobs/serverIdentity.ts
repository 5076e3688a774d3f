/**
 * Which server something happened on. The same address, the same pid and even the same system identifier can belong to
 * two servers (a host list, a proxy, a primary and its standbys), so all of this is compared before anything is
 * concluded about a worker.
 */
export interface ServerIdentity {
  /** `pg_postmaster_start_time()` in microseconds: no two servers have the same one. */
  readonly start: string;
  /** `pg_control_system().system_identifier`; a primary and its standbys share it. Absent if the role may not ask for it. */
  readonly system?: string;
  /** The timeline that a primary writes, as in the names of its WAL files; a promoted standby begins a new one. Absent on a standby. */
  readonly timeline?: string;
  /** `inet_server_addr()` and `inet_server_port()`; absent for a Unix socket. */
  readonly address?: string;
  /** `data_directory`; absent if the role may not see it. */
  readonly dataDirectory?: string;
  /** The host and address that the connection was opened to, so that the next one goes there first. Not compared. */
  readonly reached?: ReachedPlace;
}

/** Where a connection was opened to: one entry of the list of hosts, and the address that its name had. */
export interface ReachedPlace {
  readonly host: string;
  readonly port: number;
  /** Absent for a Unix socket. */
  readonly address?: string;
}

/** - `same`: the server itself · `restarted`: the same server after a restart · `other`: another server, so nothing is known */
export type ServerRelation = 'same' | 'restarted' | 'other';

/**
 * What the server of now is to the one of before.
 * @param workerStart when the worker in question began: a server that was started before that, and is not the same one, ran next to
 *   the worker's server
 */
export function compareServers(before: ServerIdentity, now: ServerIdentity, workerStart?: string): ServerRelation {
  if (differ(before.system, now.system)) return 'other';
  if (before.start === now.start) return 'same';
  if (isEarlier(now.start, before.start) || (workerStart !== undefined && isEarlier(now.start, workerStart)))
    return 'other';
  // Only one primary writes a timeline. An address may pass to another server (a virtual one), and may change at a restart (a container).
  if (before.timeline !== undefined) {
    if (now.timeline !== undefined) return before.timeline === now.timeline ? 'restarted' : 'other';
    if (before.system !== undefined && now.system !== undefined) return 'other';
  }
  if (differ(before.dataDirectory, now.dataDirectory) || differ(before.address, now.address)) return 'other';
  return 'restarted';
}

/** Times of one format, in UTC, can be compared as texts; any other text says nothing. */
function isEarlier(one: string, other: string): boolean {
  return /^\d{4}-/.test(one) && /^\d{4}-/.test(other) && one < other;
}

function differ(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}

/** What a record keeps of the server that its worker runs on; records of older versions have only its start. */
export interface OnServer {
  readonly server?: ServerIdentity;
  readonly serverStart?: string;
}

/** The server of a record; undefined if nothing was recorded. */
export function serverOf({ server, serverStart }: OnServer): ServerIdentity | undefined {
  // A record may have been damaged, or written by another version.
  if (typeof server?.start === 'string') return server;
  return serverStart === undefined ? undefined : { start: serverStart };
}

/** True unless the worker's server is known to be another one, or this one before a restart. */
export function mayBeOn(record: OnServer, now: ServerIdentity): boolean {
  const known = serverOf(record);
  return known === undefined || compareServers(known, now) === 'same';
}

/** The server that a snapshot is of. */
export function serverOfSnapshot({ server, serverStart }: SeenServer): ServerIdentity {
  return server ?? { start: serverStart };
}

interface SeenServer {
  readonly server?: ServerIdentity;
  readonly serverStart: string;
}

/** The worker of a record in a snapshot; undefined if it is not there, or the snapshot is of another server. */
export function findWorker<W extends { readonly pid: number; readonly backendStart: string }>(
  record: KnownWorker,
  snapshot: (SeenServer & { readonly workers: readonly W[] }) | undefined,
): W | undefined {
  if (record.pid === undefined || !snapshot) return undefined;
  const now = serverOfSnapshot(snapshot);
  return snapshot.workers.find((worker) => isWorkerOf(record, worker, now));
}

interface KnownWorker extends OnServer {
  readonly pid?: number;
  readonly backendStart?: string;
}

/** True if a worker that a server shows is the one of a record: pids are compared only within one server. */
export function isWorkerOf(
  record: KnownWorker,
  worker: { readonly pid: number; readonly backendStart: string },
  now: ServerIdentity,
): boolean {
  if (record.pid !== worker.pid || !mayBeOn(record, now)) return false;
  return record.backendStart === undefined || record.backendStart === worker.backendStart;
}

/** Words for a server in a message. */
export function nameServer({ address, reached, start }: ServerIdentity): string {
  const place = reached ? `${reached.host}:${reached.port}` : address;
  return place === undefined ? `the server that was started ${start}` : `the server at ${place}, started ${start}`;
}
