import type { Client } from 'pg';
import { pidsInCycles } from '../../jobs/activity/blockingChain';
import type {
  BlockingProcess,
  InspectRequest,
  StatementProgress,
  WorkerInspection,
  WorkerIo,
  WorkerLock,
} from '../../jobs/activity/inspection';
import type { BackendState } from '../../jobs/activity/workKind';
import { shortName } from '../../jobs/textBudget';
import { withoutFences } from '../../sql/classify/fence';
import { isNotText } from '../errors';
import { inspectQuery } from './inspectQuery';
import { serverFacts, waitDescription, type ServerFacts } from './serverFacts';

/** Maximum size of the JSON about one worker. UTF-16 code units. */
const MAX_CHARACTERS = 1024 * 1024;

type Nullable<T> = { readonly [K in keyof T]: T[K] | null };

interface StateJson {
  readonly pid: number;
  readonly state: string | null;
  readonly wt: string | null;
  readonly we: string | null;
}

interface BlockerJson extends StateJson {
  readonly blocks: readonly number[];
  readonly start: string | null;
  readonly type: string | null;
  readonly user: string | null;
  readonly app: string | null;
  readonly db: string | null;
  readonly query: string | null;
  readonly since: number | null;
  readonly xact: number | null;
  readonly awaited: WorkerLock | null;
  readonly held: WorkerLock | null;
  readonly prepared: Nullable<{ gid: string; user: string; db: string; secs: number }> | null;
}

interface InspectionJson extends StateJson {
  readonly user: string | null;
  readonly db: string | null;
  readonly query: string | null;
  readonly stmt: number | null;
  readonly xact: number | null;
  readonly parallel: readonly StateJson[] | null;
  readonly progress:
    readonly { view: string; cols: readonly (readonly [string, string])[] | null; rel: string | null }[] | null;
  readonly locks: readonly WorkerLock[] | null;
  readonly lockCount: number;
  readonly io: { read: number; written: number; hits: number } | null;
  readonly temp: { files: number; bytes: number } | null;
  readonly chain: readonly BlockerJson[] | null;
  readonly chainMore: number;
}

/**
 * Queries what one worker does.
 *
 * @param client the control connection, whose search_path is pg_catalog
 * @returns undefined if the worker does not exist anymore
 */
export async function inspectWorker(client: Client, request: InspectRequest): Promise<WorkerInspection | undefined> {
  const facts = await serverFacts(client);
  let json: InspectionJson | undefined;
  try {
    json = await queryOnce(client, facts, request, true);
  } catch (error) {
    // A statement of another database may not be representable in the encoding of this one.
    if (!isNotText(error)) throw error;
    json = await queryOnce(client, facts, request, false);
  }
  if (!json) return undefined;
  const { wt, we } = json;
  const description = wt === null || we === null ? undefined : await waitDescription(client, wt, we);
  return toInspection(request.pid, json, facts, description);
}

async function queryOnce(
  client: Client,
  facts: ServerFacts,
  { pid, backendStart }: InspectRequest,
  withTexts: boolean,
): Promise<InspectionJson | undefined> {
  const { rows } = await client.query<[string]>({
    text: inspectQuery(facts, withTexts),
    values: [pid, backendStart],
    rowMode: 'array',
  });
  const text = rows[0]?.[0];
  if (text === undefined) return undefined;
  if (text.length > MAX_CHARACTERS) throw new Error('the server’s description of the worker is too long');
  return JSON.parse(text) as InspectionJson;
}

function toInspection(
  pid: number,
  json: InspectionJson,
  facts: ServerFacts,
  description: string | undefined,
): WorkerInspection {
  const chain = json.chain ?? [];
  const cycles = pidsInCycles(pid, chain);
  return {
    ...toState(json),
    ...given({
      user: name(json.user),
      database: name(json.db),
      query: json.query === null ? null : withoutFences(json.query),
      statementSeconds: json.stmt,
      transactionSeconds: json.xact,
      waitDescription: description,
    }),
    parallel: (json.parallel ?? []).map((worker) => ({ pid: worker.pid, ...toState(worker) })),
    progress: (json.progress ?? []).map(({ view, cols, rel }): StatementProgress => ({
      view,
      columns: (cols ?? []).map(([column, value]) => [column, shortName(value)]),
      ...given({ relation: name(rel) }),
    })),
    locks: (json.locks ?? []).map(toLock),
    lockCount: json.lockCount,
    ...given({ io: json.io && toIo(json.io) }),
    tempFiles: json.temp ?? { missing: 'pg_monitor' },
    ...(json.chainMore > 0 ? { chainMore: json.chainMore } : {}),
    chain: chain.map((blocker) => toBlocker(blocker, cycles)),
    role: facts.role,
  };
}

function toBlocker(json: BlockerJson, cycles: ReadonlySet<number>): BlockingProcess {
  const { prepared } = json;
  return {
    pid: json.pid,
    blocks: json.blocks,
    ...toState(json),
    ...given({
      backendStart: json.start,
      backendType: json.type,
      user: name(prepared?.user ?? json.user),
      application: name(json.app),
      database: name(prepared?.db ?? json.db),
      // Of other roles, the server shows a placeholder.
      query: json.query === null || json.start === null ? null : withoutFences(json.query),
      stateSeconds: json.since,
      transactionSeconds: prepared?.secs ?? json.xact,
      held: json.held && toLock(json.held),
      awaited: json.awaited && toLock(json.awaited),
      prepared: name(prepared?.gid ?? null),
    }),
    ...(cycles.has(json.pid) ? { cycle: true } : {}),
  };
}

function toState({ state, wt, we }: StateJson): BackendState {
  return given({ state, waitEventType: wt, waitEvent: we });
}

function toLock({ type, mode, granted, target }: WorkerLock): WorkerLock {
  return { type, mode, granted, target: shortName(target) };
}

function toIo({ read, written, hits }: { read: number; written: number; hits: number }): WorkerIo {
  return { readBytes: read, writtenBytes: written, hits };
}

function name(text: string | null): string | null {
  return text === null ? null : shortName(text);
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], null | undefined> };

/** The properties that have a value. */
function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== ''),
  ) as Given<T>;
}
