/**
 * What a secret is bound to: the server that a connection leads to once the profile, its service, the environment and the defaults
 * are resolved, and how well the secret is protected on its way there. If any part differs, it is another target.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Binding } from './bindingParts';
import { resolveSettings, type Settings } from '../conninfo/defaults';
import type { ConnectionProfile } from '../conninfo/profile';
import { surroundingsOf, type Surroundings } from '../conninfo/environment';

/** The binding of a profile as everything around it stands now. @throws ConnectError ('profile') */
export async function resolveBinding(profile: ConnectionProfile, env?: NodeJS.ProcessEnv): Promise<Binding> {
  const surroundings = surroundingsOf(env);
  return bindingOf(await resolveSettings(profile, surroundings), surroundings);
}

export async function bindingOf(settings: Settings, surroundings: Surroundings): Promise<Binding> {
  return {
    hosts: hostsOf(settings),
    user: settings.user,
    sslmode: settings.sslmode,
    sslrootcert: await rootCertificates(settings, surroundings),
    // Its content is renewed all the time, and can only refuse more servers or as many.
    sslcrl: settings.sslcrl ?? '',
    sslnegotiation: settings.sslnegotiation,
    tlsVersions: `${settings.tlsMin}-${settings.tlsMax ?? ''}`,
    channelBinding: settings.channelBinding,
    requireAuth: settings.requireAuth ?? '',
    allowCleartextPassword: settings.allowCleartextPassword ? 'yes' : '',
  };
}

/** Every host with its address and port, in the order in which they are tried. */
function hostsOf({ targets }: Pick<Settings, 'targets'>): string {
  return targets
    .map(({ host, hostaddr, port }) => {
      const name = host.includes(':') && !host.startsWith('/') ? `[${host}]` : host;
      return hostaddr === undefined ? `${name}:${port}` : `${name}:${port} (${hostaddr})`;
    })
    .join(', ');
}

/** The path and the content: whoever can change the file decides which servers are believed. */
async function rootCertificates({ sslrootcert }: Settings, { env, home }: Surroundings): Promise<string> {
  if (sslrootcert === 'system') {
    const named = env['SSL_CERT_FILE'];
    return named ? `system: ${await fingerprint(named)}` : 'system';
  }
  const file = sslrootcert ?? home?.rootCertificate;
  return file === undefined ? '' : fingerprint(file);
}

async function fingerprint(file: string): Promise<string> {
  try {
    return `${file} sha256:${createHash('sha256')
      .update(await readFile(file))
      .digest('hex')}`;
  } catch {
    return `${file} (none)`;
  }
}
