import { env, l10n } from 'vscode';
import type { JobState } from '../../api';
import type { Job } from '../../core/jobs/job';
import { formatRunning, formatSpan } from '../../shared/timeText';
import { shortErrorText } from './jobErrorText';

/** Length of an error in a row of the tree, so that the parts after it are kept. UTF-16 units. */
const ROW_ERROR_LENGTH = 150;

/** A number with the separators of VS Code's language. */
export function formatCount(count: number): string {
  return count.toLocaleString(env.language);
}

/**
 * `1,234 rows`; `1,234 rows stored` in a table; `UPDATE 5 · 5 rows` if the job has no result set; the command tag alone if it has no row
 * count.
 */
export function rowsText(job: Job): string {
  const { rowCount, commandTag, columns, request } = job.record;
  const tag = commandTag ?? '';
  if (request.into !== undefined && rowCount !== undefined && columns === undefined) {
    return rowCount === 1 ? l10n.t('1 row stored') : l10n.t('{0} rows stored', formatCount(rowCount));
  }
  if (rowCount === undefined || (rowCount === 0 && columns === undefined)) return tag;
  const rows = rowCount === 1 ? l10n.t('1 row') : l10n.t('{0} rows', formatCount(rowCount));
  return columns === undefined ? `${tag} · ${rows}` : rows;
}

/** A job's state as part of a sentence or a row. Every surface uses these words. */
export function stateName(state: JobState): string {
  switch (state) {
    case 'queued':
      return l10n.t('queued');
    case 'launching':
      return l10n.t('launching');
    case 'running':
      return l10n.t('running');
    case 'reading':
      return l10n.t('reading rows');
    case 'canceling':
      return l10n.t('canceling');
    case 'unresponsive':
      return l10n.t('not responding to cancel');
    case 'detached':
      return l10n.t('detached');
    case 'succeeded':
      return l10n.t('succeeded');
    case 'failed':
      return l10n.t('failed');
    case 'canceled':
      return l10n.t('canceled');
    case 'lost':
      return l10n.t('lost');
    case 'finished':
      return l10n.t('outcome unknown');
  }
}

/** A job's state as a heading or a value of its own: {@link stateName} with a capital letter. */
export function stateTitle(state: JobState): string {
  const name = stateName(state);
  return name.charAt(0).toLocaleUpperCase() + name.slice(1);
}

export interface JobSummary {
  /** What the user most wants to know about the state; short. The icon shows the state itself. */
  readonly short: string;
  /** The error of a failed job, otherwise empty; up to {@link ROW_ERROR_LENGTH} long. */
  readonly problem: string;
  /** The progress message of the job's SQL, otherwise empty; any length. */
  readonly progress: string;
}

/** Describes a job for a row or a list. @param position in the queue, from 1 */
export function jobSummary(job: Job, now: number, position?: number): JobSummary {
  const { state, progress, error } = job.record;
  return {
    short: shortText(job, now, position),
    problem: state === 'failed' && error ? shortErrorText(error, ROW_ERROR_LENGTH) : '',
    progress: state === 'running' ? (progress?.message ?? '') : '',
  };
}

function shortText(job: Job, now: number, position: number | undefined): string {
  const { record } = job;
  const { launchedAt, finishedAt } = record;
  const elapsed = launchedAt === undefined ? '' : formatRunning(now - launchedAt);
  const duration = launchedAt === undefined || finishedAt === undefined ? '' : formatSpan(finishedAt - launchedAt);
  const name = stateName(record.state);
  switch (record.state) {
    case 'queued':
      return record.held ? l10n.t('paused') : attemptText(job) || queueText(position);
    case 'launching':
    case 'lost':
    case 'finished':
      return name;
    case 'running':
      return join(percentText(job), elapsed, attemptText(job));
    case 'unresponsive':
      return join(l10n.t('not responding'), elapsed);
    case 'reading':
    case 'detached':
      return join(name, elapsed);
    case 'canceling':
      return join(name, graceText(job, now));
    case 'succeeded':
      return join(rowsText(job), duration);
    case 'failed':
      return record.error ? duration : join(name, duration);
    case 'canceled':
      return join(name, duration);
  }
}

/** `attempt 2 of 5`; empty for the first one. */
function attemptText({ record: { attempt, request } }: Job): string {
  return attempt === undefined ? '' : l10n.t('attempt {0} of {1}', attempt, request.retryOnLockTimeout ?? attempt);
}

function queueText(position: number | undefined): string {
  if (position === undefined) return l10n.t('queued');
  return position === 1 ? l10n.t('queued, next') : l10n.t('queued, position {0}', position);
}

/** When a job started, or was requested if it has not started. Milliseconds since 1970. */
export function startOf({ record }: Job): number {
  return record.launchedAt ?? record.queuedAt;
}

/** Joins the parts that are not empty. */
export function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' · ');
}

function percentText(job: Job): string {
  const { progress } = job.record;
  return progress ? `${progress.pct}%` : '';
}

/** The elapsed part of the grace window: `2 of 5 s`. Empty until SIGTERM was sent. */
function graceText(job: Job, now: number): string {
  const { cancel } = job.record;
  if (cancel?.signaledAt === undefined) return '';
  const elapsed = Math.min(cancel.graceMs, now - cancel.signaledAt);
  return l10n.t('{0} of {1} s', Math.floor(elapsed / 1000), Math.round(cancel.graceMs / 1000));
}
