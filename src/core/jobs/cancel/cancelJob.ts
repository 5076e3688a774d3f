import { lasts, type Clock } from '../../base/clock';
import type { Job, JobRecord } from '../job';
import { messageOf } from '../../base/errors';
import { NoAnswerError, SessionLostError } from '../errors';
import type { ActiveWorker, ServerLink } from '../ports';
import type { Disposable } from '../../base/disposable';
import type { Logger } from '../../base/logger';
import type { JobRunner } from '../run/jobRunner';
import { findWorker, serverOf } from '../serverIdentity';
import { describeWhy, whyStillRunning } from './stuckReason';

/** A worker is canceled only once it was seen running: old builds crashed when canceled in its first moments. Milliseconds. */
export const SEEN_MS = 1000;

export type CancelResult = 'stopped' | 'unresponsive';

export interface CancelContext {
  readonly link: ServerLink;
  readonly clock: Clock;
  readonly log: Logger;
  /** Resolves when this window closes: SIGTERM is still sent, but nobody waits for what comes of it. */
  readonly closing: Promise<void>;
  save(job: Job): Promise<void>;
}

/**
 * Cancels one job's worker: SIGTERM once, then the grace window on our side, never a kill (PG_BACKGROUND.md, point 3).
 *
 * @param runner undefined for a detached job, which only the guarded `pg_terminate_backend` reaches
 * @returns `stopped` when the job ended within the window; `unresponsive` when it did not: it stays listed until it ends
 * @throws where SIGTERM could not be sent; the message says what to do, and the job is again what it was
 */
export async function cancelWorker(
  job: Job,
  runner: JobRunner | undefined,
  graceMs: number,
  context: CancelContext,
): Promise<CancelResult> {
  const { clock } = context;
  const before = { state: job.state, reason: job.record.reason, cancel: job.record.cancel };
  const turn = job.nextCancel();
  const cancel = { requestedAt: clock.now(), graceMs };
  job.apply('cancel', { cancel });
  if (runner) await Promise.race([runner.launched, job.ended]);
  if (!isOver(job)) {
    const find = (): ActiveWorker | undefined => findWorker(job.record, context.link.snapshot);
    const seen = (): boolean => runner?.seenActive === true || find()?.state === 'active';
    // A detached worker may be of a second ago: the clock of another life cannot tell.
    const left = SEEN_MS - (runner?.workerAge ?? 0);
    await untilSeen(seen, left, context, job.ended);
  }
  if (isOver(job)) return 'stopped';
  let sent = false;
  try {
    const again = before.cancel?.signaledAt !== undefined;
    // A worker that has ended, and whose rows are still being read, needs no signal.
    if (!runner?.workerEnded) {
      runner?.noteSignal();
      sent = await signal(job, again ? undefined : runner, context);
      if (!sent) await noneSignaled(job, graceMs, context);
    }
  } catch (error) {
    if (isOver(job)) return 'stopped';
    // A cancel that may still arrive was requested all the same: a worker that ends over it is canceled.
    const kept = error instanceof NoAnswerError ? { ...before, cancel: before.cancel ?? cancel } : before;
    if (turn === job.lastCancel) resume(job, runner, kept);
    throw error;
  }
  if (isOver(job)) return 'stopped';
  if (sent && turn === job.lastCancel) {
    job.note({ cancel: { ...cancel, signaledAt: clock.now() } });
    void context.save(job);
  }
  const over = await lasts(clock, graceMs, [job.ended, context.closing]);
  if (isOver(job)) return 'stopped';
  // A second cancel has its own window, and the last one tells.
  if (!over || turn !== job.lastCancel) return 'unresponsive';
  const worker = await currentWorker(job, context);
  if (isOver(job)) return 'stopped';
  if (turn === job.lastCancel && job.state === 'canceling') {
    job.apply('graceOver', { reason: describeWhy(whyStillRunning(worker)) });
  }
  return 'unresponsive';
}

/** The job's worker as the server shows it now; undefined where it shows none, null where it cannot be asked. */
export async function currentWorker(
  job: Job,
  context: Pick<CancelContext, 'link' | 'log'>,
): Promise<ActiveWorker | undefined | null> {
  try {
    return findWorker(job.record, await context.link.refresh());
  } catch (error) {
    context.log.warn(`Job ${job.id}: the server could not be asked why it runs: ${messageOf(error)}`);
    return null;
  }
}

/** Nothing was sent, so the job is what it was, or what it has become since. */
function resume(
  job: Job,
  runner: JobRunner | undefined,
  before: Pick<Job, 'state'> & { reason: string | undefined; cancel: JobRecord['cancel'] },
): void {
  if (before.cancel === undefined) delete job.record.cancel;
  const facts = before.cancel === undefined ? {} : { cancel: before.cancel };
  const reason = before.reason === undefined ? {} : { reason: before.reason };
  if (before.state === 'unresponsive') job.apply('resumeUnresponsive', { ...facts, ...reason });
  else if (job.record.detached) job.apply('resumeDetached', { ...facts, ...reason });
  else job.apply(runner?.reading ? 'resumeReading' : 'resumeRunning', facts);
}

/**
 * Sends SIGTERM, through the session where it is free. Once only: a second `pg_background_cancel` of the same worker does nothing
 * (measured), so from then on, and where there is no session, it goes by `pg_terminate_backend`.
 * @returns false if the server shows no such worker, so that no process was signaled
 */
async function signal(job: Job, runner: JobRunner | undefined, context: CancelContext): Promise<boolean> {
  if (runner?.sessionFree) {
    try {
      if (await runner.signal()) return true;
    } catch (error) {
      // The session went away over it; the worker can still be reached.
      if (!(error instanceof SessionLostError)) throw error;
    }
  }
  const { pid } = job.record;
  let { backendStart } = job.record;
  if (pid !== undefined && backendStart === undefined) {
    // It was not yet shown when it was launched: a worker of this pid that this server shows now is ours.
    backendStart = findWorker(job.record, await context.link.refresh())?.backendStart;
  }
  if (pid === undefined || backendStart === undefined) return false;
  return context.link.terminate(pid, backendStart, serverOf(job.record));
}

/** A worker that has ended is reported so by whoever watches it, soon after a new look at the server. Milliseconds. */
const END_SEEN_MS = 2000;

/** No process was signaled: the worker has ended, which its job is about to learn. @throws if it does not */
async function noneSignaled(job: Job, graceMs: number, { link, clock, closing, log }: CancelContext): Promise<void> {
  log.info(`Job ${job.id}: the server shows no worker with its pid and start, so no signal was sent.`);
  link.refresh().catch(() => undefined);
  await lasts(clock, Math.max(graceMs, END_SEEN_MS), [job.ended, closing]);
  if (isOver(job)) return;
  throw new Error(
    `The server shows no worker with pid ${job.record.pid ?? '(unknown)'} that is this job's, so no signal was sent.`,
  );
}

/** Waits until a worker was seen running, at most that many milliseconds, or until its job has ended. */
export async function untilSeen(
  seen: () => boolean,
  left: number,
  { link, clock }: Pick<CancelContext, 'link' | 'clock'>,
  ended?: Promise<void>,
): Promise<void> {
  if (left <= 0 || seen()) return;
  const watches: Disposable[] = [];
  const shown = new Promise<void>((resolve) => {
    watches.push(
      link.watch('fast'),
      clock.after(left, resolve),
      link.onSnapshot(() => {
        if (seen()) resolve();
      }),
    );
  });
  await Promise.race(ended ? [shown, ended] : [shown]);
  for (const watch of watches) watch.dispose();
}

/** Asked anew each time: it changes while others are waited for. */
function isOver(job: Job): boolean {
  return job.final;
}
