import type { Job } from '../core/jobs/job';
import type { WhyRunning } from '../core/jobs/why';
import { formatRunning, formatSpan } from '../shared/span';
import { l10n } from 'vscode';
import { plainError } from './plain';

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

/** The state in words, with what the user most wants to know beside it. */
export function stateText(job: Job, now: number, place?: number): string {
  const { record } = job;
  const elapsed = record.launchedAt === undefined ? '' : formatRunning(now - record.launchedAt);
  const taken =
    record.launchedAt === undefined || record.finishedAt === undefined
      ? ''
      : formatSpan(record.finishedAt - record.launchedAt);
  switch (record.state) {
    case 'queued':
      return record.held
        ? l10n.t('queued, waiting for you')
        : place === undefined
          ? l10n.t('queued')
          : l10n.t('queued, {0} in line', place);
    case 'launching':
      return l10n.t('launching');
    case 'running':
      return join(percentText(job), elapsed, record.progress?.message ?? '');
    case 'reading':
      return join(elapsed, l10n.t('reading rows'));
    case 'canceling':
      return join(l10n.t('canceling'), graceText(job, now));
    case 'unresponsive':
      return join(l10n.t('not responding to cancel'), elapsed);
    case 'detached':
      return join(l10n.t('detached'), elapsed);
    case 'succeeded':
      return join(rowsText(job), taken);
    case 'failed':
      return join(l10n.t('failed'), record.error ? plainError(record.error, ROW_MESSAGE) : '');
    case 'canceled':
      return join(l10n.t('canceled'), taken);
    case 'lost':
      return l10n.t('lost');
    case 'finished':
      return l10n.t('finished, outcome unknown');
  }
}

export function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' · ');
}

function percentText(job: Job): string {
  const { progress } = job.record;
  return progress ? `${progress.pct} %` : '';
}

/** `2 of 5 s`: how much of the grace window has passed. */
export function graceText(job: Job, now: number): string {
  const { cancel } = job.record;
  if (cancel?.signaledAt === undefined) return '';
  const passed = Math.min(cancel.graceMs, now - cancel.signaledAt);
  return l10n.t('{0} of {1} s', Math.floor(passed / 1000), Math.round(cancel.graceMs / 1000));
}

/** Why a worker that was asked to stop still runs, for the user. */
export function whyText(why: WhyRunning): string {
  switch (why.kind) {
    case 'gone':
      return l10n.t('The server no longer shows it; its end is being read.');
    case 'lock':
      return why.blocker ? l10n.t('It waits for a lock held by {0}.', why.blocker) : l10n.t('It waits for a lock.');
    case 'queue':
      return l10n.t('It waits to write to a full queue.');
    case 'swallowed':
      return l10n.t('Its SQL catches the cancel and goes on (it waits on {0}, which a cancel reaches).', why.wait);
    case 'cpu':
      return l10n.t('It is on CPU: its code does not check for interrupts, or catches the cancel and goes on.');
    case 'unknown':
      return l10n.t('The server does not show why.');
  }
}
