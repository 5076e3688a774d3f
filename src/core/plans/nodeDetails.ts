/**
 * The properties of a plan's node or summary as EXPLAIN writes them in its text format: some keys of the JSON format share a line, others are
 * left out because the text format has them only with VERBOSE. Unknown keys become lines of their own.
 */
import { isObject, numberOf, textOf, type JsonObject } from './planJson';
import { measured, nodeTitle, NUMBER_KEYS, TITLE_KEYS } from './nodeTitle';

/** A line below a node. `key` is empty for a text without one. */
export interface Detail {
  readonly key: string;
  readonly value: string;
}

interface Group {
  readonly keys: readonly string[];
  /** The line; undefined if there is nothing to show. */
  line(node: JsonObject, fractions: boolean): Detail | undefined;
}

const text = (node: JsonObject, key: string): string => textOf(node, key) ?? '';
const count = (node: JsonObject, key: string): number => numberOf(node, key) ?? 0;

/** `name=1 other=2` for the values that are not 0. */
function counts(node: JsonObject, names: readonly (readonly [name: string, key: string])[]): string {
  return names.flatMap(([name, key]) => (count(node, key) > 0 ? [`${name}=${count(node, key)}`] : [])).join(' ');
}

function line(key: string, value: string): Detail | undefined {
  return value === '' ? undefined : { key, value };
}

const BLOCKS = ['Hit', 'Read', 'Dirtied', 'Written'];

function blocks(node: JsonObject, kind: 'Shared' | 'Local' | 'Temp'): string {
  const own = counts(
    node,
    BLOCKS.map((what) => [what.toLowerCase(), `${kind} ${what} Blocks`] as const),
  );
  return own === '' ? '' : `${kind.toLowerCase()} ${own}`;
}

function timings(node: JsonObject): string {
  const kinds = [
    ['shared', 'Shared I/O '],
    ['local', 'Local I/O '],
    ['temp', 'Temp I/O '],
    // Before PostgreSQL 17.
    ['shared/local', 'I/O '],
  ] as const;
  const parts = kinds.flatMap(([name, prefix]) => {
    const times = ['Read', 'Write'].flatMap((what) => {
      const ms = numberOf(node, `${prefix}${what} Time`);
      return ms === undefined || ms === 0 ? [] : [`${what.toLowerCase()}=${ms.toFixed(3)}`];
    });
    return times.length === 0 ? [] : [`${name} ${times.join(' ')}`];
  });
  return parts.join(', ');
}

const was = (now: number, before: number | undefined): string =>
  before === undefined || before === now ? String(now) : `${now} (originally ${before})`;

const GROUPS: readonly Group[] = [
  {
    keys: ['Sort Method', 'Sort Space Used', 'Sort Space Type'],
    line: (node) =>
      line(
        'Sort Method',
        `${text(node, 'Sort Method')}  ${text(node, 'Sort Space Type')}: ${count(node, 'Sort Space Used')}kB`,
      ),
  },
  {
    keys: ['Hash Buckets', 'Original Hash Buckets', 'Hash Batches', 'Original Hash Batches', 'Peak Memory Usage'],
    line: (node) => {
      const buckets = was(count(node, 'Hash Buckets'), numberOf(node, 'Original Hash Buckets'));
      const batches = was(count(node, 'Hash Batches'), numberOf(node, 'Original Hash Batches'));
      return line('Buckets', `${buckets}  Batches: ${batches}  Memory Usage: ${count(node, 'Peak Memory Usage')}kB`);
    },
  },
  {
    keys: ['HashAgg Batches', 'Planned Partitions', 'Peak Memory Usage', 'Disk Usage'],
    line: (node) => {
      const planned = count(node, 'Planned Partitions');
      const batches = count(node, 'HashAgg Batches');
      const disk = count(node, 'Disk Usage');
      const used = [`Batches: ${batches}`, `Memory Usage: ${count(node, 'Peak Memory Usage')}kB`];
      const parts = [
        planned > 0 ? `Planned Partitions: ${planned}` : '',
        // Without ANALYZE there are none.
        ...(batches > 0 ? used : []),
        disk > 0 ? `Disk Usage: ${disk}kB` : '',
      ];
      const [key = '', value = ''] = parts
        .filter((part) => part !== '')
        .join('  ')
        .split(/: (.*)/s);
      return line(key, value);
    },
  },
  {
    keys: ['Planned Partitions'],
    line: (node) => {
      const planned = count(node, 'Planned Partitions');
      return planned > 0 ? line('Planned Partitions', String(planned)) : undefined;
    },
  },
  {
    keys: ['Cache Hits', 'Cache Misses', 'Cache Evictions', 'Cache Overflows', 'Peak Memory Usage'],
    line: (node) => {
      const parts = ['Misses', 'Evictions', 'Overflows'].map((what) => `${what}: ${count(node, `Cache ${what}`)}`);
      const memory = `Memory Usage: ${count(node, 'Peak Memory Usage')}kB`;
      return line('Hits', [count(node, 'Cache Hits'), ...parts, memory].join('  '));
    },
  },
  {
    keys: ['Exact Heap Blocks', 'Lossy Heap Blocks'],
    line: (node) =>
      line(
        'Heap Blocks',
        counts(node, [
          ['exact', 'Exact Heap Blocks'],
          ['lossy', 'Lossy Heap Blocks'],
        ]),
      ),
  },
  {
    keys: ['Storage', 'Maximum Storage'],
    line: (node) => line('Storage', `${text(node, 'Storage')}  Maximum Storage: ${count(node, 'Maximum Storage')}kB`),
  },
  {
    keys: ['Sampling Method', 'Sampling Parameters', 'Repeatable Seed'],
    line: (node) => {
      const seed = textOf(node, 'Repeatable Seed');
      const parameters = valueText(node['Sampling Parameters'] ?? []);
      return line(
        'Sampling',
        `${text(node, 'Sampling Method')} (${parameters})${seed === undefined ? '' : ` REPEATABLE (${seed})`}`,
      );
    },
  },
  {
    keys: ['Tuples Inserted', 'Tuples Updated', 'Tuples Deleted', 'Tuples Skipped'],
    line: (node) =>
      line(
        'Tuples',
        counts(
          node,
          ['Inserted', 'Updated', 'Deleted', 'Skipped'].map((what) => [what.toLowerCase(), `Tuples ${what}`] as const),
        ),
      ),
  },
  {
    keys: (['Shared', 'Local', 'Temp'] as const).flatMap((kind) => BLOCKS.map((what) => `${kind} ${what} Blocks`)),
    line: (node) =>
      line(
        'Buffers',
        (['Shared', 'Local', 'Temp'] as const)
          .map((kind) => blocks(node, kind))
          .filter((part) => part !== '')
          .join(', '),
      ),
  },
  {
    keys: ['Shared I/O ', 'Local I/O ', 'Temp I/O ', 'I/O '].flatMap((kind) => [
      `${kind}Read Time`,
      `${kind}Write Time`,
    ]),
    line: (node) => line('I/O Timings', timings(node)),
  },
  {
    keys: ['WAL Records', 'WAL FPI', 'WAL Bytes', 'WAL Buffers Full'],
    line: (node) =>
      line(
        'WAL',
        counts(node, [
          ['records', 'WAL Records'],
          ['fpi', 'WAL FPI'],
          ['bytes', 'WAL Bytes'],
          ['buffers full', 'WAL Buffers Full'],
        ]),
      ),
  },
];

/**
 * The group of a key. `Peak Memory Usage` is part of several, and `Tuples Inserted` has a line of its own in an INSERT … ON CONFLICT: the
 * group's first other key decides.
 */
function groupOf(node: JsonObject, key: string): Group | undefined {
  const shared = new Set(['Peak Memory Usage', 'Tuples Inserted', 'Planned Partitions']);
  const matching = GROUPS.filter(({ keys }) => keys.includes(key));
  return (
    matching.find(({ keys }) => keys.some((other) => !shared.has(other) && other in node)) ??
    matching.find(({ keys }) => keys.length === 1)
  );
}

/** The lines below a node. */
export function nodeDetails(node: JsonObject, fractions: boolean): Detail[] {
  const details: Detail[] = [];
  const done = new Set<string>();
  for (const [key, value] of Object.entries(node)) {
    // The text format has this only with VERBOSE.
    if (key === 'Inner Unique' && !('Output' in node)) continue;
    if (TITLE_KEYS.has(key) || NUMBER_KEYS.has(key) || done.has(key)) continue;
    if (key === 'Target Tables' && Array.isArray(value)) {
      // The tables that the node writes to, if there are several.
      const type = textOf(node, 'Operation') ?? '';
      const tables = value.filter(isObject).map((table) => nodeTitle({ 'Node Type': type, ...table }));
      details.push(...tables.map((title) => ({ key: '', value: title })));
      continue;
    }
    const group = groupOf(node, key);
    if (group) {
      for (const other of group.keys) done.add(other);
      const own = group.line(node, fractions);
      if (own) details.push(own);
    } else details.push(...detailsOf(key, value, fractions));
  }
  return details;
}

function detailsOf(key: string, value: unknown, fractions: boolean): Detail[] {
  if (key === 'Workers' && Array.isArray(value)) return value.filter(isObject).flatMap((w) => worker(w, fractions));
  if (key === 'Grouping Sets' && Array.isArray(value)) return value.filter(isObject).flatMap(groupingSet);
  if (/-sort(ed)? Groups$/.test(key) && isObject(value)) return [sortGroups(key, value)];
  // The text format has these only if there were some.
  if (/^(Rows Removed by|Subplans Removed|Single Copy)/.test(key) && value === 0) return [];
  if (value === false || value === null || value === undefined) return [];
  return [{ key, value: valueText(value) }];
}

function worker(node: JsonObject, fractions: boolean): Detail[] {
  const key = `Worker ${numberOf(node, 'Worker Number') ?? '?'}`;
  const loops = numberOf(node, 'Actual Loops');
  const own =
    loops === undefined ? [] : [{ key, value: ` actual ${measured(node, fractions)} loops=${loops.toFixed(0)}` }];
  const rest = Object.fromEntries(Object.entries(node).filter(([name]) => name !== 'Worker Number'));
  const details = nodeDetails(rest, fractions);
  return [...own, ...details.map((detail) => ({ key, value: ` ${detailText(detail)}` }))];
}

function groupingSet(set: JsonObject): Detail[] {
  const indent = 'Sort Key' in set ? '  ' : '';
  return Object.entries(set).flatMap(([key, value]) => {
    // `Group Keys` and `Hash Keys` are lists of lists, each with a line `Group Key`.
    if (!Array.isArray(value)) return [{ key, value: valueText(value) }];
    if (!/ Keys$/.test(key)) return [{ key, value: valueText(value) }];
    return value.map((keys: unknown) => ({
      key: indent + key.replace(/s$/, ''),
      value: Array.isArray(keys) && keys.length === 0 ? '()' : valueText(keys),
    }));
  });
}

/** `Full-sort Groups: 1  Sort Method: quicksort  Average Memory: 25kB  Peak Memory: 25kB` */
function sortGroups(key: string, groups: JsonObject): Detail {
  const methods = groups['Sort Methods Used'];
  const names = Array.isArray(methods) ? methods.map(String) : [];
  const parts = [
    String(count(groups, 'Group Count')),
    `Sort Method${names.length > 1 ? 's' : ''}: ${names.join(', ')}`,
  ];
  for (const kind of ['Memory', 'Disk']) {
    const space = groups[`Sort Space ${kind}`];
    if (!isObject(space)) continue;
    parts.push(`Average ${kind}: ${count(space, 'Average Sort Space Used')}kB`);
    parts.push(`Peak ${kind}: ${count(space, 'Peak Sort Space Used')}kB`);
  }
  return { key, value: parts.join('  ') };
}

/** A line of the text format. */
export function detailText({ key, value }: Detail): string {
  return key === '' ? value : `${key}: ${value}`;
}

export function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(valueText).join(', ');
  return JSON.stringify(value);
}
