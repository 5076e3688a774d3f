import type { RunRequest } from '../../../api';
import { LAUNCH_LIMITS, type LaunchLimit, type LaunchText } from '../../sql/settings/launchSettings';
import { settingMs } from '../../sql/settings/settingValue';
import type { LaunchRequest } from '../ports';
import { lowerCased, READ_ONLY } from '../settingNames';

/** The limits and settings that a launch applies to its worker. */
export type LaunchOptions = Pick<
  LaunchRequest,
  'queueSizeBytes' | 'statementTimeoutMs' | 'workerTimeoutMs' | 'settings'
>;

const FIELDS = {
  statement_timeout: 'statementTimeoutMs',
  'pg_background.worker_timeout': 'workerTimeoutMs',
} as const satisfies Record<LaunchLimit, keyof RunRequest>;

/**
 * Combines the settings of a request with those that its text makes. A setting in the text comes later and so takes precedence, but of
 * several limits the strictest applies, because each was set as an upper bound to rely on.
 */
export function launchOptions(request: RunRequest, text: Pick<LaunchText, 'settings'>): LaunchOptions {
  const requested = lowerCased(request.settings ?? {});
  const settings = new Map<string, string>(
    Object.entries({ ...requested, ...text.settings, ...(request.readOnly === true ? READ_ONLY : {}) }),
  );
  const limits: { -readonly [K in (typeof FIELDS)[LaunchLimit]]?: number } = {};
  for (const name of LAUNCH_LIMITS) {
    const given = request[FIELDS[name]];
    const texts = [requested[name], text.settings[name]].filter((value) => value !== undefined);
    const values = texts.map(settingMs);
    // A value that the server does not accept is passed on, so that the launch fails with the server's own error.
    const invalid = texts.find((_, index) => values[index] === undefined);
    if (invalid !== undefined) {
      settings.set(name, invalid);
      continue;
    }
    settings.delete(name);
    const strictest = strictestOf([given, ...values]);
    if (strictest !== undefined) limits[FIELDS[name]] = strictest;
  }
  return {
    ...limits,
    ...(request.queueSizeBytes === undefined ? {} : { queueSizeBytes: request.queueSizeBytes }),
    ...(settings.size === 0 ? {} : { settings: Object.fromEntries(settings) }),
  };
}

/** The smallest limit; 0 means no limit. */
function strictestOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  const set = known.filter((value) => value > 0);
  if (set.length > 0) return Math.min(...set);
  return known.length > 0 ? 0 : undefined;
}

/** The largest of the given sizes; undefined if none is given. */
export function maxSize(...sizes: readonly (number | undefined)[]): number | undefined {
  const given = sizes.filter((size) => size !== undefined);
  return given.length === 0 ? undefined : Math.max(...given);
}
