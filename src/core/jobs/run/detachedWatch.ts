import type { Job } from '../job';
import { messageOf } from '../../base/errors';
import { describeFault } from '../../base/fault';
import type { JobFault } from '../faults';
import { findWorker } from '../findWorker';
import type { ActivitySnapshot, ServerLinks, ServerLink } from '../ports';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import type { Logger } from '../../base/logger';
import { compareServers, placeOfServer, serverOf, serverOfSnapshot, type ServerIdentity } from '../serverIdentity';

/** How often to check whether the connection was edited, so that another link leads to the server. Milliseconds. */
const LINK_CHECK_MS = 2000;

export interface DetachedContext {
  readonly links: ServerLinks;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Watches a worker whose session is lost (docs/internals/design.md, `detached`). The worker runs while the server shows its pid with the
 * same start; when the server no longer shows it, it has ended with an unknown outcome. After a restart or a crash of the server it is
 * lost, because no worker survives that. A connection that leads to another server proves nothing: the job stays detached.
 *
 * The connection may be edited, removed, and added again meanwhile: the watch follows the link that the connection has now.
 */
export class DetachedWatch {
  readonly #since: number;
  #link: ServerLink | undefined;
  /** The connection was edited in the meantime, so it may lead to another server now. */
  #edited = false;
  /** The connection leads to another server than the job's, and the job's reason says so. */
  #elsewhere = false;
  #watches: Disposable[] = [];
  #timer: Disposable | undefined;
  /** The last problem that was logged. */
  #problem: string | undefined;
  #disposed = false;

  readonly #job: Job;
  readonly #context: DetachedContext;

  constructor(job: Job, context: DetachedContext) {
    this.#job = job;
    this.#context = context;

    this.#since = context.clock.monotonic();
    this.#checkLink();
  }

  /** Requests a snapshot from the server now. */
  retryNow(): void {
    if (this.#disposed) return;
    this.#followLink();
    this.#link?.refresh().catch((error: unknown) => this.#logOnce(messageOf(error)));
  }

  dispose(): void {
    this.#disposed = true;
    this.#timer?.dispose();
    this.#unsubscribe();
  }

  #checkLink(): void {
    this.#timer = this.#context.clock.after(LINK_CHECK_MS, () => this.#checkLink());
    this.#followLink();
  }

  #followLink(): void {
    let link: ServerLink | undefined;
    try {
      link = this.#context.links.link(this.#job.record.connection, false);
      this.#problem = undefined;
    } catch (error) {
      this.#logOnce(messageOf(error));
    }
    if (link === this.#link) return;
    this.#unsubscribe();
    // This also covers a connection that was removed and added again.
    this.#edited ||= this.#link !== undefined;
    this.#link = link;
    if (!link) return;
    if (this.#job.record.server) link.prefer?.(this.#job.record.server);
    this.#watches = [link.onSnapshot((snapshot) => this.#judge(snapshot)), link.watch('steady')];
  }

  #unsubscribe(): void {
    for (const watch of this.#watches.splice(0)) watch.dispose();
  }

  #logOnce(problem: string): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#context.log.warn(`Job ${this.#job.id}: its worker cannot be watched: ${problem}`);
  }

  #judge(snapshot: ActivitySnapshot): void {
    const job = this.#job;
    // A snapshot requested before this watch began proves nothing about a worker that had just been launched.
    if (job.final || snapshot.at < this.#since) return;
    const { record } = job;
    const now = serverOfSnapshot(snapshot);
    const known = serverOf(record);
    const relation = known === undefined ? 'same' : compareServers(known, now, record.backendStart);
    // An old record has only the server's start: after an edit, a restarted server may also be another server.
    const unsure = relation === 'restarted' && this.#edited && known?.system === undefined;
    if (known && (relation === 'other' || unsure)) {
      this.#onOtherServer(known, now);
      return;
    }
    if (relation === 'restarted') {
      this.#end('lose', { code: 'jobs.serverRestarted' });
      return;
    }
    const worker = findWorker(snapshot, record);
    if (worker) {
      if (record.backendStart === undefined || record.serverStart === undefined) {
        const { backendStart } = worker;
        job.update({ backendStart, serverStart: snapshot.serverStart }, { durable: true });
      }
      if (this.#elsewhere) {
        this.#elsewhere = false;
        job.update({ reason: this.#withCause({ code: 'jobs.backOnServer' }) }, { durable: true });
      }
      return;
    }
    if (record.backendStart !== undefined && (snapshot.processesSince ?? '') > record.backendStart) {
      this.#end('lose', { code: 'jobs.serverCrashed' });
      return;
    }
    this.#end('finish', { code: 'jobs.endedUntracked' });
  }

  /** The connection leads to another server, which knows nothing about the worker: the worker may still be running. */
  #onOtherServer(known: ServerIdentity, now: ServerIdentity): void {
    const job = this.#job;
    if (this.#edited) {
      this.#end('finish', { code: 'jobs.connectionEdited' });
      return;
    }
    if (this.#elsewhere) return;
    this.#elsewhere = true;
    const place = placeOfServer(now);
    const jobPlace = placeOfServer(known);
    const reason: JobFault = {
      code: 'jobs.onOtherServer',
      params: {
        ...(place === undefined ? {} : { place }),
        start: now.start,
        ...(jobPlace === undefined ? {} : { jobPlace }),
        jobStart: known.start,
      },
    };
    this.#context.log.warn(`Job ${job.id}: ${describeFault(reason)}`);
    job.update({ reason: this.#withCause(reason) }, { durable: true });
  }

  #end(event: 'lose' | 'finish', reason: JobFault): void {
    this.#job.transition(event, { finishedAt: this.#context.clock.now(), reason: this.#withCause(reason) });
  }

  /** Every later reason includes why the session was lost. */
  #withCause(reason: JobFault): JobFault {
    const { sessionLostBecause } = this.#job.record;
    return sessionLostBecause === undefined ? reason : { ...reason, cause: sessionLostBecause };
  }
}
