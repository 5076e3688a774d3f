import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/**
 * Whether a certificate is one for this host, by libpq's rules for verify-full (PostgreSQL, libpq, "Client Verification of
 * Server Certificates"): its alternative names of the host's kind, and the common name only where it has none of that kind.
 * @returns what is wrong, or undefined
 */
export function identityProblem(host: string, certificate: Buffer): string | undefined {
  const x509 = new X509Certificate(certificate);
  const matches = isIP(host) === 0 ? matchesName(x509, host) : matchesAddress(x509, host);
  if (matches) return undefined;
  const names = x509.subjectAltName ?? /^CN=(.*)$/m.exec(x509.subject)?.[1] ?? 'no name at all';
  return `its certificate is for ${names} and not for ${host}`;
}

function matchesName(x509: X509Certificate, host: string): boolean {
  return x509.checkHost(host, { subject: 'default', partialWildcards: false }) !== undefined;
}

function matchesAddress(x509: X509Certificate, address: string): boolean {
  if (x509.checkIP(address) !== undefined) return true;
  // Names with unusual characters are quoted there, so a name cannot pretend to be an address.
  const hasAddresses = /(^|, )IP Address:/.test(x509.subjectAltName ?? '');
  return x509.checkHost(address, { subject: hasAddresses ? 'never' : 'always', partialWildcards: false }) !== undefined;
}
