import { cutText } from '../open/serverError';

/** What stands in a text where a secret stood. */
export const REDACTED = '•••';

/** Longer texts are cut before a pattern is applied: they may be a server's. Characters. */
const MAX_TEXT = 10_000;

/**
 * Takes secrets out of a text: the given ones, as they are and percent-encoded, and whatever stands where a connection string
 * has its password. The work is in proportion to the text's length, and a text that is too long ends with an ellipsis.
 */
export function redact(text: string, secrets: readonly (string | undefined)[] = []): string {
  const known = secrets.filter((secret) => secret !== undefined && secret !== '') as readonly string[];
  const forms = known.flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  const longest = Math.max(0, ...forms.map((form) => form.length));
  // So much more that a secret at the cut is whole.
  let clean = text.slice(0, MAX_TEXT + longest);
  // The longest first: a secret that is part of another one must not leave the rest of that one behind.
  for (const form of [...new Set(forms)].sort((a, b) => b.length - a.length)) clean = clean.replaceAll(form, REDACTED);
  if (text.length > MAX_TEXT) clean = cutAtWord(clean);
  return clean
    .replaceAll(/(\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/?#@]{0,300}:)[^\s/]*(@)/gi, `$1${REDACTED}$2`)
    .replaceAll(/(\b(?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'?|[^\s&'"]+)/gi, `$1${REDACTED}`);
}

/** Without the last word, which may be the beginning of something that only its end shows to be a secret. */
function cutAtWord(text: string): string {
  const cut = cutText(text.slice(0, MAX_TEXT), MAX_TEXT);
  return `${cut.slice(0, Math.max(0, cut.search(/\s\S*$/)))} …`;
}
