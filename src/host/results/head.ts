import { env, l10n } from 'vscode';
import type { JobState } from '../../api';
import { type DetailView, type ResultsHead, SQL_CHARACTERS } from '../../shared/resultsProtocol';
import { launchOptions } from '../../core/jobs/launchLimits';
import { launchText } from '../../core/sql/launchSettings';
import { formatDate } from '../../shared/span';
import type { ResultsJob } from './source';

/** A job's state in one or two words. */
export function stateText(state: JobState): string {
  switch (state) {
    case 'queued':
      return l10n.t('Queued');
    case 'launching':
      return l10n.t('Launching');
    case 'running':
      return l10n.t('Running');
    case 'reading':
      return l10n.t('Reading rows');
    case 'canceling':
      return l10n.t('Canceling');
    case 'unresponsive':
      return l10n.t('Not responding to cancel');
    case 'detached':
      return l10n.t('Detached');
    case 'succeeded':
      return l10n.t('Succeeded');
    case 'failed':
      return l10n.t('Failed');
    case 'canceled':
      return l10n.t('Canceled');
    case 'lost':
      return l10n.t('Lost');
    case 'finished':
      return l10n.t('Finished, outcome unknown');
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
    noticeCount: job.noticeCount,
    ...(job.noticesDropped === undefined ? {} : { noticesDropped: job.noticesDropped }),
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
function detailsOf({ info, request, limits, kept, signaledAt }: ResultsJob): DetailView[] {
  const time = (at: number | undefined): string | undefined =>
    at === undefined ? undefined : formatDate(at, env.language);
  const limit = (ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : ms === 0 ? l10n.t('no limit') : l10n.t('{0} ms', ms.toLocaleString(env.language));
  const { settings } = launchOptions(request, launchText(request.sql));
  const rows: readonly (readonly [string, string | undefined])[] = [
    [l10n.t('Label'), info.label],
    [l10n.t('State'), stateText(info.state)],
    [l10n.t('Connection'), info.connection],
    [l10n.t('Process id'), info.pid?.toString()],
    [l10n.t('Queued'), time(info.queuedAt)],
    [l10n.t('Launched'), time(info.launchedAt)],
    [l10n.t('SIGTERM sent'), time(signaledAt)],
    [l10n.t('Ended'), time(info.finishedAt)],
    [
      l10n.t('Run time on the server'),
      info.serverMs === undefined ? undefined : l10n.t('{0} ms', info.serverMs.toLocaleString(env.language)),
    ],
    [l10n.t('Command tag'), info.commandTag],
    [l10n.t('Rows returned or affected'), info.rowCount?.toLocaleString(env.language)],
    [
      l10n.t('Rows kept'),
      kept &&
        l10n.t('{0} ({1} bytes)', kept.rows.toLocaleString(env.language), kept.bytes.toLocaleString(env.language)),
    ],
    // Once launched, as the server had them: the text and the role may set limits too.
    ['statement_timeout', limit(limits ? limits.statementTimeoutMs : request.statementTimeoutMs)],
    ['pg_background.worker_timeout', limit(limits ? limits.workerTimeoutMs : request.workerTimeoutMs)],
    ...Object.entries(settings ?? {}).map(([name, value]) => [name, value] as const),
    [
      l10n.t('Queue size'),
      request.queueSizeBytes === undefined
        ? undefined
        : l10n.t('{0} bytes', request.queueSizeBytes.toLocaleString(env.language)),
    ],
    [l10n.t('Job id'), info.id],
  ];
  return rows.flatMap(([label, value]) => (value === undefined || value === '' ? [] : [{ label, value }]));
}
