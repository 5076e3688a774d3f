import { elapses, type Clock } from '../../base/clock';
import { messageOf } from '../../base/errors';
import { FaultError, type Fault } from '../../base/fault';
import type { Logger } from '../../base/logger';
import type { Disposable } from '../../base/disposable';
import type { CancelRecord, Job } from '../job';
import { NoAnswerError } from '../errors';
import type { JobFault } from '../faults';
import { findWorker } from '../findWorker';
import type { ActiveWorker, ServerLink } from '../ports';
import type { WorkerControl } from './workerControl';

/** A worker is canceled only after it was seen running, or is this old: old builds crashed when canceled very early. Milliseconds. */
export const SEEN_MS = 1000;

/** A worker handles SIGTERM within this time: before, it still shows the wait that the signal ends. Milliseconds. */
export const SETTLE_MS = 500;

export type CancelResult = 'stopped' | 'unresponsive';

export interface CancelContext {
  readonly link: ServerLink;
  readonly clock: Clock;
  readonly log: Logger;
  /** Resolves when this window closes: SIGTERM is still sent, but the grace window is not waited for. */
  readonly closing: Promise<void>;
}

/**
 * Cancels one job: SIGTERM once, then a grace window on our side, never a kill (docs/internals/pg-background.md, section 3).
 *
 * @returns `stopped` if the job ended within the grace window; `unresponsive` if not: it stays listed until it ends
 * @throws if SIGTERM could not be sent; the job then returns to its former state
 */
export async function cancelJob(
  job: Job,
  control: WorkerControl,
  graceMs: number,
  context: CancelContext,
): Promise<CancelResult> {
  const { clock } = context;
  const before = { state: job.state, reason: job.record.reason, cancel: job.record.cancel };
  const turn = job.nextCancel();
  const cancel = { requestedAt: clock.now(), graceMs };
  job.transition('cancel', { cancel });
  await Promise.race([control.launched, job.ended]);
  if (!isOver(job)) {
    await waitUntilActive(() => control.seenActive, SEEN_MS - control.workerAge, context, job.ended);
  }
  if (isOver(job)) return 'stopped';
  let sent = false;
  try {
    // A worker that has ended, and whose rows are still being read, needs no signal.
    if (!control.workerEnded) {
      sent = await control.signal();
      if (!sent) await waitForReportedEnd(job, graceMs, context);
    }
  } catch (error) {
    if (isOver(job)) return 'stopped';
    // A cancel that may still arrive remains requested: a worker that ends because of it is canceled.
    const kept = error instanceof NoAnswerError ? { ...before, cancel: before.cancel ?? cancel } : before;
    if (turn === job.lastCancel) resume(job, control, kept);
    throw error;
  }
  if (isOver(job)) return 'stopped';
  if (sent && turn === job.lastCancel) {
    job.update({ cancel: { ...cancel, signaledAt: clock.now() } }, { durable: true });
  }
  const settledAt = clock.monotonic() + SETTLE_MS;
  const sampling = context.link.watch('steady');
  const elapsed = await elapses(clock, graceMs, [job.ended, context.closing]);
  sampling.dispose();
  if (isOver(job)) return 'stopped';
  // A second cancel has its own grace window, and the last cancel decides.
  if (!elapsed || turn !== job.lastCancel) return 'unresponsive';
  const [worker, { explainStuck }] = await Promise.all([currentWorker(job, context), import('./stuckWatch')]);
  if (isOver(job)) return 'stopped';
  if (turn === job.lastCancel && job.state === 'canceling') {
    job.transition('graceOver', { reason: explainStuck(job, worker, settledAt, context) });
  }
  return 'unresponsive';
}

/** The job's worker as the server shows it now; undefined if it shows none, null if it cannot be asked. */
async function currentWorker(
  job: Job,
  { link, log }: Pick<CancelContext, 'link' | 'log'>,
): Promise<ActiveWorker | undefined | null> {
  try {
    return findWorker(await link.refresh(), job.record);
  } catch (error) {
    log.warn(`Job ${job.id}: could not ask the server why the worker is still running: ${messageOf(error)}`);
    return null;
  }
}

/** Nothing was sent, so the job returns to its former state, or to the state that it has reached since. */
function resume(
  job: Job,
  { reading }: WorkerControl,
  {
    state,
    reason,
    cancel,
  }: Pick<Job, 'state'> & { readonly reason: Fault | undefined; readonly cancel: CancelRecord | undefined },
): void {
  if (state === 'unresponsive') job.transition('resumeUnresponsive', { cancel, reason });
  else if (job.record.sessionLost) job.transition('resumeDetached', { cancel, reason });
  else job.transition(reading ? 'resumeReading' : 'resumeRunning', { cancel });
}

/** The end of a worker that the server no longer shows is reported within this time. Milliseconds. */
export const END_REPORTED_MS = 2000;

/** No process was signaled, so the worker has ended: waits until the job learns of it. @throws FaultError if it does not */
async function waitForReportedEnd(
  job: Job,
  graceMs: number,
  { link, clock, closing, log }: CancelContext,
): Promise<void> {
  log.info(`Job ${job.id}: the server shows no worker with its pid and start, so no signal was sent.`);
  link.refresh().catch(() => undefined);
  await elapses(clock, Math.max(graceMs, END_REPORTED_MS), [job.ended, closing]);
  if (!isOver(job)) throw noWorkerToSignal(job);
}

/** The server signaled no process, and nothing shows that the worker has ended. */
export function noWorkerToSignal({ record: { pid } }: Job): FaultError<JobFault> {
  return new FaultError({ code: 'jobs.noWorkerToSignal', params: pid === undefined ? {} : { pid } });
}

/** Waits until a worker was seen running, until the time is over, or until its job has ended. @param ms milliseconds */
export async function waitUntilActive(
  seenActive: () => boolean,
  ms: number,
  { link, clock }: Pick<CancelContext, 'link' | 'clock'>,
  ended?: Promise<void>,
): Promise<void> {
  if (ms <= 0 || seenActive()) return;
  const watches: Disposable[] = [];
  const active = new Promise<void>((resolve) => {
    watches.push(
      link.watch('fast'),
      clock.after(ms, resolve),
      link.onSnapshot(() => {
        if (seenActive()) resolve();
      }),
    );
  });
  await Promise.race(ended ? [active, ended] : [active]);
  for (const watch of watches) watch.dispose();
}

/** A function, because the state changes during each `await`, which TypeScript's narrowing does not know. */
function isOver(job: Job): boolean {
  return job.final;
}
