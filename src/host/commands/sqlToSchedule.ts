import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { EditorCommands } from '../editor/editorCommands';
import type { EditorSnapshot } from '../editor/editorSnapshot';
import type { Scheduled } from '../schedule/schedule';

/** The SQL on which Schedule was called: a job's, or that of the active editor. Undefined if there is none, or the user gives up. */
export async function sqlToSchedule(
  jobs: JobService,
  [job]: readonly Job[],
  first: unknown,
  here: EditorSnapshot | undefined,
  editor: () => Promise<EditorCommands>,
): Promise<Scheduled | undefined> {
  // The SQL of a durable job may be cut in the list.
  if (job) await jobs.durable.whole(job.id);
  const inEditor = first === undefined || first instanceof vscode.Uri;
  const request = job?.record.request ?? (inEditor ? await (await editor()).prepareOne(here) : undefined);
  if (!request) return undefined;
  const { sql, statementTimeoutMs, workerTimeoutMs, settings } = request;
  const options = [statementTimeoutMs, workerTimeoutMs, settings];
  const { label = '', connection = '' } = job?.record ?? request;
  return { sql, label, connection, hasOptions: options.some((option) => option !== undefined) };
}
