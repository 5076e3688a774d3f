/** Reads the definition of a task, as it is written in tasks.json. */
import { l10n } from 'vscode';
import { truncateLabel } from '../../core/sql/labels';
import type { BatchOptions } from '../../core/jobs/batches/batchPart';
import { parseDuration } from '../../core/sql/settings/gucUnits';
import type { RunOptions } from '../launch/request';

/** The type of the tasks, in tasks.json. */
export const TASK_TYPE = 'pgbg';

/** What a task runs. */
export interface TaskRequest {
  readonly what: { readonly file: string } | { readonly sql: string };
  readonly options: RunOptions;
  readonly batch?: Pick<BatchOptions, 'parallel' | 'onFailure'>;
  readonly variables: ReadonlyMap<string, string>;
}

/** @throws with a message for the user if the definition is invalid */
export function readTaskDefinition(definition: Readonly<Record<string, unknown>>): TaskRequest {
  const { batch, durable, variables } = definition;
  const file = textOf(definition, 'file');
  const sql = textOf(definition, 'sql');
  if ((file === undefined) === (sql === undefined)) {
    throw new Error(l10n.t('The task needs either “file” or “sql” in tasks.json.'));
  }
  if (durable !== undefined && typeof durable !== 'boolean') {
    throw new Error(l10n.t('“{0}” of the task must be true or false.', 'durable'));
  }
  const label = textOf(definition, 'label');
  const connection = textOf(definition, 'connection');
  const statementTimeoutMs = durationOf(definition, 'timeout');
  const workerTimeoutMs = durationOf(definition, 'workerTimeout');
  const how = batchOf(batch);
  return {
    what: file === undefined ? { sql: sql ?? '' } : { file },
    options: {
      ...(label === undefined ? {} : { label: truncateLabel(label) }),
      ...(connection === undefined ? {} : { connection }),
      ...(durable === undefined ? {} : { durable }),
      ...(statementTimeoutMs === undefined ? {} : { statementTimeoutMs }),
      ...(workerTimeoutMs === undefined ? {} : { workerTimeoutMs }),
    },
    ...(how && { batch: how }),
    variables: variablesOf(variables),
  };
}

function textOf(definition: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = definition[name];
  if (value === undefined) return undefined;
  // An empty text is as good as none, such as that of an input that the user left empty.
  if (typeof value === 'string') return value.trim() === '' ? undefined : value;
  throw new Error(l10n.t('“{0}” of the task must be a text.', name));
}

function durationOf(definition: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const text = textOf(definition, name);
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms === undefined) {
    throw new Error(l10n.t('“{0}” of the task must be a duration such as 500ms, 30s, 5min, or 2h.', name));
  }
  return ms;
}

function batchOf(batch: unknown): Pick<BatchOptions, 'parallel' | 'onFailure'> | undefined {
  if (batch === undefined || batch === false) return undefined;
  if (batch === true) return { parallel: 1, onFailure: 'stop' };
  const { parallel = 1, onFailure = 'stop' } = (typeof batch === 'object' ? (batch ?? {}) : {}) as Record<
    string,
    unknown
  >;
  const valid =
    typeof batch === 'object' &&
    batch !== null &&
    !Array.isArray(batch) &&
    Number.isInteger(parallel) &&
    Number(parallel) >= 1 &&
    (onFailure === 'stop' || onFailure === 'continue');
  if (!valid) {
    throw new Error(
      l10n.t(
        '“batch” of the task must be true or false, or an object with “parallel” (a whole number of at least 1) and “onFailure” (“stop” or “continue”).',
      ),
    );
  }
  return { parallel: Number(parallel), onFailure };
}

function variablesOf(variables: unknown): ReadonlyMap<string, string> {
  if (variables === undefined) return new Map();
  const entries = typeof variables === 'object' && variables !== null ? Object.entries(variables) : undefined;
  const values = entries?.flatMap(([name, value]: [string, unknown]): (readonly [string, string])[] => {
    if (value === null) return [[name, 'NULL']];
    return typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : [];
  });
  if (!values || Array.isArray(variables) || values.length !== entries?.length) {
    throw new Error(
      l10n.t('“variables” of the task must be an object with names and values: texts, numbers, or null.'),
    );
  }
  return new Map(values);
}
