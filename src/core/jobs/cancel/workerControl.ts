import type { Job } from '../job';
import { SessionLostError } from '../errors';
import { findWorker } from '../findWorker';
import type { ServerLink } from '../ports';
import { serverOf } from '../serverIdentity';

/** The means to cancel the worker of one job. */
export interface WorkerControl {
  /** Resolves when the worker is attached, or when the run has ended without one. */
  readonly launched: Promise<void>;
  /** Whether the server showed the worker running. */
  readonly seenActive: boolean;
  /** Milliseconds since the worker was attached; 0 if unknown. */
  readonly workerAge: number;
  /** Whether the server reported that the worker has stopped; its rows may still be being read. */
  readonly workerEnded: boolean;
  /** Whether its rows are being read. */
  readonly reading: boolean;
  /**
   * Sends SIGTERM.
   *
   * @returns false if the server shows no such worker, so no process was signaled
   * @throws if SIGTERM could not be sent
   */
  signal(): Promise<boolean>;
}

/** Controls a worker through the link's control connection only: for a job whose session is lost. */
export class BackendControl implements WorkerControl {
  readonly launched = Promise.resolve();
  /** The worker may be a second old: when it was attached is not known by this window's monotonic clock. */
  readonly workerAge = 0;
  readonly workerEnded = false;
  readonly reading = false;

  readonly #job: Job;
  readonly #link: ServerLink;

  constructor(job: Job, link: ServerLink) {
    this.#job = job;
    this.#link = link;
  }

  get seenActive(): boolean {
    return findWorker(this.#link.snapshot, this.#job.record)?.state === 'active';
  }

  /** Calls the guarded `pg_terminate_backend`. */
  async signal(): Promise<boolean> {
    const { pid } = this.#job.record;
    let { backendStart } = this.#job.record;
    if (pid !== undefined && backendStart === undefined) {
      // It was not shown yet when it was launched: a worker with this pid that the server shows now is ours.
      backendStart = findWorker(await this.#link.refresh(), this.#job.record)?.backendStart;
    }
    if (pid === undefined || backendStart === undefined) return false;
    return this.#link.terminate(pid, backendStart, serverOf(this.#job.record));
  }
}

/** The run of a job, as far as a cancel needs it. */
export interface RunningWorker extends Omit<WorkerControl, 'signal'> {
  /** False if the session accepts no request now: rows are being read, or it is gone. */
  readonly sessionFree: boolean;
  /** Notes the time of a signal. */
  noteSignal(): void;
  /** Sends SIGTERM through the session, which knows its worker by a cookie. Returns false if there is no worker. */
  signalInSession(): Promise<boolean>;
}

/**
 * Controls a worker through its session if that is free, and otherwise through the backend.
 *
 * The session is used only once: a second `pg_background_cancel` of the same worker does nothing (measured).
 */
export class SessionControl implements WorkerControl {
  #signaled = false;

  readonly #run: RunningWorker;
  readonly #backend: WorkerControl;

  constructor(run: RunningWorker, backend: WorkerControl) {
    this.#run = run;
    this.#backend = backend;
  }

  get launched(): Promise<void> {
    return this.#run.launched;
  }

  get seenActive(): boolean {
    return this.#run.seenActive || this.#backend.seenActive;
  }

  get workerAge(): number {
    return this.#run.workerAge;
  }

  get workerEnded(): boolean {
    return this.#run.workerEnded;
  }

  get reading(): boolean {
    return this.#run.reading;
  }

  async signal(): Promise<boolean> {
    this.#run.noteSignal();
    const sent = (await this.#signalInSession()) || (await this.#backend.signal());
    if (sent) this.#signaled = true;
    return sent;
  }

  async #signalInSession(): Promise<boolean> {
    if (this.#signaled || !this.#run.sessionFree) return false;
    try {
      return await this.#run.signalInSession();
    } catch (error) {
      // The session was lost during the call; the worker can still be reached.
      if (error instanceof SessionLostError) return false;
      throw error;
    }
  }
}
