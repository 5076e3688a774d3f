import { cutText } from '../open/serverError';

/** Replaces a secret in a text. */
export const REDACTED = '•••';

/** Longer texts, which a server may send, are cut before patterns are applied. Characters. */
const MAX_TEXT = 10_000;

/**
 * Removes secrets from a text: the given ones (plain, percent-encoded, or JSON-escaped), and everything where a connection
 * string has its password. Takes linear time. A text that is too long is cut and ends with an ellipsis.
 */
export function redact(text: string, secrets: readonly (string | undefined)[] = []): string {
  const known = secrets.filter((secret) => secret !== undefined && secret !== '') as readonly string[];
  const forms = known.flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  const maxLength = Math.max(0, ...forms.map((form) => form.length));
  // Keeps a secret at the cut complete.
  let clean = text.slice(0, MAX_TEXT + maxLength);
  // Longest first: if one secret is part of another, nothing of the longer one must remain.
  for (const form of [...new Set(forms)].sort((a, b) => b.length - a.length)) clean = clean.replaceAll(form, REDACTED);
  if (text.length > MAX_TEXT) clean = cutAtWord(clean);
  return clean
    .replaceAll(/(\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/?#@]{0,300}:)[^\s/]*(@)/gi, `$1${REDACTED}$2`)
    .replaceAll(/(\b(?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'?|[^\s&'"]+)/gi, `$1${REDACTED}`);
}

/** Cuts at the last blank, because only the missing end of a word might show that it contains a secret. */
function cutAtWord(text: string): string {
  const cut = cutText(text.slice(0, MAX_TEXT), MAX_TEXT);
  return `${cut.slice(0, Math.max(0, cut.search(/\s\S*$/)))} …`;
}
