import { l10n } from 'vscode';
import type { JobState } from '../../api';
import type { BatchPart } from '../../core/jobs/batches/batchPart';
import type { Job } from '../../core/jobs/job';
import { mayHaveWorker } from '../../core/jobs/states';
import { plainLabel } from '../base/plainText';

/** How many jobs of a batch are in which state. */
export interface BatchCounts {
  readonly total: number;
  /** Jobs that were launched and have ended, and those that were removed since. */
  readonly ended: number;
  readonly failed: number;
  /** Canceled after their launch. */
  readonly canceled: number;
  /** Jobs whose outcome is unknown. */
  readonly unknown: number;
  /** Jobs that ended before they were launched. */
  readonly notRun: number;
}

/** What the jobs of a batch have in common. */
export function partOf(jobs: readonly Job[]): BatchPart | undefined {
  // The first job of some batches has no part in its record.
  return jobs.find(({ record }) => record.batch)?.record.batch;
}

export function countsOf(jobs: readonly Job[]): BatchCounts {
  const count = (matches: (job: Job) => boolean): number => jobs.filter(matches).length;
  const total = jobs.reduce((max, { record }) => Math.max(max, record.batch?.count ?? 0), jobs.length);
  const notRun = count(isNotRun);
  return {
    total,
    ended: total - notRun - count(({ final }) => !final),
    failed: count(({ state }) => state === 'failed'),
    canceled: count((job) => job.state === 'canceled' && !isNotRun(job)),
    unknown: count(({ state }) => state === 'lost' || state === 'finished'),
    notRun,
  };
}

function isNotRun({ state, record }: Job): boolean {
  return state === 'canceled' && record.launchedAt === undefined;
}

/** Of several jobs, the one whose state matters most decides. While one is running, the batch is. */
const UNFINISHED: readonly JobState[] = ['unresponsive', 'canceling', 'running', 'reading', 'launching', 'detached'];
const ENDED: readonly JobState[] = ['failed', 'lost', 'finished', 'canceled'];

/** The state of a batch as a whole. */
export function batchState(jobs: readonly Job[]): JobState {
  const states = new Set(jobs.map(({ state }) => state));
  const of = (order: readonly JobState[]): JobState | undefined => order.find((state) => states.has(state));
  if (jobs.some(({ state }) => mayHaveWorker(state))) return of(UNFINISHED) ?? 'running';
  return states.has('queued') ? 'queued' : (of(ENDED) ?? 'succeeded');
}

/** `7 of 20, 1 failed` */
export function batchSummary(jobs: readonly Job[]): string {
  const { total, ended, failed, canceled, unknown, notRun } = countsOf(jobs);
  return [
    l10n.t('{0} of {1}', ended, total),
    ...(failed > 0 ? [l10n.t('{0} failed', failed)] : []),
    ...(canceled > 0 ? [l10n.t('{0} canceled', canceled)] : []),
    ...(unknown > 0 ? [l10n.t('{0} unknown', unknown)] : []),
    ...(notRun > 0 ? [l10n.t('{0} not run', notRun)] : []),
  ].join(', ');
}

/** How a batch ended, for a notification. */
export function batchEndText(label: string, jobs: readonly Job[], span: string): string {
  const { total } = countsOf(jobs);
  const succeeded = total - jobs.filter(({ state }) => state !== 'succeeded').length;
  const failure = firstFailure(jobs);
  if (!failure) {
    return succeeded === total
      ? l10n.t('“{0}”: all {1} statements succeeded after {2}.', label, total, span)
      : l10n.t('“{0}”: {1} after {2}.', label, batchSummary(jobs), span);
  }
  const first = plainLabel(failure.record.label);
  return failure.state === 'failed'
    ? l10n.t('“{0}”: {1}. “{2}” failed.', label, batchSummary(jobs), first)
    : l10n.t('“{0}”: {1}. The outcome of “{2}” is unknown.', label, batchSummary(jobs), first);
}

/** The first job of a batch that failed, or else the first whose outcome is unknown. */
export function firstFailure(jobs: readonly Job[]): Job | undefined {
  return (
    jobs.find(({ state }) => state === 'failed') ?? jobs.find(({ state }) => state === 'lost' || state === 'finished')
  );
}

/** From the first launch to the last end; undefined if nothing was launched. Milliseconds. */
export function batchDuration(jobs: readonly Job[]): number | undefined {
  const starts = jobs.flatMap(({ record }) => record.launchedAt ?? []);
  const ends = jobs.flatMap(({ record }) => (record.launchedAt === undefined ? [] : (record.finishedAt ?? [])));
  if (starts.length === 0 || ends.length === 0) return undefined;
  return Math.max(0, extreme(ends, Math.max) - extreme(starts, Math.min));
}

/** When the last job has ended, milliseconds since 1970. */
export function batchEnd(jobs: readonly Job[]): number {
  return extreme(
    jobs.map(({ record }) => record.finishedAt ?? record.queuedAt),
    Math.max,
  );
}

function extreme(times: readonly number[], choose: (a: number, b: number) => number): number {
  return times.reduce((a, b) => choose(a, b));
}

/** `in order`, `up to 4 at a time` */
export function orderText({ parallel }: Pick<BatchPart, 'parallel'>): string {
  return parallel === 1 ? l10n.t('in order') : l10n.t('up to {0} at a time', parallel);
}

export function onFailureText({ onFailure }: Pick<BatchPart, 'onFailure'>): string {
  return onFailure === 'stop' ? l10n.t('stop') : l10n.t('continue with the next statement');
}
