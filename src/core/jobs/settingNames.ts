import { isWellFormed } from '../base/wellFormed';
import { PARAMETER_NAME } from '../sql/settings/parameterName';

/** A parameter name that PostgreSQL accepts: words joined by dots. Only the server knows whether the parameter exists. */
const NAME = new RegExp(`^${PARAMETER_NAME}$`, 'u');

/** Transactions begin as read-only. Before their first query, SQL can make them read-write. */
export const READ_ONLY = { default_transaction_read_only: 'on' } as const;

/** The settings with their names in lower case, because the names of parameters are case-insensitive. */
export function lowerCased(settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name.toLowerCase(), value]));
}

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
