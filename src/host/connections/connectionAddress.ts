import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';

type Address = Pick<ConnectionProfile, 'host' | 'hostaddr' | 'port' | 'service' | 'database'>;

/** The server and database of a connection in short: `host/database`, or the service if no host is set. */
export function addressText({ host, hostaddr, service, database }: Address): string {
  if (host === undefined && hostaddr === undefined && service !== undefined) return service;
  return `${host ?? hostaddr ?? 'localhost'}/${database ?? ''}`;
}

/** `host:port`. */
export function hostPortText({ host, hostaddr, port }: Address): string {
  return `${host ?? hostaddr ?? 'localhost'}:${port ?? 5432}`;
}
