/** Messages between the host and the page of a plan. */

/** The texts of the page, in the user's language. */
export interface PlanStrings {
  readonly tree: string;
  readonly text: string;
  readonly views: string;
  readonly node: string;
  readonly share: string;
  readonly cost: string;
  readonly rows: string;
  readonly time: string;
  readonly actualRows: string;
  readonly loops: string;
  readonly details: string;
  readonly noDetails: string;
  readonly expensive: string;
  readonly copyText: string;
  readonly openJson: string;
  readonly showJob: string;
}

/** A node, with its numbers as texts. */
export interface PlanNodeView {
  readonly title: string;
  readonly subplan?: string;
  readonly depth: number;
  /** Index of the node above. */
  readonly parent?: number;
  /** The node's own part of the total, from 0 to 1. */
  readonly share: number;
  readonly shareText: string;
  /** One of the most expensive nodes. */
  readonly expensive: boolean;
  readonly cost: string;
  readonly rows: string;
  readonly time: string;
  readonly actualRows: string;
  readonly loops: string;
  readonly details: readonly string[];
}

export interface PlanInit {
  readonly type: 'init';
  readonly strings: PlanStrings;
  readonly language: string;
  readonly title: string;
  /** Whether the statement was run, and what became of its changes. */
  readonly note: string;
  /** What is not shown; empty if everything is. */
  readonly omitted: string;
  /** The statement was run: the columns of measured values are shown. */
  readonly analyzed: boolean;
  readonly timed: boolean;
  /** Each before the nodes below it. */
  readonly nodes: readonly PlanNodeView[];
  /** Lines after the plan, such as the planning time. */
  readonly summary: readonly string[];
  /** The plan as psql shows it. */
  readonly text: string;
}

export type FromPlanPage =
  | { readonly type: 'ready' }
  | { readonly type: 'copyText' }
  | { readonly type: 'openJson' }
  | { readonly type: 'showJob' };

const TYPES: ReadonlySet<unknown> = new Set([
  'ready',
  'copyText',
  'openJson',
  'showJob',
] satisfies FromPlanPage['type'][]);

export function parseFromPlanPage(raw: unknown): FromPlanPage | undefined {
  if (typeof raw !== 'object' || raw === null || !('type' in raw) || !TYPES.has(raw.type)) return undefined;
  return { type: raw.type as FromPlanPage['type'] };
}
