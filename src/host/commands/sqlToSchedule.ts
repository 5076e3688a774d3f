import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import type { EditorCommands } from '../editor/editorCommands';
import type { Scheduled } from '../schedule/schedule';

/** The SQL on which Schedule was called: a job's, or that of the active editor. Undefined if there is none, or the user gives up. */
export async function sqlToSchedule(
  [job]: readonly Job[],
  first: unknown,
  editor: EditorCommands,
): Promise<Scheduled | undefined> {
  const inEditor = first === undefined || first instanceof vscode.Uri;
  const request = job?.record.request ?? (inEditor ? await editor.prepareOne() : undefined);
  if (!request) return undefined;
  const { sql, statementTimeoutMs, workerTimeoutMs, settings } = request;
  const options = [statementTimeoutMs, workerTimeoutMs, settings];
  const { label = '', connection = '' } = job?.record ?? request;
  return { sql, label, connection, hasOptions: options.some((option) => option !== undefined) };
}
