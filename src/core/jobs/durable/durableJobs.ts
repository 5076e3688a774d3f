/** The durable jobs of all connections. Loaded when the first one is found or launched. */
import { elapses, type Clock } from '../../base/clock';
import { FaultError } from '../../base/fault';
import type { Logger } from '../../base/logger';
import type { CancelResult } from '../cancel/cancelJob';
import { Job, type JobOwner, type NewJob } from '../job';
import { JobEvents } from '../jobEvents';
import { noneAfter, retryNotDurable } from '../refusals';
import type { JobFiles, ServerLink, ServerLinks } from '../ports';
import type { DurableJobFault } from './faults';
import { BatchIndex } from '../batches/batchIndex';
import type { BatchOptions } from '../batches/batchPart';
import type { BatchStatement } from '../batches/newBatch';
import type { ClearedJobs, Launched, LaunchedBatch } from './launched';
import { durableStatements } from './durableStatements';
import { DurableRows } from './durableRows';
import { DurableWatch, type RunningJob } from './durableWatch';
import type { DurableList, DurableRecord, DurableServer } from './ports';
import { hasEnded, toRecord, type LocalFacts } from './toRecord';

/** How much the difference of two clocks seems to change because an answer of the server takes longer. Milliseconds. */
const CLOCK_TOLERANCE_MS = 1000;

export interface DurableJobsOptions {
  readonly links: ServerLinks;
  readonly files: JobFiles;
  readonly clock: Clock;
  readonly log: Logger;
  /** Distinguishes this window from others. */
  readonly window: string;
  readonly cleared: ClearedJobs;
  /** Resolves when this window closes. */
  readonly closing: Promise<void>;
  changed(job: Job): void;
  removed(ids: readonly string[]): void;
}

interface Entry {
  readonly job: Job;
  durable: DurableRecord;
  local: LocalFacts;
  /** The watch that reads it. */
  watch: DurableWatch;
  /** The database of its record. */
  readonly key: string;
  readAt: number;
  clockOffset: number;
  server: DurableList['server'];
  /** The record that is shown, to notice changes. */
  shown?: string;
}

export class DurableJobs {
  /** By the id in this extension. */
  readonly #entries = new Map<string, Entry>();
  readonly #watches = new Map<string, DurableWatch>();
  /** By the key of a database. Milliseconds. */
  readonly #clockOffsets = new Map<string, number>();
  readonly #events: JobEvents;
  readonly #rows: DurableRows;
  readonly #batches = new BatchIndex((id) => this.get(id));
  #closed = false;

  readonly #options: DurableJobsOptions;

  constructor(options: DurableJobsOptions) {
    this.#options = options;

    this.#events = new JobEvents(options.clock, options.log);
    this.#events.onDidChange((job) => options.changed(job));
    this.#rows = new DurableRows({
      files: options.files,
      window: options.window,
      named: (id, columns) => this.#note(id, { columns }),
      copied: (id, rows) => this.#note(id, rows ? { rows } : {}),
    });
  }

  get jobs(): readonly Job[] {
    return [...this.#entries.values()].map(({ job }) => job);
  }

  get(id: string): Job | undefined {
    return this.#entries.get(id)?.job;
  }

  /** A connection leads to a database with durable jobs, again or for the first time. */
  found(connection: string, link: ServerLink): Promise<void> {
    return this.#watch(connection, link).start();
  }

  /** @throws with the reason if nothing was launched */
  async launch({ source, notify, ...request }: NewJob): Promise<Launched> {
    refuseRetries([request]);
    const { id, notices } = await (await this.#server(request.connection)).launch(request);
    const [job] = await this.#launched([id], [{ ...request, ...localOnly(source, notify) }]);
    if (!job) throw purged(request.label);
    return { job, notices };
  }

  /**
   * Launches a batch on one connection.
   * @param after the durable job after which it runs
   * @throws with the reason if nothing was launched
   */
  async launchBatch(statements: readonly BatchStatement[], options: BatchOptions, after?: Job): Promise<LaunchedBatch> {
    const requests = durableStatements(statements);
    refuseRetries(requests.map(({ request }) => request));
    const connection = requests[0]?.request.connection ?? '';
    const first = after && this.#require(after.id);
    if (first && (first.job.final || this.batchOf(first.job).length > 0)) {
      throw noneAfter(first.job.record.label, first.job.final);
    }
    const all = new Set(
      [...requests.map(({ request }) => request), ...(first ? [first.job.record] : [])].map((one) => one.connection),
    );
    if (all.size > 1) {
      throw new FaultError<DurableJobFault>({
        code: 'durableJobs.batchConnections',
        params: { connections: [...all] },
      });
    }
    const { ids, notices } = await (
      await this.#server(connection)
    ).launchBatch(
      requests.map(({ request: { source: _source, notify: _notify, ...request }, session }) => ({
        ...request,
        ...(session && { session }),
      })),
      { ...options, ...(first && { after: first.durable.id }) },
    );
    const jobs = await this.#launched(
      ids,
      requests.map(({ request }) => request),
    );
    if (jobs.length < ids.length) throw purged(options.label);
    return { jobs, notices };
  }

  /** Reads jobs that were just launched here. @returns those that still exist, in this order */
  async #launched(serverIds: readonly string[], requests: readonly NewJob[]): Promise<readonly Job[]> {
    const connection = requests[0]?.connection ?? '';
    const watch = this.#watch(connection, this.#options.links.link(connection));
    const keys = serverIds.map((id) => `${connection}:${id}`);
    for (const [index, { source, notify, ...request }] of requests.entries()) {
      this.#launching.set(keys[index] ?? '', { watch, local: { request, ...localOnly(source, notify) } });
    }
    try {
      await watch.read(serverIds);
    } finally {
      for (const key of keys) this.#launching.delete(key);
    }
    // Follows the others too, if the setup is new.
    void watch.start();
    const byId = new Map(
      [...this.#entries.values()].filter((each) => each.watch === watch).map(({ durable, job }) => [durable.id, job]),
    );
    return serverIds.flatMap((id) => byId.get(id) ?? []);
  }

  /** The jobs of a job's batch, in its order; none if it is not part of one. */
  batchOf(job: Job): readonly Job[] {
    const id = this.#batches.idOf(job);
    return id === undefined ? [] : this.#batches.jobs(id);
  }

  /** Facts of jobs that are being launched here, which a notification may show first. */
  readonly #launching = new Map<string, { readonly watch: DurableWatch; readonly local: LocalFacts }>();

  /**
   * Requests that a job is canceled, and waits through the grace window.
   * @throws if SIGTERM could not be sent
   */
  async cancel(id: string, graceMs: number): Promise<CancelResult> {
    const entry = this.#require(id);
    const { job, watch } = entry;
    const ended = (): boolean => job.final;
    if (ended()) return 'stopped';
    const { clock, closing } = this.#options;
    const before = entry.local;
    const requestedAt = clock.now();
    this.#note(id, { cancel: { requestedAt, graceMs }, unresponsive: false });
    let answer;
    try {
      const server = await this.#server(job.record.connection);
      answer = await server.cancel(entry.durable.id);
      if (answer === 'unreachable') {
        // It may have ended without its keeper.
        await server.resolve();
        await watch.read([entry.durable.id]);
      }
    } catch (error) {
      this.#restore(id, before);
      throw error;
    }
    if (answer === 'unreachable' && !ended()) {
      this.#restore(id, before);
      throw new FaultError<DurableJobFault>({
        code: 'durableJobs.cancelUnreachable',
        params: { label: job.record.label },
      });
    }
    if (answer === 'signaled' || answer === 'requested') {
      this.#note(id, { cancel: { requestedAt, graceMs, signaledAt: clock.now() } });
    } else {
      await watch.read([entry.durable.id]);
    }
    const over = await elapses(clock, graceMs, [job.ended, closing]);
    if (ended() || !this.#entries.has(id)) return 'stopped';
    if (over) this.#note(id, { unresponsive: true });
    return 'unresponsive';
  }

  /** Hides finished jobs in this workspace. They stay on the server, and count as seen. @returns how many */
  async clear(ids: readonly string[] | undefined): Promise<number> {
    const chosen = [...this.#entries.values()].filter(
      ({ job }) =>
        job.final &&
        (ids === undefined ? job.record.durable?.own === true && !job.pinned : ids.includes(job.id)) &&
        !this.#batches.isUnfinished(job),
    );
    if (chosen.length === 0) return 0;
    const { cleared } = this.#options;
    cleared.set([...new Set([...cleared.get(), ...chosen.map(({ job }) => job.id)])]);
    this.#remove(chosen.map(({ job }) => job.id));
    await this.#markSeen(chosen);
    return chosen.length;
  }

  /** The user has seen the outcome of a job. Never rejects. */
  async seen(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry?.job.final !== true || entry.durable.seen || !entry.durable.here) return;
    entry.durable = { ...entry.durable, seen: true };
    await this.#markSeen([entry]);
    this.#show(entry);
  }

  /** Pins or unpins a job on the server, for all who see it. @throws if that is not possible */
  async setPinned(id: string, pinned: boolean): Promise<void> {
    const { job, durable, watch } = this.#require(id);
    if (!(await (await this.#server(job.record.connection)).pin(durable.id, pinned))) throw purged(job.record.label);
    await watch.read([durable.id]);
  }

  /** Reads the long texts of a job, which are cut in lists. */
  async whole(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry?.durable.cut === true) await entry.watch.read([entry.durable.id], true);
  }

  /** The name of the file for the rows of a job. */
  rowsFile(id: string): string {
    return this.#rows.fileOf(id);
  }

  copying(id: string): boolean {
    return this.#rows.copying(id);
  }

  /** Copies the rows of a job. @param all wait for all of them @throws if they cannot be read */
  async openRows(id: string, all: boolean): Promise<void> {
    const { durable, job } = this.#require(id);
    await this.#rows.open(id, durable, () => this.#server(job.record.connection), all);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches.values()) watch.dispose();
    this.#events.dispose();
    await this.#rows.close();
  }

  #require(id: string): Entry {
    const entry = this.#entries.get(id);
    if (!entry) throw purged(id);
    return entry;
  }

  async #server(connection: string): Promise<DurableServer> {
    const link = this.#options.links.link(connection);
    if (link.durable) return link.durable();
    throw new FaultError<DurableJobFault>({ code: 'durableJobs.unsupported', params: { connection } });
  }

  #watch(connection: string, link: ServerLink): DurableWatch {
    const known = this.#watches.get(connection);
    if (known?.link === link) return known;
    known?.dispose();
    const { clock, log } = this.#options;
    const watch = new DurableWatch({
      ...{ connection, link, clock, log },
      running: (asking) => this.#running(asking),
      received: (from, list, ids) => this.#received(from, list, ids),
      gone: (from) => this.#gone(from),
    });
    this.#watches.set(connection, watch);
    return watch;
  }

  #running(watch: DurableWatch): readonly RunningJob[] {
    return [...this.#entries.values()]
      .filter((entry) => entry.watch === watch && !hasEnded(entry.durable))
      .map(({ durable: { id, keeperPid, keeperStart }, readAt }) => ({
        id,
        readAt,
        keeperPid: keeperPid ?? undefined,
        keeperStart: keeperStart ?? undefined,
      }));
  }

  #received(watch: DurableWatch, list: DurableList, ids: readonly string[] | undefined): void {
    if (this.#closed) return;
    const { clock } = this.#options;
    const clockOffset = this.#clockOffset(list);
    const cleared = new Set(this.#options.cleared.get());
    for (const durable of list.jobs) {
      const id = `durable-${list.key}-${durable.id}`;
      if (cleared.has(id)) continue;
      const entry = this.#entries.get(id);
      if (entry && entry.watch !== watch && !this.#takesOver(entry, watch, durable)) continue;
      const uncut = entry ? withLongTexts(durable, entry.durable) : durable;
      const read = { durable: uncut, watch, readAt: clock.monotonic(), clockOffset, server: list.server };
      if (entry) this.#show(Object.assign(entry, read));
      else this.#add(id, { ...read, key: list.key });
    }
    this.#removeMissing(watch, list, ids);
    if (ids === undefined) this.#forgetCleared(list, cleared);
    watch.update();
  }

  /** The difference to the server's clock. Equal for all jobs of a database, so that they stay in their order, unless a clock is set. */
  #clockOffset({ key, now }: DurableList): number {
    const measured = this.#options.clock.now() - Date.parse(now);
    const known = this.#clockOffsets.get(key);
    if (known !== undefined && Math.abs(measured - known) < CLOCK_TOLERANCE_MS) return known;
    this.#clockOffsets.set(key, measured);
    return measured;
  }

  /** Two connections can lead to one database. A job is listed below one of them, if possible that of its role. */
  #takesOver(entry: Entry, watch: DurableWatch, durable: DurableRecord): boolean {
    return entry.watch.disposed || entry.watch.connection === watch.connection || (durable.own && !entry.durable.own);
  }

  #removeMissing(watch: DurableWatch, { key, jobs, from }: DurableList, ids: readonly string[] | undefined): void {
    const there = new Set(jobs.map(({ id }) => id));
    const gone = [...this.#entries.values()].filter((entry) => {
      if (entry.watch.connection !== watch.connection) return false;
      // The connection leads to another database now.
      if (entry.key !== key) return true;
      if (there.has(entry.durable.id)) return false;
      return ids === undefined ? Number(entry.durable.id) >= Number(from ?? 0) : ids.includes(entry.durable.id);
    });
    if (gone.length > 0) this.#remove(gone.map(({ job }) => job.id));
  }

  #gone(watch: DurableWatch): void {
    const gone = [...this.#entries.values()].filter((entry) => entry.watch.connection === watch.connection);
    if (gone.length > 0 && !this.#closed) this.#remove(gone.map(({ job }) => job.id));
    watch.update();
  }

  /** Jobs that were purged need not be remembered. */
  #forgetCleared({ key, jobs, from }: DurableList, cleared: ReadonlySet<string>): void {
    if (from !== undefined) return;
    const there = new Set(jobs.map(({ id }) => `durable-${key}-${id}`));
    const kept = [...cleared].filter((id) => !id.startsWith(`durable-${key}-`) || there.has(id));
    if (kept.length < cleared.size) this.#options.cleared.set(kept);
  }

  #add(id: string, read: Omit<Entry, 'job' | 'local'>): void {
    const owner: JobOwner = {
      save: () => Promise.resolve(),
      changed: (job, kind) => (kind === 'transition' ? this.#events.emitNow(job) : this.#events.emitSoon(job)),
      storeNotice: () => ({ kept: false }),
      storeLongError: () => undefined,
      loadNotices: () => [],
    };
    const launched = this.#launching.get(`${read.watch.connection}:${read.durable.id}`);
    const local = launched?.watch === read.watch ? launched.local : {};
    const job = new Job(toRecord(read.durable, fromOf(id, read), local), owner, read.durable.pinned, true);
    this.#entries.set(id, { ...read, job, local });
    this.#batches.add(job);
    this.#events.emitNow(job);
  }

  #show(entry: Entry): void {
    const { job, durable, local } = entry;
    job.notePinned(durable.pinned);
    const launched = this.#launching.get(`${entry.watch.connection}:${durable.id}`);
    if (launched?.watch === entry.watch) entry.local = { ...local, ...launched.local };
    const record = toRecord(durable, fromOf(job.id, entry), entry.local);
    // The times that are shown stay if a clock is set.
    const { launchedAt, finishedAt, queuedAt } = job.record;
    const times = { queuedAt, ...(launchedAt !== undefined && record.launchedAt !== undefined && { launchedAt }) };
    const kept = {
      ...record,
      ...times,
      ...(finishedAt !== undefined && record.finishedAt !== undefined && { finishedAt }),
    };
    const shown = JSON.stringify(kept);
    if (shown === entry.shown) return;
    entry.shown = shown;
    job.mirror(kept);
  }

  #note(id: string, facts: LocalFacts): void {
    const entry = this.#entries.get(id);
    if (!entry || this.#closed) return;
    entry.local = { ...entry.local, ...facts };
    this.#show(entry);
  }

  /** A cancel had no effect. */
  #restore(id: string, local: LocalFacts): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.local = local;
    this.#show(entry);
  }

  #remove(ids: readonly string[]): void {
    for (const id of ids) {
      const job = this.get(id);
      if (job) this.#batches.remove(job);
      job?.drop();
      this.#entries.delete(id);
      this.#events.discard(id);
      void this.#rows.remove(id).catch(() => undefined);
    }
    this.#options.removed(ids);
  }

  async #markSeen(entries: readonly Entry[]): Promise<void> {
    for (const connection of new Set(entries.map(({ watch }) => watch.connection))) {
      const ids = entries.filter(({ watch }) => watch.connection === connection).map(({ durable }) => durable.id);
      try {
        await (await this.#server(connection)).markSeen(ids);
      } catch (error) {
        // They stay unseen on the server, and so are kept for longer.
        this.#options.log.warn(`${connection}: jobs could not be marked as seen: ${String(error)}`);
      }
    }
  }
}

/** Long texts that were read before are kept. */
function withLongTexts(durable: DurableRecord, before: DurableRecord): DurableRecord {
  if (!durable.cut || before.cut) return durable;
  const { sql, error } = before;
  return { ...durable, sql, error: error ?? durable.error, cut: error === null && durable.error !== null };
}

function fromOf(id: string, { watch, server, clockOffset }: Pick<Entry, 'watch' | 'server' | 'clockOffset'>) {
  return { id, connection: watch.connection, clockOffset, ...(server && { server }) };
}

function localOnly(source: NewJob['source'], notify: NewJob['notify']): Pick<LocalFacts, 'source' | 'notify'> {
  return { ...(source && { source }), ...(notify === true && { notify }) };
}

/** Only a window launches a job again. */
function refuseRetries(requests: readonly Pick<NewJob, 'retryOnLockTimeout'>[]): void {
  if (requests.some(({ retryOnLockTimeout = 1 }) => retryOnLockTimeout > 1)) throw retryNotDurable();
}

function purged(label: string): FaultError<DurableJobFault> {
  return new FaultError({ code: 'durableJobs.purged', params: { label } });
}
