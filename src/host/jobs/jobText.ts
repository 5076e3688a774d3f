import type { JobState } from '../../api';
import type { Job } from '../../core/jobs/job';
import type { WhyRunning } from '../../core/jobs/cancel/stuckReason';
import { formatRunning, formatSpan } from '../../shared/timeText';
import { l10n } from 'vscode';
import { plainError } from '../base/plainText';

/** UTF-16 units of an error in a row: with what stands beside it, it is not cut again. */
const ROW_MESSAGE = 150;

export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1,234 rows · SELECT`, or the tag alone where there are none to speak of. */
export function rowsText(job: Job): string {
  const { rowCount, commandTag, columns } = job.record;
  const tag = commandTag ?? '';
  if (rowCount === undefined || (rowCount === 0 && columns === undefined)) return tag;
  const rows = rowCount === 1 ? l10n.t('1 row') : l10n.t('{0} rows', formatCount(rowCount));
  return columns === undefined ? `${tag} · ${rows}` : rows;
}

/** A job's state, in one to three words that fit a sentence or a row. */
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

export interface StateText {
  /** Of bounded length: what the user most wants to know. */
  readonly short: string;
  /** A text of the job's own, such as its error; may be long. */
  readonly long: string;
}

/** What a row says about a job. An icon shows the plain state already. @param place in the queue, from 1 */
export function stateText(job: Job, now: number, place?: number): StateText {
  const { record } = job;
  const elapsed = record.launchedAt === undefined ? '' : formatRunning(now - record.launchedAt);
  const took =
    record.launchedAt === undefined || record.finishedAt === undefined
      ? ''
      : formatSpan(record.finishedAt - record.launchedAt);
  const name = stateName(record.state);
  const text = (short: string, long = ''): StateText => ({ short, long });
  switch (record.state) {
    case 'queued':
      return text(record.held ? l10n.t('paused') : queueText(place));
    case 'launching':
    case 'lost':
    case 'finished':
      return text(name);
    case 'running':
      return text(join(percentText(job), elapsed), record.progress?.message);
    case 'unresponsive':
      return text(join(l10n.t('not responding'), elapsed));
    case 'reading':
    case 'detached':
      return text(join(name, elapsed));
    case 'canceling':
      return text(join(name, graceText(job, now)));
    case 'succeeded':
      return text(join(rowsText(job), took));
    case 'failed':
      return text(join(name, took), record.error ? plainError(record.error, ROW_MESSAGE) : '');
    case 'canceled':
      return text(join(name, took));
  }
}

function queueText(place: number | undefined): string {
  if (place === undefined) return l10n.t('queued');
  return place === 1 ? l10n.t('queued, next') : l10n.t('queued, position {0}', place);
}

export function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' · ');
}

function percentText(job: Job): string {
  const { progress } = job.record;
  return progress ? `${progress.pct}%` : '';
}

/** `2 of 5 s`: how much of the grace window has passed. */
export function graceText(job: Job, now: number): string {
  const { cancel } = job.record;
  if (cancel?.signaledAt === undefined) return '';
  const passed = Math.min(cancel.graceMs, now - cancel.signaledAt);
  return l10n.t('{0} of {1} s', Math.floor(passed / 1000), Math.round(cancel.graceMs / 1000));
}

/** Why a worker that was asked to stop still runs, as the end of a sentence. */
export function whyClause(why: WhyRunning): string {
  switch (why.kind) {
    case 'gone':
      return l10n.t('the server no longer shows it, and its end is being read');
    case 'lock':
      return why.blocker ? l10n.t('it waits for a lock held by {0}', why.blocker) : l10n.t('it waits for a lock');
    case 'queue':
      return l10n.t('it waits to write to a full queue');
    case 'swallowed':
      return l10n.t('its SQL catches the cancel and continues (it now waits on {0})', why.wait);
    case 'cpu':
      return l10n.t('it is on CPU, and its code does not check for interrupts, or catches the cancel and continues');
    case 'unknown':
      return l10n.t('the server does not show why');
  }
}
