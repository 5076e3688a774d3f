/** What stands in a text where a secret stood. */
export const REDACTED = '•••';

/**
 * Takes secrets out of a text: the given ones, as they are and percent-encoded, and whatever stands where a connection string
 * has its password.
 */
export function redact(text: string, secrets: readonly (string | undefined)[] = []): string {
  let clean = text;
  const known = secrets.filter((secret) => secret !== undefined && secret !== '') as readonly string[];
  const forms = known.flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  // The longest first: a secret that is part of another one must not leave the rest of that one behind.
  for (const form of [...new Set(forms)].sort((a, b) => b.length - a.length)) clean = clean.replaceAll(form, REDACTED);
  return clean
    .replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*:)[^\s/]*(@)/gi, `$1${REDACTED}$2`)
    .replaceAll(/(\b(?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'?|[^\s&'"]+)/gi, `$1${REDACTED}`);
}
