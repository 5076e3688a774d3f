/** The title of a plan's node, as EXPLAIN writes it in its text format (PostgreSQL, src/backend/commands/explain.c). */
import { quoteIfNeeded } from '../sql/quoteIfNeeded';
import { numberOf, textOf, type JsonObject } from './planJson';

/** The keys that a title contains. */
export const TITLE_KEYS: ReadonlySet<string> = new Set([
  ...['Node Type', 'Parallel Aware', 'Async Capable', 'Operation', 'Strategy', 'Partial Mode', 'Join Type', 'Command'],
  ...['Scan Direction', 'Index Name', 'Relation Name', 'Schema', 'Alias', 'Function Name', 'Table Function Name'],
  ...['CTE Name', 'Tuplestore Name', 'Custom Plan Provider', 'Parent Relationship', 'Subplan Name', 'Plans'],
]);

/** The keys of a title's numbers. */
export const NUMBER_KEYS: ReadonlySet<string> = new Set([
  ...['Startup Cost', 'Total Cost', 'Plan Rows', 'Plan Width'],
  ...['Actual Startup Time', 'Actual Total Time', 'Actual Rows', 'Actual Loops'],
]);

/** For example `Index Scan using orders_pkey on orders o`. */
export function nodeTitle(node: JsonObject): string {
  const parallel = node['Parallel Aware'] === true ? 'Parallel ' : '';
  const async = node['Async Capable'] === true ? 'Async ' : '';
  return `${parallel}${async}${nodeName(node)}${target(node)}`;
}

function nodeName(node: JsonObject): string {
  const type = textOf(node, 'Node Type') ?? '?';
  const strategy = textOf(node, 'Strategy');
  switch (type) {
    case 'Aggregate':
      return aggregateName(strategy, textOf(node, 'Partial Mode'));
    case 'SetOp': {
      const command = textOf(node, 'Command');
      return `${strategy === 'Hashed' ? 'HashSetOp' : 'SetOp'}${command === undefined ? '' : ` ${command}`}`;
    }
    case 'Nested Loop':
    case 'Hash Join':
    case 'Merge Join':
      return joinName(type, textOf(node, 'Join Type'));
    case 'ModifyTable':
      return textOf(node, 'Operation') ?? type;
    case 'Foreign Scan': {
      const operation = textOf(node, 'Operation');
      return operation === undefined || operation === 'Select' ? type : `Foreign ${operation}`;
    }
    case 'Custom Scan': {
      const provider = textOf(node, 'Custom Plan Provider');
      return provider === undefined ? type : `${type} (${provider})`;
    }
    default:
      return type;
  }
}

function aggregateName(strategy: string | undefined, mode: string | undefined): string {
  const names: Readonly<Record<string, string>> = {
    Plain: 'Aggregate',
    Sorted: 'GroupAggregate',
    Hashed: 'HashAggregate',
    Mixed: 'MixedAggregate',
  };
  const name = names[strategy ?? 'Plain'] ?? `Aggregate ${strategy}`;
  return mode === undefined || mode === 'Simple' ? name : `${mode} ${name}`;
}

/** The type of a join is in the middle of its name: `Hash Left Join`. */
function joinName(type: string, join: string | undefined): string {
  const kind = type.replace(/ Join$/, '');
  if (join !== undefined && join !== 'Inner') return `${kind} ${join} Join`;
  return type;
}

function target(node: JsonObject): string {
  const type = textOf(node, 'Node Type');
  const index = textOf(node, 'Index Name');
  if (type === 'Bitmap Index Scan') return index === undefined ? '' : ` on ${quoteIfNeeded(index)}`;
  const direction = textOf(node, 'Scan Direction') === 'Backward' ? ' Backward' : '';
  const using = index === undefined ? '' : ` using ${quoteIfNeeded(index)}`;
  const alias = textOf(node, 'Alias');
  const named = ['Relation Name', 'Function Name', 'Table Function Name', 'CTE Name', 'Tuplestore Name'].flatMap(
    (key) => textOf(node, key) ?? [],
  );
  const [name] = named;
  if (name === undefined && alias === undefined) return direction + using;
  const schema = textOf(node, 'Schema');
  const full =
    name === undefined ? '' : ` ${schema === undefined ? '' : `${quoteIfNeeded(schema)}.`}${quoteIfNeeded(name)}`;
  const known = alias === undefined || alias === name ? '' : ` ${quoteIfNeeded(alias)}`;
  return `${direction}${using} on${full}${known}`;
}

/** `(cost=0.00..8.30 rows=1 width=4)`, and what was measured. */
export function nodeNumbers(node: JsonObject, fractions: boolean): string {
  const parts: string[] = [];
  const cost = numberOf(node, 'Total Cost');
  if (cost !== undefined) {
    const start = (numberOf(node, 'Startup Cost') ?? 0).toFixed(2);
    const rows = (numberOf(node, 'Plan Rows') ?? 0).toFixed(0);
    parts.push(`(cost=${start}..${cost.toFixed(2)} rows=${rows} width=${numberOf(node, 'Plan Width') ?? 0})`);
  }
  const loops = numberOf(node, 'Actual Loops');
  if (loops === 0) parts.push('(never executed)');
  else if (loops !== undefined) parts.push(`(actual ${measured(node, fractions)} loops=${loops.toFixed(0)})`);
  return parts.join(' ');
}

/** `time=0.010..0.020 rows=1`, for a node or for one of its workers. */
export function measured(node: JsonObject, fractions: boolean): string {
  const time = numberOf(node, 'Actual Total Time');
  const start = (numberOf(node, 'Actual Startup Time') ?? 0).toFixed(3);
  const rows = (numberOf(node, 'Actual Rows') ?? 0).toFixed(fractions ? 2 : 0);
  return `${time === undefined ? '' : `time=${start}..${time.toFixed(3)} `}rows=${rows}`;
}
