import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';

type Address = Pick<ConnectionProfile, 'host' | 'hostaddr' | 'port' | 'service' | 'database' | 'user'>;

/** The server and database of a connection in short: `host/database`, or the service if no host is set. */
export function addressText(profile: Address): string {
  return serviceOf(profile) ?? `${hostOf(profile)}/${profile.database ?? ''}`;
}

/** The service that names the server, if no host is set. */
export function serviceOf({ host, hostaddr, service }: Address): string | undefined {
  return host === undefined && hostaddr === undefined ? service : undefined;
}

/** `user@host:port/database`, without the parts that are not set. */
export function fullAddressText(profile: Address): string {
  const { port, user, database } = profile;
  const login = user === undefined ? '' : `${user}@`;
  return `${login}${hostOf(profile)}${port === undefined ? '' : `:${port}`}/${database ?? ''}`;
}

/** `host:port`. */
export function hostPortText(profile: Address): string {
  return `${hostOf(profile)}:${profile.port ?? 5432}`;
}

function hostOf({ host, hostaddr }: Address): string {
  return host ?? hostaddr ?? 'localhost';
}
