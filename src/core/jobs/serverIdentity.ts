/**
 * Identifies a server. Two servers can share an address, a pid, and even a system identifier (a host list, a proxy, a primary and its
 * standbys), so all of these are compared before anything is concluded about a worker.
 */
export interface ServerIdentity {
  /** `pg_postmaster_start_time()` in microseconds: no two servers have the same one. */
  readonly start: string;
  /** `pg_control_system().system_identifier`; a primary and its standbys share it. Absent if the role may not read it. */
  readonly system?: string;
  /** The timeline that a primary writes, as in the names of its WAL files; a promoted standby starts a new one. Absent on a standby. */
  readonly timeline?: string;
  /** `inet_server_addr()` and `inet_server_port()`; absent for a Unix socket. */
  readonly address?: string;
  /** `data_directory`; absent if the role may not read it. */
  readonly dataDirectory?: string;
  /** The host and address that the connection was opened to, so that the next connection tries them first. Not compared. */
  readonly reached?: ReachedPlace;
}

/** The address that a connection was opened to: one entry of the list of hosts, and the address that its name resolved to. */
export interface ReachedPlace {
  readonly host: string;
  readonly port: number;
  /** Absent for a Unix socket. */
  readonly address?: string;
}

/**
 * - `same`: the same server
 * - `restarted`: the same server after a restart
 * - `other`: another server, so nothing is known about the worker
 */
export type ServerRelation = 'same' | 'restarted' | 'other';

/**
 * Compares the server that answers now with an earlier one.
 *
 * @param workerStart when the worker in question began: a server that was started before that, and is not the same, ran at the same time
 *   as the worker's server
 */
export function compareServers(before: ServerIdentity, now: ServerIdentity, workerStart?: string): ServerRelation {
  if (differ(before.system, now.system)) return 'other';
  if (before.start === now.start) return 'same';
  if (isEarlier(now.start, before.start) || (workerStart !== undefined && isEarlier(now.start, workerStart)))
    return 'other';
  // Only one primary writes a timeline. A virtual address may move to another server, and a container's may change at a restart.
  if (before.timeline !== undefined) {
    if (now.timeline !== undefined) return before.timeline === now.timeline ? 'restarted' : 'other';
    if (before.system !== undefined && now.system !== undefined) return 'other';
  }
  if (differ(before.dataDirectory, now.dataDirectory) || differ(before.address, now.address)) return 'other';
  return 'restarted';
}

/** Times of one format, in UTC, can be compared as texts. Other texts are never earlier. */
function isEarlier(a: string, b: string): boolean {
  return /^\d{4}-/.test(a) && /^\d{4}-/.test(b) && a < b;
}

function differ(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

/** The server that a record's worker runs on; records of older versions have only its start. */
export interface OnServer {
  readonly server?: ServerIdentity;
  readonly serverStart?: string;
}

/** The server of a record; undefined if nothing was recorded. */
export function serverOf({ server, serverStart }: OnServer): ServerIdentity | undefined {
  // A record may be damaged, or written by another version.
  if (typeof server?.start === 'string') return server;
  return serverStart === undefined ? undefined : { start: serverStart };
}

/** True unless the worker's server is known to be another one, or this one before a restart. */
export function mayBeOn(record: OnServer, now: ServerIdentity): boolean {
  const known = serverOf(record);
  return known === undefined || compareServers(known, now) === 'same';
}

/** The server that answered with a snapshot. */
export function serverOfSnapshot({ server, serverStart }: SeenServer): ServerIdentity {
  return server ?? { start: serverStart };
}

export interface SeenServer {
  readonly server?: ServerIdentity;
  readonly serverStart: string;
}

/** `host:port` or the address of a server; undefined for a Unix socket. */
export function placeOfServer({ address, reached }: ServerIdentity): string | undefined {
  return reached ? `${reached.host}:${reached.port}` : address;
}

/** Describes a server, for the log. */
export function nameServer(server: ServerIdentity): string {
  const place = placeOfServer(server);
  return place === undefined ? `the server started ${server.start}` : `the server at ${place}, started ${server.start}`;
}
