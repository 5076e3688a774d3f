import type { Job } from './job';
import type { ActiveWorker, Clock, Disposable, Logger, ServerLink } from './ports';
import type { JobRunner } from './runner';
import { describeWhy, whyStillRunning } from './why';

/** A worker is canceled only once it was seen running: old builds crashed when canceled in its first moments. Milliseconds. */
const SEEN_MS = 1000;

export type CancelResult = 'stopped' | 'unresponsive';

export interface CancelContext {
  readonly link: ServerLink;
  readonly clock: Clock;
  readonly log: Logger;
  save(job: Job): Promise<void>;
}

/**
 * Cancels one job's worker: SIGTERM once, then the grace window on our side, never a kill (PG_BACKGROUND.md, point 3).
 *
 * @param runner undefined for a detached job, which only the guarded `pg_terminate_backend` reaches
 * @returns `stopped` when the job ended within the window; `unresponsive` when it did not: it stays listed until it ends
 * @throws where SIGTERM could not be sent; the message says what to do
 */
export async function cancelWorker(
  job: Job,
  runner: JobRunner | undefined,
  graceMs: number,
  context: CancelContext,
): Promise<CancelResult> {
  const { clock } = context;
  const cancel = { requestedAt: clock.now(), graceMs };
  job.apply('cancel', { cancel });
  void context.save(job);
  if (runner) {
    await Promise.race([runner.launched, job.ended]);
    if (job.final) return 'stopped';
    await untilSeen(job, runner, context);
  }
  if (!job.final && !runner?.workerEnded) await signal(job, runner, context);
  if (job.final) return 'stopped';
  job.note({ cancel: { ...cancel, signaledAt: clock.now() } });
  void context.save(job);
  if (await endsWithin(job, graceMs, clock)) return 'stopped';
  // A second cancel has its own window, and the last one tells.
  if (job.record.cancel?.requestedAt !== cancel.requestedAt || job.state !== 'canceling') return 'unresponsive';
  const worker = await currentWorker(job, context);
  if (job.final) return 'stopped';
  job.apply('graceOver', { reason: describeWhy(whyStillRunning(worker)) });
  void context.save(job);
  return 'unresponsive';
}

/** The job's worker as the server shows it now; undefined where it shows none, null where it cannot be asked. */
export async function currentWorker(
  job: Job,
  context: Pick<CancelContext, 'link' | 'log'>,
): Promise<ActiveWorker | undefined | null> {
  try {
    const snapshot = await context.link.refresh();
    return snapshot.workers.find((one) => one.pid === job.record.pid && one.backendStart === job.record.backendStart);
  } catch (error) {
    context.log.warn(`Job ${job.id}: the server could not be asked why it runs: ${String(error)}`);
    return null;
  }
}

async function signal(job: Job, runner: JobRunner | undefined, context: CancelContext): Promise<void> {
  if (runner?.sessionFree) {
    await runner.signal();
    return;
  }
  const { pid, backendStart } = job.record;
  if (pid === undefined || backendStart === undefined) return;
  await context.link.terminate(pid, backendStart);
}

/** Waits until the worker was seen running, has ended, or a second has passed. */
async function untilSeen(job: Job, runner: JobRunner, context: CancelContext): Promise<void> {
  if (runner.seenActive) return;
  const watches: Disposable[] = [];
  await new Promise<void>((resolve) => {
    watches.push(
      context.link.watch('fast'),
      context.clock.after(SEEN_MS, resolve),
      context.link.onSnapshot(() => {
        if (runner.seenActive) resolve();
      }),
    );
    void job.ended.then(resolve);
  });
  for (const watch of watches) watch.dispose();
}

async function endsWithin(job: Job, ms: number, clock: Clock): Promise<boolean> {
  let timer: Disposable | undefined;
  const late = new Promise<void>((resolve) => {
    timer = clock.after(ms, resolve);
  });
  await Promise.race([job.ended, late]);
  timer?.dispose();
  return job.final;
}
