/** What a secret is bound to: see binding.ts. Here without what it takes to find it out. */

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

/** One text for each part, empty if it is not set. None is secret. */
export type Binding = Readonly<Record<BindingPart, string>>;
