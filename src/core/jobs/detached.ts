import type { Job } from './job';
import type { ActivitySnapshot, Clock, Disposable, Links, Logger } from './ports';

export interface DetachedContext {
  readonly links: Links;
  readonly clock: Clock;
  readonly log: Logger;
  save(job: Job): Promise<void>;
}

/**
 * Watches a worker whose session is gone: as long as the server shows the same pid with the same start it runs; when it
 * is no longer shown it has ended, and nobody can say how (DESIGN: `detached`). After a restart of the server it is lost,
 * since nothing survives that.
 */
export function watchDetached(job: Job, context: DetachedContext): Disposable {
  const judge = (snapshot: ActivitySnapshot): void => {
    if (job.final) return;
    const { record } = job;
    const finishedAt = context.clock.now();
    // Seen before, and started anew since.
    if (record.serverStart !== undefined && record.serverStart !== snapshot.serverStart) {
      job.apply('lose', {
        finishedAt,
        reason: 'The server was restarted while it ran: its work was rolled back unless it had already committed.',
      });
      return;
    }
    const worker = snapshot.workers.find(
      (one) =>
        one.pid === record.pid && (record.backendStart === undefined || one.backendStart === record.backendStart),
    );
    if (worker) {
      if (record.backendStart === undefined || record.serverStart === undefined) {
        job.note({ backendStart: worker.backendStart, serverStart: snapshot.serverStart });
        void context.save(job);
      }
      return;
    }
    job.apply('finish', {
      finishedAt,
      reason: 'The worker has ended, but nobody was there to be told how: whether it succeeded is unknown.',
    });
  };
  try {
    const link = context.links.link(job.record.connection);
    const watches = [link.onSnapshot(judge), link.watch('steady')];
    link.refresh().catch((error: unknown) => {
      context.log.warn(`Job ${job.id}: its server cannot be asked yet: ${String(error)}`);
    });
    return { dispose: () => watches.forEach((watch) => watch.dispose()) };
  } catch (error) {
    job.apply('lose', {
      finishedAt: context.clock.now(),
      reason: `Its connection is no longer configured, so its worker cannot be watched: ${error instanceof Error ? error.message : String(error)}`,
    });
    return { dispose: () => undefined };
  }
}
