import * as vscode from 'vscode';
import type { RunRequest } from '../../api';
import { faultySetting } from '../../core/jobs/settingNames';

/** The options of a launch. */
export interface RunOptions extends Omit<RunRequest, 'sql'> {
  /** Whether to show a notification when the job ends, regardless of the settings. */
  readonly notify?: boolean;
}

const REQUEST_TYPES = {
  sql: 'string',
  label: 'string',
  connection: 'string',
  statementTimeoutMs: 'number',
  workerTimeoutMs: 'number',
  queueSizeBytes: 'number',
  retryOnLockTimeout: 'number',
  durable: 'boolean',
  into: 'string',
  readOnly: 'boolean',
};

/**
 * Validates a request from code: a key binding or another extension.
 *
 * @returns undefined if the argument is not a request
 * @throws with a message for the user if a field has the wrong type
 */
export function asRequest(argument: unknown): RunRequest | undefined {
  if (typeof argument !== 'object' || argument === null || !('sql' in argument)) return undefined;
  const request = argument as Record<string, unknown>;
  for (const [key, type] of Object.entries(REQUEST_TYPES)) {
    const value = request[key];
    if (value !== undefined && typeof value !== type) {
      throw new Error(
        type === 'string'
          ? vscode.l10n.t('runInBackground: “{0}” must be a string.', key)
          : type === 'number'
            ? vscode.l10n.t('runInBackground: “{0}” must be a number.', key)
            : vscode.l10n.t('runInBackground: “{0}” must be true or false.', key),
      );
    }
  }
  const fault = request['settings'] === undefined ? undefined : faultySetting(request['settings']);
  if (fault !== undefined) throw new Error(settingsProblem(fault));
  return Object.fromEntries(
    [...Object.keys(REQUEST_TYPES), 'settings']
      .filter((key) => request[key] !== undefined)
      .map((key) => [key, request[key]]),
  ) as unknown as RunRequest;
}

/** The message for invalid settings. @param fault the result of {@link faultySetting} */
export function settingsProblem(fault: string): string {
  return fault === ''
    ? vscode.l10n.t('“settings” must be an object with parameter names and string values.')
    : vscode.l10n.t('The parameter “{0}” in “settings” must have a valid name and a string as its value.', fault);
}
