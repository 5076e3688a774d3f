import type { Job } from '../job';
import { messageOf } from '../../base/errors';
import { SERVER_CRASHED } from '../outcome';
import type { ActivitySnapshot, ServerLinks, ServerLink } from '../ports';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import type { Logger } from '../../base/logger';
import {
  compareServers,
  findWorker,
  nameServer,
  serverOf,
  serverOfSnapshot,
  type ServerIdentity,
} from '../serverIdentity';

/** How often it is looked whether the connection was edited, so that another link leads to the server. Milliseconds. */
const LINK_CHECK_MS = 2000;

export interface DetachedContext {
  readonly links: ServerLinks;
  readonly clock: Clock;
  readonly log: Logger;
  save(job: Job): Promise<void>;
}

/**
 * Watches a worker whose session is gone: as long as the server shows the same pid with the same start it runs; when it
 * is no longer shown it has ended, and nobody can say how (DESIGN: `detached`). After a restart or a crash of the server it is
 * lost, since nothing survives that. A connection that leads to another server tells nothing: the job stays detached.
 *
 * The connection may be edited, removed and added meanwhile: the watch follows the link that the connection has now.
 */
export class DetachedWatch {
  readonly #since: number;
  #link: ServerLink | undefined;
  /** The connection was edited since: it may lead to another server now. */
  #edited = false;
  /** The connection leads to another server than the job's, which was said. */
  #elsewhere = false;
  #watches: Disposable[] = [];
  #timer: Disposable | undefined;
  #problem: string | undefined;
  #disposed = false;

  readonly #job: Job;
  readonly #context: DetachedContext;

  constructor(job: Job, context: DetachedContext) {
    this.#job = job;
    this.#context = context;

    this.#since = context.clock.monotonic();
    this.#look();
  }

  /** Asks the server now. */
  hurry(): void {
    if (this.#disposed) return;
    this.#subscribe();
    this.#link?.refresh().catch((error: unknown) => this.#say(messageOf(error)));
  }

  dispose(): void {
    this.#disposed = true;
    this.#timer?.dispose();
    this.#leave();
  }

  #look(): void {
    this.#timer = this.#context.clock.after(LINK_CHECK_MS, () => this.#look());
    this.#subscribe();
  }

  #subscribe(): void {
    let link: ServerLink | undefined;
    try {
      link = this.#context.links.link(this.#job.record.connection, false);
      this.#problem = undefined;
    } catch (error) {
      this.#say(messageOf(error));
    }
    if (link === this.#link) return;
    this.#leave();
    // Also where it was removed meanwhile, and added again.
    this.#edited ||= this.#link !== undefined;
    this.#link = link;
    if (!link) return;
    if (this.#job.record.server) link.prefer?.(this.#job.record.server);
    this.#watches = [link.onSnapshot((snapshot) => this.#judge(snapshot)), link.watch('steady')];
  }

  #leave(): void {
    for (const watch of this.#watches.splice(0)) watch.dispose();
  }

  /** Once for each problem. */
  #say(problem: string): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#context.log.warn(`Job ${this.#job.id}: its worker cannot be watched: ${problem}`);
  }

  #judge(snapshot: ActivitySnapshot): void {
    const job = this.#job;
    const context = this.#context;
    // One that was asked for before proves nothing about a worker that had just been launched.
    if (job.final || snapshot.at < this.#since) return;
    const { record } = job;
    const finishedAt = context.clock.now();
    const now = serverOfSnapshot(snapshot);
    const known = serverOf(record);
    const relation = known === undefined ? 'same' : compareServers(known, now, record.backendStart);
    // Of an old record only the start is known: after an edit it may be another server as well.
    const unsure = relation === 'restarted' && this.#edited && known?.system === undefined;
    if (known && (relation === 'other' || unsure)) {
      this.#isElsewhere(known, now, finishedAt);
      return;
    }
    if (relation === 'restarted') {
      const reason = 'The server was restarted while it ran: its work was rolled back unless it had already committed.';
      job.apply('lose', { finishedAt, reason: this.#withCause(reason) });
      return;
    }
    const worker = findWorker(record, snapshot);
    if (worker) {
      if (record.backendStart === undefined || record.serverStart === undefined) {
        job.note({ backendStart: worker.backendStart, serverStart: snapshot.serverStart });
        void context.save(job);
      }
      if (this.#elsewhere) {
        this.#elsewhere = false;
        job.note({ reason: this.#withCause('It runs; the connection leads to its server again.') });
      }
      return;
    }
    if (record.backendStart !== undefined && (snapshot.processesSince ?? '') > record.backendStart) {
      job.apply('lose', { finishedAt, reason: this.#withCause(SERVER_CRASHED) });
      return;
    }
    const reason = 'The worker ended while it was not being tracked, so its outcome is unknown.';
    job.apply('finish', { finishedAt, reason: this.#withCause(reason) });
  }

  /** The connection leads to another server, which knows nothing about the worker: it may still run on its own. */
  #isElsewhere(known: ServerIdentity, now: ServerIdentity, finishedAt: number): void {
    const job = this.#job;
    const context = this.#context;
    if (this.#edited) {
      const reason =
        'The connection was edited and leads to another server, or to one that was restarted: what became of the worker is unknown.';
      job.apply('finish', { finishedAt, reason: this.#withCause(reason) });
      return;
    }
    if (this.#elsewhere) return;
    this.#elsewhere = true;
    const reason = `The connection now leads to ${nameServer(now)}, but the job was launched on ${nameServer(known)}. Its worker may still run there; it is watched again when the connection leads there.`;
    context.log.warn(`Job ${job.id}: ${reason}`);
    job.note({ reason: this.#withCause(reason) });
    void context.save(job);
  }

  /** Why its session was lost belongs to the final reason too. */
  #withCause(reason: string): string {
    const { sessionLostBecause } = this.#job.record;
    return sessionLostBecause === undefined
      ? reason
      : `${reason} Its session was given up because: ${sessionLostBecause}`;
  }
}
