import * as vscode from 'vscode';
import type { RunRequest } from '../../api';
import { faultySetting } from '../../core/jobs/settingNames';

/** What a launch may be given beside its SQL. */
export interface RunOptions extends Omit<RunRequest, 'sql'> {
  /** Tell when the job has ended, whatever the settings say. */
  readonly notify?: boolean;
}

const REQUEST_TYPES = {
  sql: 'string',
  label: 'string',
  connection: 'string',
  statementTimeoutMs: 'number',
  workerTimeoutMs: 'number',
  queueSizeBytes: 'number',
};

/**
 * A request from code (a keybinding, another extension): checked, since anything may come. Undefined where it is none.
 * @throws where a field has the wrong type
 */
export function asRequest(argument: unknown): RunRequest | undefined {
  if (typeof argument !== 'object' || argument === null || !('sql' in argument)) return undefined;
  const request = argument as Record<string, unknown>;
  for (const [key, type] of Object.entries(REQUEST_TYPES)) {
    const value = request[key];
    if (value !== undefined && typeof value !== type) {
      throw new Error(vscode.l10n.t('runInBackground: "{0}" must be a {1}.', key, type));
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

/** @param fault as {@link faultySetting} gives it */
export function settingsProblem(fault: string): string {
  return fault === ''
    ? vscode.l10n.t('"settings" must be an object of parameter names and their values as text.')
    : vscode.l10n.t('The parameter "{0}" in "settings" needs a parameter’s name and a text as its value.', fault);
}
