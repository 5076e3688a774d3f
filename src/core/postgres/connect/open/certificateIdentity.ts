import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/** The server's certificate is not for the expected host. */
export class CertificateNameError extends Error {
  override readonly name = 'CertificateNameError';
  /** The names in the certificate; undefined if it has none. */
  readonly names: string | undefined;
  /** The host name that was expected; undefined if only an address was given, so there is no name to verify. */
  readonly expected: string | undefined;

  constructor(names: string | undefined, expected: string | undefined) {
    super(`certificate for ${names ?? 'no name'}, expected ${expected ?? 'a host name'}`);
    this.names = names;
    this.expected = expected;
  }
}

/**
 * Checks that a certificate is for this host, by libpq's rules for verify-full (PostgreSQL, libpq, "Client Verification of Server
 * Certificates"): alternative names of the host's kind count, and the common name only if there are none of that kind.
 * @param host '' if only an address was given
 * @returns the error, or undefined if the certificate matches
 */
export function identityError(host: string, certificate: Buffer): CertificateNameError | undefined {
  if (host === '') return new CertificateNameError(undefined, undefined);
  const x509 = new X509Certificate(certificate);
  const matches = isIP(host) === 0 ? matchesName(x509, host) : matchesAddress(x509, host);
  if (matches) return undefined;
  return new CertificateNameError(x509.subjectAltName ?? /^CN=(.*)$/m.exec(x509.subject)?.[1], host);
}

function matchesName(x509: X509Certificate, host: string): boolean {
  return x509.checkHost(host, { subject: 'default', partialWildcards: false }) !== undefined;
}

function matchesAddress(x509: X509Certificate, address: string): boolean {
  if (x509.checkIP(address) !== undefined) return true;
  // Names with unusual characters are quoted in this text, so a name cannot pretend to be an address.
  const hasAddresses = /(^|, )IP Address:/.test(x509.subjectAltName ?? '');
  return x509.checkHost(address, { subject: hasAddresses ? 'never' : 'always', partialWildcards: false }) !== undefined;
}
