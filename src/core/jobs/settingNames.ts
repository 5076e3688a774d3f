import { isWellFormed } from '../base/wellFormed';

/** A parameter name that PostgreSQL accepts: words joined by dots. Only the server knows whether the parameter exists. */
const NAME = /^[\p{L}_][\p{L}\p{N}_$]*(\.[\p{L}_][\p{L}\p{N}_$]*)*$/u;

/**
 * Checks the server parameters of a job (`RunRequest.settings`), which come from code or from disk and so can be anything.
 *
 * @returns undefined if all are valid; otherwise the name of the first invalid parameter, or '' if the value is not an object of parameters
 */
export function faultySetting(settings: unknown): string | undefined {
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) return '';
  for (const [name, value] of Object.entries(settings)) {
    if (!NAME.test(name) || typeof value !== 'string' || value.includes('\0') || !isWellFormed(value)) return name;
  }
  return undefined;
}
