/**
 * TLS as libpq understands it (PostgreSQL, libpq, "SSL Support"; fe-secure-openssl.c, initialize_SSL): what is verified follows
 * from sslmode and from whether there is a file of root certificates.
 */
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import * as tls from 'node:tls';
import type { Settings, Target } from '../conninfo/defaults';
import { ConnectError } from '../errors';
import { identityProblem } from './certificateIdentity';
import type { Surroundings } from '../conninfo/environment';

export interface TlsHelp {
  readonly surroundings: Surroundings;
  /** Asks for the passphrase of an encrypted key. */
  readonly keyPassphrase?: (keyFile: string) => Promise<string | undefined>;
  /** Whether the client's certificate and key may be used; they always may if it is undefined. */
  readonly mayUseKey?: (keyFile: string) => Promise<boolean>;
  readonly log?: (message: string) => void;
}

/** The options for `tls.connect`, whose files are read and checked. @throws ConnectError ('tls') */
export async function tlsOptions(settings: Settings, target: Target, help: TlsHelp): Promise<tls.ConnectionOptions> {
  const roots = await rootCertificates(settings, help);
  const client = await clientCertificate(settings, help);
  const verifies = roots !== undefined;
  const crl = verifies ? await revocationList(settings, help.surroundings) : undefined;
  let secureContext: tls.SecureContext;
  try {
    secureContext = tls.createSecureContext({
      minVersion: settings.tlsMin,
      ...(settings.tlsMax === undefined ? {} : { maxVersion: settings.tlsMax }),
      ...(roots === undefined ? {} : { ca: roots }),
      ...(crl === undefined ? {} : { crl }),
      ...client,
    });
  } catch (error) {
    throw contextError(error, settings);
  }
  const name = settings.sslsni && target.host !== '' ? target.host : undefined;
  return {
    secureContext,
    // Unused beside the context, but it tells VS Code, which puts itself before tls.connect, to add no roots of its own.
    ...(roots === undefined ? {} : { ca: roots }),
    rejectUnauthorized: verifies,
    checkServerIdentity: (_name, certificate) => {
      if (settings.sslmode !== 'verify-full') return undefined;
      const problem =
        target.host === '' ? 'there is no host name to verify' : identityProblem(target.host, certificate.raw);
      return problem === undefined ? undefined : Object.assign(new Error(problem), { code: IDENTITY_CODE });
    },
    ...(name === undefined || isIP(name) !== 0 ? {} : { servername: name }),
  };
}

/** The code of the error of a certificate that is for another host. */
export const IDENTITY_CODE = 'ERR_TLS_CERT_ALTNAME_INVALID';

/** Undefined: nothing is verified. */
async function rootCertificates(settings: Settings, { surroundings, log }: TlsHelp): Promise<string[] | undefined> {
  if (settings.sslrootcert === 'system') return systemRoots(surroundings.env);
  const file = settings.sslrootcert ?? surroundings.home?.rootCertificate;
  const text = file === undefined ? undefined : await readIfThere(file, 'root certificates');
  if (text !== undefined) {
    if (!/-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/.test(text)) {
      throw new ConnectError(
        'tls',
        `The file "${file ?? ''}" has no certificate in it: it must hold the PEM text of the authorities to trust.`,
      );
    }
    return [text];
  }
  if (settings.sslmode === 'verify-ca' || settings.sslmode === 'verify-full') {
    const where =
      file === undefined ? 'There is no file of root certificates' : `There is no file "${file}" of root certificates`;
    throw new ConnectError(
      'tls',
      `${where}, so the server cannot be verified: name one as "sslrootcert", write "system" there for the authorities that this computer trusts, or choose another sslmode.`,
    );
  }
  if (settings.sslrootcert !== undefined) {
    log?.(`There is no file "${settings.sslrootcert}" (sslrootcert), so the server's certificate is not verified.`);
  }
  return undefined;
}

/** Undefined where there is no such file; other troubles are told. */
async function readIfThere(file: string, what: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'latin1');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new ConnectError(
      'tls',
      `The file "${file}" of ${what} cannot be read (${code ?? String(error)}): check its path and permissions.`,
      {
        cause: error,
      },
    );
  }
}

/** Where systems keep the authorities they trust. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
];

async function systemRoots(env: NodeJS.ProcessEnv): Promise<string[]> {
  // OpenSSL, and with it libpq, looks there first.
  const named = env['SSL_CERT_FILE'];
  for (const file of named ? [named] : SYSTEM_BUNDLES) {
    const text = await readIfThere(file, 'root certificates');
    if (text !== undefined) return [text];
  }
  // Node 22.15 and later can ask the system itself, which Windows and macOS need.
  const { getCACertificates } = tls as { getCACertificates?: (type: 'system') => string[] };
  const asked = getCACertificates?.('system') ?? [];
  return asked.length > 0 ? asked : [...tls.rootCertificates];
}

async function revocationList(settings: Settings, { home }: Surroundings): Promise<string | undefined> {
  const file = settings.sslcrl ?? home?.revocationList;
  const text = file === undefined ? undefined : await readIfThere(file, 'revoked certificates');
  if (text === undefined && settings.sslcrl !== undefined) {
    // libpq passes over this; whoever names a file wants it checked.
    throw new ConnectError(
      'tls',
      `There is no file "${settings.sslcrl}" of revoked certificates ("sslcrl"): correct its path.`,
    );
  }
  return text;
}

async function clientCertificate(
  settings: Settings,
  { surroundings, keyPassphrase, mayUseKey, log }: TlsHelp,
): Promise<Pick<tls.SecureContextOptions, 'cert' | 'key' | 'passphrase'>> {
  const { home, platform } = surroundings;
  const certificateFile = settings.sslcert ?? home?.certificate;
  const cert = certificateFile === undefined ? undefined : await readIfThere(certificateFile, 'the client certificate');
  if (cert === undefined) {
    if (settings.sslcert !== undefined)
      log?.(`There is no file "${settings.sslcert}" (sslcert), so no certificate is shown.`);
    return {};
  }
  const keyFile = settings.sslkey ?? home?.key;
  const key = keyFile === undefined ? undefined : await readIfThere(keyFile, 'the client key');
  if (keyFile === undefined || key === undefined) {
    throw new ConnectError(
      'tls',
      `There is a client certificate but no key "${keyFile ?? ''}" for it: name the key as "sslkey".`,
    );
  }
  if (mayUseKey && !(await mayUseKey(keyFile))) {
    log?.(`The client key "${keyFile}" is not used, because that was not allowed for this connection.`);
    return {};
  }
  await checkKeyFile(keyFile, platform);
  if (!key.includes('-----BEGIN')) {
    throw new ConnectError('tls', `The key "${keyFile}" is not PEM text: convert it with openssl pkey.`);
  }
  if (!key.includes('ENCRYPTED')) return { cert, key };
  const passphrase = settings.keyPassphrase ?? (await keyPassphrase?.(keyFile));
  if (passphrase === undefined) {
    throw new ConnectError('tls', `The key "${keyFile}" is encrypted: enter its passphrase, or use a key without one.`);
  }
  return { cert, key, passphrase };
}

/** Only its owner may read a key; where that is root, its group too. @throws ConnectError ('tls') */
async function checkKeyFile(file: string, platform: NodeJS.Platform): Promise<void> {
  if (platform === 'win32') return;
  const info = await stat(file);
  if (!info.isFile()) throw new ConnectError('tls', `The key "${file}" is not a plain file.`);
  if ((info.mode & (info.uid === 0 ? 0o037 : 0o077)) !== 0) {
    throw new ConnectError('tls', `The key "${file}" may be read by others: run chmod 600 on it.`);
  }
}

function contextError(error: unknown, settings: Settings): ConnectError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const why = error instanceof Error ? error.message : String(error);
  if (/BAD_DECRYPT|BAD_PASSWORD|INTERRUPTED_OR_CANCELLED|CIPHERFINAL/i.test(code + why)) {
    return new ConnectError('tls', 'The passphrase of the client key is wrong: enter it again.', { cause: error });
  }
  if (/KEY_VALUES_MISMATCH/i.test(code + why) || /key values mismatch/i.test(why)) {
    return new ConnectError(
      'tls',
      'The client key does not belong to the client certificate: check "sslcert" and "sslkey".',
      {
        cause: error,
      },
    );
  }
  const files = [settings.sslrootcert, settings.sslcert, settings.sslkey, settings.sslcrl].filter(Boolean).join(', ');
  return new ConnectError(
    'tls',
    `The files for TLS cannot be used (${why})${files === '' ? '' : `: check ${files}`}.`,
    { cause: error },
  );
}
