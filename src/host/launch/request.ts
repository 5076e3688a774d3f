import * as vscode from 'vscode';
import type { BatchRequest, RunRequest } from '../../api';
import type { BatchOptions } from '../../core/jobs/batches/newBatch';
import { faultySetting } from '../../core/jobs/settingNames';
import { truncateLabel } from '../../core/sql/labels';

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

/** Completes a request for a batch from code. @throws with a message for the user if it is invalid */
export function checkedBatch(
  request: BatchRequest,
): Pick<BatchRequest, 'statements' | 'durable'> &
  Pick<BatchOptions, 'parallel' | 'onFailure'> & { readonly label?: string } {
  const { statements, label, parallel = 1, onFailure = 'stop', durable } = request;
  if (durable !== undefined && typeof durable !== 'boolean') {
    throw new Error(vscode.l10n.t('runBatch: “durable” must be true or false.'));
  }
  const texts: unknown = statements;
  if (!Array.isArray(texts) || texts.length === 0 || texts.some((text) => typeof text !== 'string')) {
    throw new Error(vscode.l10n.t('runBatch: “statements” must be a list of SQL texts with at least one.'));
  }
  if (!Number.isInteger(parallel) || parallel < 1) {
    throw new Error(vscode.l10n.t('runBatch: “parallel” must be a whole number of at least 1.'));
  }
  if (!(['stop', 'continue'] as readonly unknown[]).includes(onFailure)) {
    throw new Error(vscode.l10n.t('runBatch: “onFailure” must be “stop” or “continue”.'));
  }
  const given = typeof label === 'string' && label.trim() !== '' ? { label: truncateLabel(label) } : {};
  return { statements, ...given, parallel, onFailure, ...(durable === undefined ? {} : { durable }) };
}

/** The message for invalid settings. @param fault the result of {@link faultySetting} */
export function settingsProblem(fault: string): string {
  return fault === ''
    ? vscode.l10n.t('“settings” must be an object with parameter names and string values.')
    : vscode.l10n.t('The parameter “{0}” in “settings” must have a valid name and a string as its value.', fault);
}
