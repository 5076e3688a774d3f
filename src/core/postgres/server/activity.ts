import type { Client } from 'pg';
import { shortName } from '../../jobs/textBudget';
import { Emitter } from '../../base/emitter';
import { messageOf } from '../../base/errors';
import type { ActiveWorker, ActivitySnapshot, Blocker } from '../../jobs/ports';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import type { Logger } from '../../base/logger';
import { withoutFences } from '../../sql/classify/fence';
import { isNotText } from '../errors';
import { labelOf } from '../pgBackground/workerLabel';

/** UTF-16 units of a snapshot's workers. */
const SNAPSHOT_CHARACTERS = 4 * 1024 * 1024;

/** A time as text that every session writes alike, whatever its TimeZone and DateStyle: what identifies a worker with its pid. */
export function timeText(column: string): string {
  return `pg_catalog.to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/** Which texts of `pg_stat_activity` are asked for: all, none of statements, or not even the names of users and databases. */
type Texts = 'all' | 'names' | 'none';

/**
 * Everything about all workers of a server in one statement, whatever their number. Blockers are asked for only where a
 * worker waits for a lock, since `pg_blocking_pids` stops the lock manager for a moment.
 *
 * It runs on the control connection, whose search_path is pg_catalog: its operators are the server's own.
 */
function activityQuery(texts: Texts): string {
  const query = (expression: string): string => (texts === 'all' ? expression : 'NULL');
  const name = (expression: string): string => (texts === 'none' ? 'NULL' : expression);
  return `
  WITH a AS MATERIALIZED (SELECT * FROM pg_catalog.pg_stat_activity),
  w AS (
    SELECT a.*, CASE WHEN a.wait_event_type = 'Lock' THEN pg_catalog.pg_blocking_pids(a.pid) END AS blocked_by
      FROM a WHERE a.backend_type = 'pg_background'
  )
  SELECT ${timeText('pg_catalog.pg_postmaster_start_time()')},
         pg_catalog.current_setting('max_worker_processes'),
         (SELECT pg_catalog.count(*) FROM a WHERE a.backend_type IS NOT NULL AND a.backend_type NOT IN (
            'client backend', 'autovacuum launcher', 'autovacuum worker', 'checkpointer', 'background writer', 'walwriter',
            'archiver', 'startup', 'walreceiver', 'walsender', 'walsummarizer', 'slotsync worker', 'io worker', 'logger',
            'standalone backend')),
         (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'pid', w.pid, 'start', ${timeText('w.backend_start')}, 'app', w.application_name, 'user', ${name('w.usename')},
            'db', ${name('w.datname')}, 'state', w.state, 'wt', w.wait_event_type, 'we', w.wait_event,
            'secs', pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - COALESCE(w.query_start, w.backend_start)),
            'query', ${query('pg_catalog."left"(w.query, 500)')},
            'by', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                     'pid', b.pid, 'user', ${name('b.usename')}, 'app', b.application_name,
                     'query', ${query('pg_catalog."left"(b.query, 200)')}))
                     FROM a AS b WHERE b.pid = ANY (w.blocked_by)))) FROM w),
         (SELECT ${timeText('a.backend_start')} FROM a WHERE a.backend_type = 'checkpointer')`;
}

interface WorkerJson {
  readonly pid: number;
  readonly start: string;
  readonly app: string | null;
  readonly user: string | null;
  readonly db: string | null;
  readonly state: string | null;
  readonly wt: string | null;
  readonly we: string | null;
  readonly secs: number | null;
  readonly query: string | null;
  readonly by: readonly { pid: number; user: string | null; app: string | null; query: string | null }[] | null;
}

/**
 * Asks `pg_stat_activity` once. A role sees other roles' workers only with `pg_read_all_stats` or membership. If one of the texts
 * cannot be converted the workers are shown without their texts, and `textsMissing` is the server's message.
 */
export async function queryActivity(client: Client, now: () => number): Promise<ActivitySnapshot> {
  let missing: string | undefined;
  for (const texts of ['all', 'names', 'none'] as const) {
    try {
      const snapshot = await askOnce(client, now, texts);
      return missing === undefined ? snapshot : { ...snapshot, textsMissing: missing };
    } catch (error) {
      if (!isNotText(error) || texts === 'none') throw error;
      missing ??= messageOf(error);
    }
  }
  throw new Error('No question about the activity was asked.');
}

async function askOnce(client: Client, now: () => number, texts: Texts): Promise<ActivitySnapshot> {
  const at = now();
  const { rows } = await client.query<[string, string, string, string | null, string | null]>({
    text: activityQuery(texts),
    rowMode: 'array',
  });
  const [serverStart, total, used, json, processesSince] = rows[0] ?? ['', '0', '0', null, null];
  // PostgreSQL's own rows are short, and there are at most as many as it has worker slots.
  if (json !== null && json.length > SNAPSHOT_CHARACTERS) throw new Error('The server’s list of workers is too long.');
  const workers = json === null ? [] : (JSON.parse(json) as WorkerJson[]);
  return {
    at,
    serverStart,
    ...optional('processesSince', processesSince),
    slotsTotal: Number(total),
    slotsUsed: Number(used),
    workers: workers.map(toWorker),
  };
}

function toWorker(json: WorkerJson): ActiveWorker {
  return {
    pid: json.pid,
    backendStart: json.start,
    label: labelOf(shortName(json.app ?? ''), json.pid),
    ...optional('user', json.user),
    ...optional('database', json.db),
    ...optional('state', json.state),
    ...optional('waitEventType', json.wt),
    ...optional('waitEvent', json.we),
    ...optional('query', ownQuery(json.query)),
    ...optional('runningSeconds', json.secs),
    blockers: (json.by ?? []).map((blocker): Blocker => ({
      pid: blocker.pid,
      ...optional('user', blocker.user),
      ...optional('application', blocker.app),
      ...optional('query', ownQuery(blocker.query)),
    })),
  };
}

/** As the user wrote it. */
function ownQuery(query: string | null): string | null {
  return query === null ? null : withoutFences(query);
}

function optional<K extends string, V>(key: K, value: V | null): Partial<Record<K, V>> {
  if (value === null || value === '') return {};
  return { [key]: typeof value === 'string' ? shortName(value) : value } as Record<K, V>;
}

/** How long between two questions: while a worker is young, and otherwise. Milliseconds. */
const PACE = { fast: 40, steady: 1000 } as const;
/** Pauses after a failure grow up to this. Milliseconds. */
const LONGEST_PAUSE = 30_000;

/** Asks again and again while somebody watches, never twice at once, with growing pauses while the server is away. */
export class ActivityPoller {
  readonly #watchers: Record<keyof typeof PACE, number> = { fast: 0, steady: 0 };
  readonly #listeners: Emitter<ActivitySnapshot>;
  #running: Promise<ActivitySnapshot> | undefined;
  #following: Promise<ActivitySnapshot> | undefined;
  #next: Disposable | undefined;
  #failures = 0;
  #disposed = false;
  snapshot: ActivitySnapshot | undefined;

  readonly #ask: () => Promise<ActivitySnapshot>;
  readonly #clock: Clock;
  readonly #onFailure: (error: unknown, pauseMs: number) => void;

  constructor(
    ask: () => Promise<ActivitySnapshot>,
    clock: Clock,
    onFailure: (error: unknown, pauseMs: number) => void,
    log: Pick<Logger, 'error'>,
  ) {
    this.#ask = ask;
    this.#clock = clock;
    this.#onFailure = onFailure;

    this.#listeners = new Emitter(log);
  }

  onSnapshot(listener: (snapshot: ActivitySnapshot) => void): Disposable {
    return this.#listeners.add(listener);
  }

  watch(pace: 'fast' | 'steady'): Disposable {
    this.#watchers[pace]++;
    let done = false;
    // A slower pace is no reason to keep somebody new waiting; a server that is away is, since it is asked again soon enough.
    if (this.#failures === 0 || !this.#next) this.#schedule(0);
    return {
      dispose: () => {
        if (done) return;
        done = true;
        this.#watchers[pace]--;
        if (!this.#watched) this.#stop();
      },
    };
  }

  /**
   * Asks now. A question that is under way may have been answered before what the caller wants to know of, so another one
   * follows it, which all who ask meanwhile share.
   */
  refresh(): Promise<ActivitySnapshot> {
    if (!this.#running) return this.#join();
    this.#following ??= this.#running
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        this.#following = undefined;
        return this.#join();
      });
    return this.#following;
  }

  #join(): Promise<ActivitySnapshot> {
    if (this.#running) return this.#running;
    this.#stop();
    const running = this.#askOnce();
    this.#running = running;
    return running;
  }

  dispose(): void {
    this.#disposed = true;
    this.#stop();
    this.#listeners.clear();
  }

  get #watched(): boolean {
    return this.#watchers.fast + this.#watchers.steady > 0;
  }

  async #askOnce(): Promise<ActivitySnapshot> {
    try {
      const snapshot = await this.#ask();
      this.#failures = 0;
      this.snapshot = snapshot;
      // The listeners see a poller that is free again, so that they can ask anew.
      this.#running = undefined;
      this.#listeners.emit(snapshot);
      this.#schedule();
      return snapshot;
    } catch (error) {
      this.#running = undefined;
      this.#failures++;
      const pause = Math.min(LONGEST_PAUSE, 500 * 2 ** (this.#failures - 1));
      if (!this.#disposed) {
        this.#onFailure(error, pause);
        this.#schedule(pause);
      }
      throw error;
    }
  }

  #schedule(pause: number | undefined = this.#watchers.fast > 0 ? PACE.fast : PACE.steady): void {
    if (this.#disposed || !this.#watched || this.#running) return;
    this.#stop();
    this.#next = this.#clock.after(pause, () => {
      // A failure has been said by onFailure.
      this.#join().catch(() => undefined);
    });
  }

  #stop(): void {
    this.#next?.dispose();
    this.#next = undefined;
  }
}
