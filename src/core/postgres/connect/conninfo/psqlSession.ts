/** How to start psql for a connection. */
import { formatUri } from './conninfo';
import { expandPath, type ConnectEnvironment } from './environment';
import type { ConnectionProfile } from './profile';
import type { ProfileField } from './keywords';

/** Fields with the path of a file. */
const FILES = [
  'sslrootcert',
  'sslcrl',
  'sslcert',
  'sslkey',
  'passfile',
  'serviceFile',
] as const satisfies ProfileField[];

const READ_ONLY = '-c default_transaction_read_only=on';

export interface PsqlSession {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The arguments and environment variables with which psql connects as this extension does. Without a password: psql looks it up in the
 * user's password file, or asks for it.
 */
export function psqlSession(profile: ConnectionProfile, environment: Pick<ConnectEnvironment, 'home'>): PsqlSession {
  const files = FILES.flatMap((field) => {
    const path = profile[field];
    return path === undefined ? [] : [[field, expandPath(path, environment)] as const];
  });
  const whole: ConnectionProfile = { ...profile, ...Object.fromEntries(files) };
  const options = whole.readOnly === true ? { options: [whole.options, READ_ONLY].filter(Boolean).join(' ') } : {};
  return {
    args: [`--dbname=${formatUri({ ...whole, ...options, applicationName: 'psql' })}`],
    env: whole.serviceFile === undefined ? {} : { PGSERVICEFILE: whole.serviceFile },
  };
}
