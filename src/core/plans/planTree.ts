/** A plan as a list of nodes with their shares, to be shown as a tree. */
import { nodeDetails, type Detail } from './nodeDetails';
import { nodeTitle } from './nodeTitle';
import { childrenOf, numberOf, textOf, type JsonObject, type ParsedPlan } from './planJson';

export interface PlanNode {
  readonly title: string;
  /** For example `SubPlan 1` or `CTE recent`. */
  readonly subplan?: string;
  /** The number of nodes above it. */
  readonly depth: number;
  /** Index of the node above; undefined for the root of a query. */
  readonly parent?: number;
  /** The part of the query's total cost that the node itself causes, from 0 to 1. */
  readonly costShare: number;
  /** The part of the run time that the node itself took, if the statement was run and timed. */
  readonly timeShare?: number;
  readonly startupCost?: number;
  readonly totalCost?: number;
  readonly planRows?: number;
  readonly width?: number;
  readonly actual?: {
    /** Milliseconds per loop. */
    readonly time?: number;
    /** Per loop. */
    readonly rows: number;
    readonly loops: number;
  };
  readonly details: readonly Detail[];
}

export interface PlanTree {
  /** Each before the nodes below it. */
  readonly nodes: readonly PlanNode[];
  /** The number of nodes that are not in the list. */
  readonly omitted: number;
}

interface Pending {
  readonly node: JsonObject;
  readonly depth: number;
  readonly parent: number | undefined;
  /** The cost of the node and of all below it, as part of the query's total. */
  readonly cost: number;
  readonly time: number;
  /** How many processes run it at the same time. */
  readonly processes: number;
}

/** @param maxNodes further nodes are only counted */
export function planTree({ queries, fractions }: ParsedPlan, maxNodes: number): PlanTree {
  const nodes: PlanNode[] = [];
  let omitted = 0;
  for (const { root } of queries) {
    if (!root) continue;
    const pending: Pending[] = [{ node: root, depth: 0, parent: undefined, cost: 1, time: 1, processes: 1 }];
    for (let next = pending.pop(); next; next = pending.pop()) {
      const { node, depth, parent, cost, time } = next;
      const children = childrenOf(node);
      const processes = next.processes * (1 + (numberOf(node, 'Workers Launched') ?? 0));
      const costs = parts(costOf(node), cost, childCosts(node, children));
      const times = parts(
        timeOf(node, next.processes),
        time,
        children.map((child) => timeOf(child, processes)),
      );
      const index = nodes.length;
      if (index < maxNodes) nodes.push(nodeOf(node, depth, parent, costs.own, times.own, fractions));
      else omitted++;
      const place = index < maxNodes ? { depth: depth + 1, parent: index } : { depth, parent };
      for (const [at, child] of [...children.entries()].reverse()) {
        pending.push({
          node: child,
          ...place,
          processes,
          cost: costs.children[at] ?? 0,
          time: times.children[at] ?? 0,
        });
      }
    }
  }
  return { nodes, omitted };
}

/**
 * Divides the share of a node between itself and its children. The costs below a LIMIT are those of all rows, and only some of them are
 * fetched: the children's parts never exceed the share of the node, so that all shares add up to 1.
 *
 * @param total of the node with all below it
 */
function parts(total: number, share: number, children: readonly number[]): { own: number; children: number[] } {
  const sum = children.reduce((all, one) => all + one, 0);
  const whole = Math.max(total, sum);
  if (whole <= 0) return { own: share, children: children.map(() => 0) };
  const shares = children.map((one) => (one / whole) * share);
  return { own: (Math.max(0, total - sum) / whole) * share, children: shares };
}

function costOf(node: JsonObject): number {
  return numberOf(node, 'Total Cost') ?? 0;
}

/** The inner side of a nested loop is estimated for one row of the outer side, and runs for each of them. */
function childCosts(node: JsonObject, children: readonly JsonObject[]): number[] {
  const costs = children.map(costOf);
  if (textOf(node, 'Node Type') !== 'Nested Loop') return costs;
  const side = (name: string): number => children.findIndex((child) => textOf(child, 'Parent Relationship') === name);
  const inner = side('Inner');
  const outer = children[side('Outer')];
  const innerNode = children[inner];
  if (!outer || !innerNode) return costs;
  // These keep their rows, so that running them again costs much less.
  if (['Materialize', 'Memoize'].includes(textOf(innerNode, 'Node Type') ?? '')) return costs;
  const others = costs.reduce((sum, cost, at) => (at === inner ? sum : sum + cost), 0);
  const loops = Math.max(1, numberOf(outer, 'Plan Rows') ?? 1);
  const limit = Math.max(0, costOf(node) - others);
  return costs.map((cost, at) =>
    at === inner ? Math.max(Math.min(cost * loops, limit), Math.min(cost, limit)) : cost,
  );
}

/** Milliseconds of elapsed time, as far as it can be derived from the averages of several processes. */
function timeOf(node: JsonObject, processes: number): number {
  const time = numberOf(node, 'Actual Total Time') ?? 0;
  return (time * (numberOf(node, 'Actual Loops') ?? 0)) / processes;
}

function nodeOf(
  node: JsonObject,
  depth: number,
  parent: number | undefined,
  costShare: number,
  timeShare: number,
  fractions: boolean,
): PlanNode {
  const subplan = textOf(node, 'Subplan Name');
  const loops = numberOf(node, 'Actual Loops');
  const time = numberOf(node, 'Actual Total Time');
  const optional = {
    startupCost: numberOf(node, 'Startup Cost'),
    totalCost: numberOf(node, 'Total Cost'),
    planRows: numberOf(node, 'Plan Rows'),
    width: numberOf(node, 'Plan Width'),
    parent,
    subplan,
    timeShare: time === undefined ? undefined : timeShare,
    actual:
      loops === undefined
        ? undefined
        : { rows: numberOf(node, 'Actual Rows') ?? 0, loops, ...(time === undefined ? {} : { time }) },
  };
  const known = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return { title: nodeTitle(node), depth, costShare, details: nodeDetails(node, fractions), ...known };
}
