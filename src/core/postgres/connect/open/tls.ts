/**
 * TLS as in libpq (PostgreSQL, libpq, "SSL Support"; fe-secure-openssl.c, initialize_SSL): sslmode, and whether a file of root
 * certificates exists, determine what is verified.
 */
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import * as tls from 'node:tls';
import { messageOf } from '../../../base/errors';
import type { Settings, Target } from '../conninfo/defaults';
import type { ConnectEnvironment } from '../conninfo/environment';
import type { TlsFileKind } from '../connectFaults';
import { connectError, type ConnectError } from '../errors';
import { identityError } from './certificateIdentity';

export interface TlsHelp {
  readonly environment: ConnectEnvironment;
  /** Asks for the passphrase of an encrypted key. */
  readonly keyPassphrase?: (keyFile: string) => Promise<string | undefined>;
  /** Whether the client's certificate and key may be used. Undefined: they always may. */
  readonly mayUseKey?: (keyFile: string) => Promise<boolean>;
  readonly log?: (message: string) => void;
}

/** Reads and checks the files, and returns the options for `tls.connect`. @throws ConnectError ('tls') */
export async function tlsOptions(settings: Settings, target: Target, help: TlsHelp): Promise<tls.ConnectionOptions> {
  const roots = await rootCertificates(settings, help);
  const client = await clientCertificate(settings, help);
  const verifies = roots !== undefined;
  const crl = verifies ? await revocationList(settings, help.environment) : undefined;
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
    // Has no effect next to the context, but keeps VS Code's patched tls.connect from adding root certificates.
    ...(roots === undefined ? {} : { ca: roots }),
    rejectUnauthorized: verifies,
    checkServerIdentity: (_name, certificate) => {
      return settings.sslmode === 'verify-full' ? identityError(target.host, certificate.raw) : undefined;
    },
    ...(name === undefined || isIP(name) !== 0 ? {} : { servername: name }),
  };
}

/** Undefined: the server's certificate is not verified. */
async function rootCertificates(settings: Settings, { environment, log }: TlsHelp): Promise<string[] | undefined> {
  if (settings.sslrootcert === 'system') return systemRoots(environment.env);
  const file = settings.sslrootcert ?? environment.home?.rootCertificate;
  const text = file === undefined ? undefined : await readIfExists(file, 'rootCertificates');
  if (text !== undefined) {
    if (!/-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/.test(text)) {
      throw connectError('tls', { code: 'connect.rootFileInvalid', params: { file: file ?? '' } });
    }
    return [text];
  }
  if (settings.sslmode === 'verify-ca' || settings.sslmode === 'verify-full') {
    throw connectError('tls', { code: 'connect.rootFileMissing', params: file === undefined ? {} : { file } });
  }
  if (settings.sslrootcert !== undefined) {
    log?.(
      `The file "${settings.sslrootcert}" (sslrootcert) does not exist, so the server's certificate is not verified.`,
    );
  }
  return undefined;
}

/** Undefined if the file does not exist. @throws ConnectError ('tls') if it cannot be read */
async function readIfExists(file: string, kind: TlsFileKind): Promise<string | undefined> {
  try {
    return await readFile(file, 'latin1');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const params = { file, kind, detail: code ?? String(error) };
    throw connectError('tls', { code: 'connect.tlsFileUnreadable', params }, { cause: error });
  }
}

/** Where operating systems keep the certificates of the authorities that they trust. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
];

async function systemRoots(env: NodeJS.ProcessEnv): Promise<string[]> {
  // OpenSSL, and therefore libpq, looks there first.
  const named = env['SSL_CERT_FILE'];
  for (const file of named ? [named] : SYSTEM_BUNDLES) {
    const text = await readIfExists(file, 'rootCertificates');
    if (text !== undefined) return [text];
  }
  // Needed on Windows and macOS; Node 22.15 and later have it.
  const { getCACertificates } = tls as { getCACertificates?: (type: 'system') => string[] };
  const certificates = getCACertificates?.('system') ?? [];
  return certificates.length > 0 ? certificates : [...tls.rootCertificates];
}

async function revocationList(settings: Settings, { home }: ConnectEnvironment): Promise<string | undefined> {
  const file = settings.sslcrl ?? home?.revocationList;
  const text = file === undefined ? undefined : await readIfExists(file, 'revocationList');
  if (text === undefined && settings.sslcrl !== undefined) {
    // libpq ignores a missing file; but a user who names one wants revocation to be checked.
    throw connectError('tls', { code: 'connect.revocationListMissing', params: { file: settings.sslcrl } });
  }
  return text;
}

async function clientCertificate(
  settings: Settings,
  { environment, keyPassphrase, mayUseKey, log }: TlsHelp,
): Promise<Pick<tls.SecureContextOptions, 'cert' | 'key' | 'passphrase'>> {
  const { home, platform } = environment;
  const certificateFile = settings.sslcert ?? home?.certificate;
  const cert = certificateFile === undefined ? undefined : await readIfExists(certificateFile, 'clientCertificate');
  if (cert === undefined) {
    if (settings.sslcert !== undefined) {
      log?.(`The file "${settings.sslcert}" (sslcert) does not exist, so no client certificate is sent.`);
    }
    return {};
  }
  const keyFile = settings.sslkey ?? home?.key;
  const key = keyFile === undefined ? undefined : await readIfExists(keyFile, 'clientKey');
  if (keyFile === undefined || key === undefined) {
    const params = keyFile === undefined ? {} : { file: keyFile };
    throw connectError('tls', { code: 'connect.clientKeyMissing', params });
  }
  if (mayUseKey && !(await mayUseKey(keyFile))) {
    log?.(`The client key "${keyFile}" is not used, because the user did not allow its use for this connection.`);
    return {};
  }
  await checkKeyFile(keyFile, platform);
  if (!key.includes('-----BEGIN')) {
    throw connectError('tls', { code: 'connect.clientKeyNotPem', params: { file: keyFile } });
  }
  if (!key.includes('ENCRYPTED')) return { cert, key };
  const passphrase = settings.keyPassphrase ?? (await keyPassphrase?.(keyFile));
  if (passphrase === undefined) {
    throw connectError('tls', { code: 'connect.clientKeyEncrypted', params: { file: keyFile } });
  }
  return { cert, key, passphrase };
}

/** Only the owner may read a key; if that is root, the group may too. @throws ConnectError ('tls') */
async function checkKeyFile(file: string, platform: NodeJS.Platform): Promise<void> {
  if (platform === 'win32') return;
  const info = await stat(file);
  if (!info.isFile()) throw connectError('tls', { code: 'connect.clientKeyNotAFile', params: { file } });
  if ((info.mode & (info.uid === 0 ? 0o037 : 0o077)) !== 0) {
    throw connectError('tls', { code: 'connect.clientKeyExposed', params: { file } });
  }
}

function contextError(cause: unknown, settings: Settings): ConnectError {
  const detail = messageOf(cause);
  const text = ((cause as NodeJS.ErrnoException).code ?? '') + detail;
  if (/BAD_DECRYPT|BAD_PASSWORD|INTERRUPTED_OR_CANCELLED|CIPHERFINAL/i.test(text)) {
    return connectError('tls', { code: 'connect.passphraseWrong' }, { cause });
  }
  if (/KEY_VALUES_MISMATCH|key values mismatch/i.test(text)) {
    return connectError('tls', { code: 'connect.clientKeyMismatch' }, { cause });
  }
  const { sslrootcert, sslcert, sslkey, sslcrl } = settings;
  const files = [sslrootcert, sslcert, sslkey, sslcrl].filter((file) => file !== undefined);
  return connectError('tls', { code: 'connect.tlsFilesUnusable', params: { files, detail } }, { cause });
}
