import { posix } from 'node:path';
import { labeledValues, type LabeledValue } from '../base/labeledValues';
import { env, l10n } from 'vscode';
import type { JobInfo, RunRequest } from '../../api';
import { SQL_CHARACTERS } from '../../shared/resultsLimits';
import type { DetailView, ResultsHead } from '../../shared/resultsProtocol';
import { launchOptions } from '../../core/jobs/run/launchLimits';
import { launchText } from '../../core/sql/settings/launchSettings';
import { sizeText } from '../../shared/displayText';
import { formatDate, formatSpan } from '../../shared/timeText';
import type { DurableFacts } from '../../core/jobs/durable/ports';
import { join, stateTitle } from '../jobs/jobText';
import { slowerText, usualText } from '../jobs/usualText';
import { waitedText } from '../jobs/waitedText';
import { durationText } from '../launch/durations';
import type { FailureLocation } from '../editor/failures';
import type { ResultsJob } from './rowSource';

/** Command tags that include a number of rows. https://www.postgresql.org/docs/current/protocol-message-formats.html, CommandComplete */
const COUNTED_TAG = /^(INSERT|DELETE|UPDATE|MERGE|SELECT|MOVE|FETCH|COPY)\b/;

/** The header of a job for the page. */
export function headOf(job: ResultsJob, now: number, errorPlace?: FailureLocation): ResultsHead {
  if (job.comparison) return { ...job.comparison.head, now };
  const { info } = job;
  const { launchedAt, finishedAt, pid, progress, rowCount, commandTag, error, reason } = info;
  return {
    id: info.id,
    label: info.label,
    connection: info.connection,
    state: info.state,
    stateText: stateTitle(info.state),
    now,
    sql: info.sql.slice(0, SQL_CHARACTERS),
    sqlLength: info.sql.length,
    details: detailsOf(job, now),
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
    ...(errorPlace === undefined ? {} : { errorPlace: placeText(errorPlace) }),
  };
}

/** `sample.sql:28:17`, counted from 1 as in VS Code's status bar. */
function placeText({ uri, start }: FailureLocation): string {
  return `${posix.basename(uri.path)}:${start.line + 1}:${start.character + 1}`;
}

function limitAdvice(): string {
  return l10n.t(
    'Set statement_timeout or pg_background.worker_timeout before the launch (“Run Again with Timeout…”): the server then stops the worker by itself. Neither stops code that never checks for interrupts. This extension never kills a worker, because a kill restarts the whole server.',
  );
}

/** Whether the command reports a number of rows. For others, such as DO and CREATE TABLE, showing 0 rows would be misleading. */
function countsRows({ rowCount = 0, commandTag = '' }: JobInfo): boolean {
  return rowCount > 0 || COUNTED_TAG.test(commandTag);
}

/** Times, pid, connection, and settings. They contain no passwords, because requests contain none. */
function detailsOf(job: ResultsJob, now: number): DetailView[] {
  const { info, request, kept, usual, signaledAt, durable, waited } = job;
  const time = (at: number | undefined): string | undefined =>
    at === undefined ? undefined : formatDate(at, env.language);
  const rows: readonly LabeledValue[] = [
    [l10n.t('Label'), info.label],
    [l10n.t('State'), stateTitle(info.state)],
    [l10n.t('How to limit such work'), info.state === 'unresponsive' ? limitAdvice() : undefined],
    [l10n.t('Connection'), info.connection],
    [l10n.t('Launched by'), info.launchedBy && l10n.t('a language model, with a tool')],
    [
      l10n.t('Batch'),
      info.batch && l10n.t('{0}, {1} of {2}', info.batch.label, info.batch.index + 1, info.batch.count),
    ],
    ...durableDetails(durable),
    [l10n.t('Process id'), info.pid?.toString()],
    [l10n.t('Attempt'), attemptText(info, request)],
    [l10n.t('Queued'), time(info.queuedAt)],
    [l10n.t('Launched'), time(info.launchedAt)],
    [l10n.t('SIGTERM sent'), time(signaledAt)],
    [l10n.t('Ended'), time(info.finishedAt)],
    [l10n.t('Run time on the server'), info.serverMs === undefined ? undefined : formatSpan(info.serverMs)],
    [l10n.t('Waited mostly for'), waited && waitedText(waited)],
    [l10n.t('Earlier runs'), usual && join(usualText(usual), slowerText(info, usual, now))],
    [l10n.t('Command tag'), info.commandTag],
    [l10n.t('Rows returned or affected'), countsRows(info) ? info.rowCount?.toLocaleString(env.language) : undefined],
    [l10n.t('Stored in'), request.into],
    [l10n.t('Rows kept'), kept && `${kept.rows.toLocaleString(env.language)} (${sizeText(kept.bytes)})`],
    ...settingsOf(job).map(({ label, value }) => [label, value] as const),
    [
      l10n.t('Queue size'),
      request.queueSizeBytes === undefined
        ? undefined
        : l10n.t('{0} bytes', request.queueSizeBytes.toLocaleString(env.language)),
    ],
    [l10n.t('Job id'), info.id],
  ];
  return labeledValues(rows);
}

/** The parameters of the worker, as far as they are known. */
export function settingsOf({ request, limits }: ResultsJob): DetailView[] {
  const limit = (ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : ms === 0 ? l10n.t('no limit') : durationText(ms);
  const { settings } = launchOptions(request, launchText(request.sql));
  const rows: readonly LabeledValue[] = [
    // After the launch, the limits on the server, which the text and the role can set too.
    ['statement_timeout', limit(limits ? limits.statementTimeoutMs : request.statementTimeoutMs)],
    ['pg_background.worker_timeout', limit(limits ? limits.workerTimeoutMs : request.workerTimeoutMs)],
    ...Object.entries(settings ?? {}),
  ];
  return labeledValues(rows);
}

function attemptText({ attempt }: JobInfo, { retryOnLockTimeout: attempts = 1 }: RunRequest): string | undefined {
  return attempts > 1 ? l10n.t('{0} of {1}', attempt ?? 1, attempts) : undefined;
}

/** What is different about a durable job. */
function durableDetails(durable: DurableFacts | undefined): (readonly [string, string | undefined])[] {
  if (!durable) return [];
  const { id, owner, keeperPid, xid, proven, rows } = durable;
  return [
    [l10n.t('Durable job'), l10n.t('number {0} on the server, of the role {1}', id, owner)],
    [l10n.t('Keeper'), keeperPid === undefined ? undefined : l10n.t('pid {0}', keeperPid)],
    [l10n.t('Transaction id'), xid],
    [
      l10n.t('Proof of the outcome'),
      proven
        ? l10n.t('the server’s commit log')
        : l10n.t('none, because the statement must run alone: if its keeper ends early, the outcome is unknown'),
    ],
    [l10n.t('Rows'), rows === 'stored' ? l10n.t('in a table on the server until they are purged') : undefined],
    [l10n.t('Messages'), l10n.t('not kept for durable jobs')],
  ];
}
