/** Launches a durable batch: the records of all statements and the lanes that run them, in one transaction. */
import type { Client } from 'pg';
import { FaultError, type Fault } from '../../base/fault';
import type { SharedSession } from '../../jobs/batches/batchPart';
import type { DurableBatchOptions } from '../../jobs/durable/ports';
import { LaunchError } from '../../jobs/errors';
import { earlierEffect, type EarlierEffect } from '../../sql/classify/earlierStatements';
import type { TypeCache } from '../client/typeCache';
import { workerText } from '../pgBackground/rowPlan';
import { EarlierTables } from './earlierTables';
import type { DurableFault } from './faults';
import {
  columnsOf,
  optionsOf,
  planLaunch,
  readState,
  SLOTS_PER_JOB,
  startJobs,
  SyntaxFaultError,
  type DurableRunRequest,
  type SessionState,
} from './launch';
import { RefusedTextError, type DurablePlan } from './plan';

export interface DurableBatchStatement extends DurableRunRequest {
  readonly session?: SharedSession;
}

export interface LaunchedBatch {
  /** Of type int8, in the order of the statements. */
  readonly ids: readonly string[];
  /** What cannot be kept, or proved; each once. */
  readonly notices: readonly Fault[];
}

/**
 * Launches a batch. The setup must have been checked (`useRefusal`).
 * @throws FaultError if too few slots are free, or if a statement cannot be run as it is written; the server's error otherwise. In all
 * these cases nothing was launched, unless the connection was lost.
 */
export async function launchDurableBatch(
  client: Client,
  types: TypeCache,
  statements: readonly DurableBatchStatement[],
  { label, parallel, onFailure, after, onSending }: DurableBatchOptions & { readonly onSending?: () => void },
): Promise<LaunchedBatch> {
  const lanes = Math.min(parallel, statements.length);
  // After another job, it needs only its lanes until that one has ended.
  const state = await readState(client, after === undefined ? SLOTS_PER_JOB * lanes : lanes);
  const plans = await planAll(client, types, state, statements, after !== undefined);
  const requested = plans.map(({ plan, request }) => ({
    label: request.label,
    sql: request.sql,
    options: optionsOf(request, plan),
    columns: columnsOf(plan),
    gated: plan.gated,
    rowsTable: plan.rowsTable,
    session: request.session,
  }));
  onSending?.();
  const ids = await startJobs<string>(client, {
    text: `SELECT pg_catalog.array_to_json(pgbackground_jobs.start_batch($1::pg_catalog.json, $2::pg_catalog.json,
                                                                          $3::pg_catalog.int8)::pg_catalog.text[])::pg_catalog.text`,
    values: [JSON.stringify(requested), JSON.stringify({ label, parallel: lanes, onFailure }), after ?? null],
  });
  return { ids: JSON.parse(ids) as string[], notices: noticesOf(plans) };
}

interface Planned {
  readonly request: DurableBatchStatement;
  readonly plan: DurablePlan;
}

/** @param follows whether the batch runs after another job, of which only the server knows what it changes */
async function planAll(
  client: Client,
  types: TypeCache,
  state: SessionState,
  statements: readonly DurableBatchStatement[],
  follows: boolean,
): Promise<Planned[]> {
  const plans: Planned[] = [];
  let effect: EarlierEffect | undefined = follows ? 'columns' : undefined;
  const tables = new EarlierTables();
  for (const [index, request] of statements.entries()) {
    try {
      const inBatch = { effect, expectedTable: tables.expected };
      plans.push({ request, plan: await planLaunch(client, types, state, { ...request, inBatch }) });
    } catch (error) {
      throw refused(error, request, index) ?? error;
    }
    effect = stronger(effect, request.sql);
    tables.add(request);
  }
  return plans;
}

/** What a statement and those before it change. */
function stronger(before: EarlierEffect | undefined, sql: string): EarlierEffect {
  if (before === 'columns') return before;
  const { sql: text, split } = workerText(sql);
  const own = earlierEffect(text, split.statements);
  return own === 'nothing' && before !== undefined ? before : own;
}

/** A refusal that names the statement. Undefined if it is not the statement that is refused. */
function refused(
  error: unknown,
  { sql, label, session }: DurableBatchStatement,
  index: number,
): FaultError<DurableFault> | undefined {
  const fault = faultIn(error);
  if (fault === undefined) return undefined;
  const position = error instanceof SyntaxFaultError || error instanceof RefusedTextError ? error.position : 0;
  // The statement may be preceded by what it took over.
  const start = session?.applied?.prefix ?? 0;
  const line = sql.slice(start, Math.max(start, position)).split('\n').length;
  return new FaultError<DurableFault>(
    { code: 'durable.statementRefused', params: { number: index + 1, line, label }, cause: fault },
    { cause: error },
  );
}

function faultIn(error: unknown): Fault | undefined {
  if (error instanceof LaunchError) return error.error.fault;
  return error instanceof FaultError ? (error as FaultError).fault : undefined;
}

function noticesOf(plans: readonly Planned[]): readonly Fault[] {
  const all = plans.flatMap(({ plan }) => plan.notices);
  return [...new Map(all.map((notice) => [JSON.stringify(notice), notice])).values()];
}
