/**
 * Secrets are bound to the server that a connection leads to, once the profile, its service, the environment, and the defaults are
 * resolved, and to how the secret is protected in transit. If any part differs, it is another target.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { FINGERPRINT, type Binding } from './bindingParts';
import { resolveSettings, type Settings } from '../conninfo/defaults';
import type { ConnectionProfile } from '../conninfo/profile';
import { connectEnvironment, type ConnectEnvironment } from '../conninfo/environment';

/** The binding of a profile with the current environment and files. @throws ConnectError ('profile') */
export async function resolveBinding(profile: ConnectionProfile, env?: NodeJS.ProcessEnv): Promise<Binding> {
  const environment = connectEnvironment(env);
  return bindingOf(await resolveSettings(profile, environment), environment);
}

export async function bindingOf(settings: Settings, environment: ConnectEnvironment): Promise<Binding> {
  return {
    hosts: hostsOf(settings),
    user: settings.user,
    sslmode: settings.sslmode,
    sslrootcert: await rootCertificates(settings, environment),
    // Not its content, which is renewed regularly: a revocation list can only make fewer servers acceptable.
    sslcrl: settings.sslcrl ?? '',
    sslnegotiation: settings.sslnegotiation,
    tlsVersions: `${settings.tlsMin}-${settings.tlsMax ?? ''}`,
    channelBinding: settings.channelBinding,
    requireAuth: settings.requireAuth ?? '',
    allowCleartextPassword: settings.allowCleartextPassword ? 'yes' : '',
  };
}

/** All hosts with addresses and ports, in the order of the attempts. */
function hostsOf({ targets }: Pick<Settings, 'targets'>): string {
  return targets
    .map(({ host, hostaddr, port }) => {
      const name = host.includes(':') && !host.startsWith('/') ? `[${host}]` : host;
      return hostaddr === undefined ? `${name}:${port}` : `${name}:${port} (${hostaddr})`;
    })
    .join(', ');
}

/** The path and the content: a changed file changes which servers are trusted. */
async function rootCertificates({ sslrootcert }: Settings, { env, home }: ConnectEnvironment): Promise<string> {
  if (sslrootcert === 'system') {
    const named = env['SSL_CERT_FILE'];
    return named ? `system: ${await fingerprint(named)}` : 'system';
  }
  const file = sslrootcert ?? home?.rootCertificate;
  return file === undefined ? '' : fingerprint(file);
}

async function fingerprint(file: string): Promise<string> {
  try {
    const content = await readFile(file);
    return file + FINGERPRINT + createHash('sha256').update(content).digest('hex');
  } catch {
    return `${file} (none)`;
  }
}
