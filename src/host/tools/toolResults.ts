/** What the tools return: JSON with clear fields, so that data cannot be mistaken for anything else. Connections appear by name only. */
import { FaultError } from '../../core/base/fault';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import type { SpoolFiles } from '../../core/results/spool/spoolStore';
import { fittingRows, VALUE_CHARACTERS } from '../../core/tools/budget';
import type { ToolFault } from '../../core/tools/faults';
import type { ToolInput } from '../../core/tools/inputs';
import { neutralMoreText, shorten } from '../../shared/displayText';
import { jobInfo, shownNotices } from '../messages/jobInfo';
import type { LaunchPlan } from './launchPlan';

/** Renders a result with about this many characters at most. */
export type Render = (characters: number) => string;

/** The newest messages and jobs that a result has, at most. */
const MAX_MESSAGES = 10;
const MAX_JOBS = 50;
/** The length of a job in a list, of a result's fixed fields, and of a text of a job. UTF-16 units. */
const JOB_CHARACTERS = 350;
const FIXED_CHARACTERS = 300;
const MIN_TEXT = 40;
const MAX_TEXT = 1000;

function time(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}

export function launched({ id, state }: Job, plan: LaunchPlan): Render {
  const { label, connection, mayWrite, ignored } = plan;
  return () =>
    JSON.stringify({
      id,
      state,
      label,
      connection: connection.name,
      readOnly: mayWrite === undefined,
      ...(ignored.length > 0 && { commentsWithoutEffect: ignored }),
    });
}

/** Who launched a job: its results belong to them. */
export function launchedBy({ record }: Job): 'tool' | 'user' {
  return record.launchedBy === undefined ? 'user' : 'tool';
}

export function status(job: Job, jobs: JobService): Render {
  const { record } = job;
  const info = jobInfo(job);
  const { error } = info;
  const { launchedAt, finishedAt, progress, rows } = record;
  return (characters) => {
    const max = Math.max(MIN_TEXT, Math.min(MAX_TEXT, Math.floor(characters / 12)));
    const short = (text: string | undefined, cutBytes = 0): string | undefined =>
      text && shorten(text, max, neutralMoreText, cutBytes);
    const room = Math.max(1, Math.min(MAX_MESSAGES, Math.floor(characters / (2 * max))));
    const notices = shownNotices(jobs.notices(job.id)).slice(-room);
    return JSON.stringify({
      id: info.id,
      label: info.label,
      connection: info.connection,
      launchedBy: launchedBy(job),
      state: info.state,
      ended: job.final,
      paused: record.held && info.state === 'queued' ? true : undefined,
      readOnly: record.request.readOnly,
      queuedAt: time(info.queuedAt),
      launchedAt: time(launchedAt),
      finishedAt: time(finishedAt),
      seconds: launchedAt === undefined || finishedAt === undefined ? undefined : (finishedAt - launchedAt) / 1000,
      progress: progress && { percent: progress.pct, message: short(progress.message) },
      reason: short(info.reason),
      error: error && {
        sqlstate: error.sqlstate,
        message: short(error.message, error.truncatedBytes),
        detail: short(error.detail),
        hint: short(error.hint),
        context: short(error.context),
        // At the position that the server names.
        at: error.position === undefined ? undefined : info.sql.slice(error.position, error.position + MIN_TEXT),
      },
      commandTag: info.commandTag,
      rowCount: info.rowCount,
      rowsKept: rows?.rows,
      rowsNotKept: rows?.dropped === 0 ? undefined : rows?.dropped,
      messages: notices.map(({ severity, message, truncatedBytes }) => ({
        severity,
        message: short(message, truncatedBytes),
      })),
      messageCount: record.noticeCount,
    });
  };
}

/** @throws FaultError if there are no rows yet */
export async function rows(
  job: Job,
  files: SpoolFiles,
  { offset, limit }: ToolInput<'pgbackground_rows'>,
): Promise<Render> {
  const { record, id } = job;
  const { columns, state } = record;
  if (!columns) {
    if (!job.final) throw new FaultError<ToolFault>({ code: 'tools.noRowsYet', params: { state } });
    return () => JSON.stringify({ id, state, columns: [], rows: [], offset, total: 0, totalIsFinal: true });
  }
  const reader = await files.open(id, columns);
  try {
    const ended = job.final;
    const { rows: total, dropped } = await reader.status();
    const page = await reader.preview(offset, limit, { maxLength: VALUE_CHARACTERS });
    const named = reader.columns.map(({ name, type }) => ({ name, type }));
    return (characters) => {
      const room = characters - FIXED_CHARACTERS - JSON.stringify(named).length;
      const fitting = fittingRows(page.rows, page.cut, room);
      const next = offset + fitting.rows.length;
      return JSON.stringify({
        id,
        state,
        columns: named,
        rows: fitting.rows,
        ...(fitting.cut.length > 0 && { cut: fitting.cut }),
        offset,
        total,
        totalIsFinal: ended,
        ...(next < total && { nextOffset: next }),
        ...(dropped > 0 && { rowsNotKept: dropped }),
      });
    };
  } finally {
    await reader.close();
  }
}

export function canceled(job: Job, result: string): Render {
  return () => JSON.stringify({ id: job.id, result, state: job.state });
}

/** @param jobs those that tools see, oldest first */
export function list(
  connections: readonly ConnectionProfile[],
  defaultConnection: string | undefined,
  jobs: readonly Job[],
): Render {
  const known = connections.map(({ name, production, readOnly }) => ({
    name,
    ...(name === defaultConnection && { default: true }),
    ...(production === true && { production }),
    ...(readOnly === true && { readOnly }),
  }));
  return (characters) => {
    const room = Math.floor((characters - JSON.stringify(known).length) / JOB_CHARACTERS);
    const shown = jobs.toReversed().slice(0, Math.max(1, Math.min(MAX_JOBS, room)));
    return JSON.stringify({
      connections: known,
      jobs: shown.map((job) => {
        const { id, label, connection, state, queuedAt, finishedAt } = job.record;
        const times = { queuedAt: time(queuedAt), finishedAt: time(finishedAt) };
        return { id, label, connection, state, launchedBy: launchedBy(job), ...times };
      }),
      jobCount: jobs.length,
    });
  };
}
