/** Reads the output of EXPLAIN (FORMAT JSON). Keys that this version does not know are kept as they are. */
import type { FaultOf, NoParams } from '../base/fault';

export interface PlanFaults {
  /** `megabytes`: the size of the plan */
  'plan.tooLarge': { readonly megabytes: number };
  'plan.notAPlan': NoParams;
}
export type PlanFault = FaultOf<PlanFaults>;

/** A larger plan is not read. UTF-16 units. */
export const MAX_PLAN_LENGTH = 64 * 1024 * 1024;

export type JsonObject = Readonly<Record<string, unknown>>;

/** One query of the output: a rule can turn a statement into several, or into none. */
export interface PlannedQuery {
  /** Undefined for a statement without a plan. */
  readonly root: JsonObject | undefined;
  /** The keys beside the plan, such as `Planning Time`. */
  readonly summary: JsonObject;
}

export interface ParsedPlan {
  readonly queries: readonly PlannedQuery[];
  /** The statement was run. */
  readonly analyzed: boolean;
  /** The server counts rows with fractions, as PostgreSQL 18 does. */
  readonly fractions: boolean;
}

export function parsePlan(json: string): ParsedPlan | PlanFault {
  if (json.length > MAX_PLAN_LENGTH) {
    return { code: 'plan.tooLarge', params: { megabytes: Math.ceil(json.length / 1024 ** 2) } };
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return { code: 'plan.notAPlan' };
  }
  if (!Array.isArray(parsed) || parsed.length === 0) return { code: 'plan.notAPlan' };
  const queries = parsed.map((entry: unknown): PlannedQuery => {
    if (!isObject(entry)) return { root: undefined, summary: {} };
    const { Plan: root, ...summary } = entry;
    return { root: isObject(root) ? root : undefined, summary };
  });
  return {
    queries,
    analyzed: queries.some(({ root }) => root && ('Actual Rows' in root || 'Actual Loops' in root)),
    fractions: /"Actual Rows": ?\d+\.\d\d\b/.test(json),
  };
}

/** The plans of a node's inputs and subqueries. */
export function childrenOf(node: JsonObject): readonly JsonObject[] {
  const plans = node['Plans'];
  return Array.isArray(plans) ? plans.filter(isObject) : [];
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function textOf(node: JsonObject, key: string): string | undefined {
  const value = node[key];
  return typeof value === 'string' ? value : undefined;
}

export function numberOf(node: JsonObject, key: string): number | undefined {
  const value = node[key];
  return typeof value === 'number' ? value : undefined;
}
