/** The type of a binding: see binding.ts, which computes it. This module has no dependencies. */

export const BINDING_PARTS = [
  'hosts',
  'user',
  'sslmode',
  'sslrootcert',
  'sslcrl',
  'sslnegotiation',
  'tlsVersions',
  'channelBinding',
  'requireAuth',
  'allowCleartextPassword',
] as const;
export type BindingPart = (typeof BINDING_PARTS)[number];

/** One text per part, empty if the part is not set. None is secret. */
export type Binding = Readonly<Record<BindingPart, string>>;

/** Separates a file's path from the fingerprint of its content. */
export const FINGERPRINT = ' sha256:';

/** The path of the root certificates, without the fingerprint. */
export function rootCertificateFile({ sslrootcert }: Pick<Binding, 'sslrootcert'>): string {
  const end = sslrootcert.lastIndexOf(FINGERPRINT);
  return end === -1 ? sslrootcert : sslrootcert.slice(0, end);
}
