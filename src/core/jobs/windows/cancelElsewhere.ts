import { elapses, type Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { END_REPORTED_MS, noWorkerToSignal, SEEN_MS, type CancelResult } from '../cancel/cancelJob';
import { BackendControl } from '../cancel/workerControl';
import { findWorker } from '../findWorker';
import type { Job } from '../job';
import type { ActivitySnapshot, ServerLink } from '../ports';
import { compareServers, serverOf, serverOfSnapshot } from '../serverIdentity';
import type { CommandFiles } from '../store/commandFiles';

/** How long the owner of a job has to react to a command. Milliseconds. */
const REACTION_MS = 1000;

/** An owner that reacted sends SIGTERM within this time, because it may have to see the worker running first. Milliseconds. */
const SIGNAL_MS = SEEN_MS + 2000;

export interface CancelElsewhereContext {
  /** Returns this window's link of the job's connection. @throws if there is none */
  link(): ServerLink;
  readonly commands: Pick<CommandFiles, 'send' | 'remove'>;
  readonly clock: Clock;
  /** Resolves when this window closes. */
  readonly closing: Promise<void>;
  readonly onDidChange: (listener: (job: Job) => void) => Disposable;
  /** Adopts the job if it still waits in the queue of its owner. */
  takeQueued(job: Job): Promise<boolean>;
}

/**
 * Cancels a job of another window: asks its owner to. If the owner does not react, signals the worker from here, or takes the job out of the
 * queue of its owner. The grace window is measured here.
 *
 * The command stays on disk until the owner has seen it, so that an owner that was suspended reports the job as canceled.
 *
 * @returns `taken` if the job belongs to this window now, and must be canceled as such
 * @throws if neither the owner nor this window could send SIGTERM
 */
export async function cancelElsewhere(
  job: Job,
  graceMs: number,
  context: CancelElsewhereContext,
): Promise<CancelResult | 'taken'> {
  const { clock, commands } = context;
  const before = job.record.cancel?.requestedAt;
  const reacted = (): boolean => job.record.cancel !== undefined && job.record.cancel.requestedAt !== before;
  const over = (): boolean => job.final || !job.mirrored;
  const file = await commands.send(job.id, { command: 'cancel', graceMs, at: clock.now() }).catch((error: unknown) => {
    // Without a place for the command, the worker can still be signaled.
    if (job.record.pid === undefined) throw error;
    return undefined;
  });
  try {
    if (file !== undefined) await until(job, () => over() || reacted(), REACTION_MS, context);
    if (!over() && reacted()) {
      const signaled = (): boolean => job.record.cancel?.signaledAt !== undefined || !reacted();
      await until(job, () => over() || signaled(), SIGNAL_MS, context);
      // The owner takes its cancel back if it could not send SIGTERM.
      if (!over() && reacted()) await until(job, () => over() || !reacted(), graceMs, context);
      if (!over() && reacted()) return 'unresponsive';
    }
    if (!over() && job.state === 'queued' && (await context.takeQueued(job))) return 'taken';
    if (over()) return job.final ? 'stopped' : 'taken';
    return await signalFromHere(job, graceMs, context);
  } finally {
    if (file !== undefined && over()) await commands.remove(file);
  }
}

/** The owner does not react: it may be suspended. Its record will say how the job ended once it continues. */
async function signalFromHere(job: Job, graceMs: number, context: CancelElsewhereContext): Promise<CancelResult> {
  // While it is being launched, only the owner knows the worker.
  if (job.record.pid !== undefined) {
    const link = context.link();
    const sent = await new BackendControl(job, link).signal();
    const since = context.clock.monotonic();
    const watches: Disposable[] = [];
    const gone = new Promise<void>((resolve) => {
      const look = (snapshot: ActivitySnapshot): void => {
        if (snapshot.at >= since && !mayShowWorker(job, snapshot)) resolve();
      };
      watches.push(link.watch('fast'), link.onSnapshot(look));
    });
    // Without a process to signal, the worker has probably ended, but that must be seen.
    if (!sent) link.refresh().catch(() => undefined);
    const stopped = Promise.race([job.ended, gone]).then(() => 'stopped' as const);
    const ms = sent ? graceMs : Math.max(graceMs, END_REPORTED_MS);
    const time = elapses(context.clock, ms, [stopped, context.closing]).then(() => 'unresponsive' as const);
    const result = await Promise.race([stopped, time]);
    for (const watch of watches) watch.dispose();
    if (result === 'unresponsive' && !sent) throw noWorkerToSignal(job);
    return result;
  }
  await until(job, () => job.final, graceMs, context);
  return job.final ? 'stopped' : 'unresponsive';
}

/** False if the worker's server no longer shows the worker. A snapshot of another server proves nothing. */
function mayShowWorker({ record }: Job, snapshot: ActivitySnapshot): boolean {
  const server = serverOf(record);
  if (server !== undefined && compareServers(server, serverOfSnapshot(snapshot)) === 'other') return true;
  return findWorker(snapshot, record) !== undefined;
}

/** Waits until a condition on the job holds, which is checked whenever the job changes, or until the time is over. */
async function until(
  job: Job,
  condition: () => boolean,
  ms: number,
  { clock, closing, onDidChange }: CancelElsewhereContext,
): Promise<void> {
  if (condition()) return;
  let listener: Disposable | undefined;
  const holds = new Promise<void>((resolve) => {
    listener = onDidChange((changed) => {
      if (changed === job && condition()) resolve();
    });
  });
  await elapses(clock, ms, [holds, job.ended, closing]);
  listener?.dispose();
}
