import { isWellFormed } from '../base/wellFormed';

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
