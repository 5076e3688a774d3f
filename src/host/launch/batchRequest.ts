import * as vscode from 'vscode';
import type { BatchRequest } from '../../api';
import type { BatchOptions } from '../../core/jobs/batches/batchPart';
import { truncateLabel } from '../../core/sql/labels';

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
