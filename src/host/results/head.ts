import * as vscode from 'vscode';
import type { JobState } from '../../api';
import { type DetailView, type ResultsHead, SQL_CHARACTERS } from '../../shared/resultsProtocol';
import type { ResultsJob } from './source';

/** A job's state in one or two words. */
export function stateText(state: JobState): string {
  const { t } = vscode.l10n;
  switch (state) {
    case 'queued':
      return t('Queued');
    case 'launching':
      return t('Launching');
    case 'running':
      return t('Running');
    case 'reading':
      return t('Reading rows');
    case 'canceling':
      return t('Canceling');
    case 'unresponsive':
      return t('Not responding to cancel');
    case 'detached':
      return t('Detached');
    case 'succeeded':
      return t('Succeeded');
    case 'failed':
      return t('Failed');
    case 'canceled':
      return t('Canceled');
    case 'lost':
      return t('Lost');
    case 'finished':
      return t('Finished, outcome unknown');
  }
}

/** What the page is told about a job. */
export function headOf(job: ResultsJob, now: number): ResultsHead {
  const { info } = job;
  const { launchedAt, finishedAt, pid, progress, rowCount, commandTag, error, reason } = info;
  return {
    id: info.id,
    label: info.label,
    connection: info.connection,
    state: info.state,
    stateText: stateText(info.state),
    now,
    sql: info.sql.slice(0, SQL_CHARACTERS),
    sqlLength: info.sql.length,
    details: detailsOf(job),
    canCancel: !job.final && info.state !== 'canceling',
    canRerun: true,
    ...(pid === undefined ? {} : { pid }),
    ...(reason === undefined ? {} : { reason }),
    ...(launchedAt === undefined ? {} : { startedAt: launchedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(progress === undefined ? {} : { progress }),
    ...(rowCount === undefined ? {} : { rowCount }),
    ...(commandTag === undefined ? {} : { commandTag }),
    ...(error === undefined ? {} : { error }),
  };
}

/** Times, pid, connection and settings. Passwords are in none of them: a request carries none. */
function detailsOf({ info, request }: ResultsJob): DetailView[] {
  const { t } = vscode.l10n;
  const time = (at: number | undefined): string | undefined =>
    at === undefined ? undefined : new Date(at).toLocaleString(vscode.env.language, { dateStyle: 'medium', timeStyle: 'medium' });
  const limit = (ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : ms === 0 ? t('no limit') : t('{0} ms', ms.toLocaleString(vscode.env.language));
  const rows: readonly (readonly [string, string | undefined])[] = [
    [t('Label'), info.label],
    [t('State'), stateText(info.state)],
    [t('Connection'), info.connection],
    [t('Process id'), info.pid?.toString()],
    [t('Queued'), time(info.queuedAt)],
    [t('Launched'), time(info.launchedAt)],
    [t('Ended'), time(info.finishedAt)],
    [t('Command tag'), info.commandTag],
    [t('Rows returned or affected'), info.rowCount?.toLocaleString(vscode.env.language)],
    ['statement_timeout', limit(request.statementTimeoutMs)],
    ['pg_background.worker_timeout', limit(request.workerTimeoutMs)],
    [
      t('Queue size'),
      request.queueSizeBytes === undefined
        ? undefined
        : t('{0} bytes', request.queueSizeBytes.toLocaleString(vscode.env.language)),
    ],
    [t('Job id'), info.id],
  ];
  return rows.flatMap(([label, value]) => (value === undefined || value === '' ? [] : [{ label, value }]));
}
