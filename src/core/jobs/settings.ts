/** Parameters of the server that a job brings along (`RunRequest.settings`): from code and from disk, so anything may come. */

/** A name that PostgreSQL can take as a parameter's: words joined by dots. Whether there is such a parameter, only the server knows. */
const NAME = /^[\p{L}_][\p{L}\p{N}_$]*(\.[\p{L}_][\p{L}\p{N}_$]*)*$/u;

/**
 * What is wrong with an object of settings.
 * @returns undefined if nothing is; otherwise the name of the faulty parameter, or '' if the value is not an object of parameters
 */
export function faultySetting(settings: unknown): string | undefined {
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) return '';
  for (const [name, value] of Object.entries(settings)) {
    if (!NAME.test(name) || typeof value !== 'string' || value.includes('\0') || !isWellFormed(value)) return name;
  }
  return undefined;
}

/** Whether a text has no surrogate without its partner: such a text cannot be sent as UTF-8. */
export function isWellFormed(text: string): boolean {
  return loneSurrogate(text) < 0;
}

/** Where the first surrogate without its partner is, in UTF-16 code units, or -1. */
export function loneSurrogate(text: string): number {
  return text.search(/\p{Cs}/u);
}
