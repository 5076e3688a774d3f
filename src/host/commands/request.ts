import * as vscode from 'vscode';
import type { RunRequest } from '../../api';

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
  return Object.fromEntries(
    Object.keys(REQUEST_TYPES)
      .filter((key) => request[key] !== undefined)
      .map((key) => [key, request[key]]),
  ) as unknown as RunRequest;
}
