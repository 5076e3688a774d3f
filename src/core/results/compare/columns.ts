/** Which columns of two results belong together, and which of them identify a row. */
import type { Row } from '../../../shared/rowCodec';
import type { SpoolColumn } from '../spool/spoolFormat';
import { ruleOf, type ValueRule } from './values';

/** A column that both results have. */
export interface CommonColumn {
  readonly name: string;
  /** Its place in each result. */
  readonly before: number;
  readonly after: number;
  readonly rule: ValueRule;
  /** The type for values of both results. */
  readonly type: string;
}

export interface MatchedColumns {
  /** In the order of the first result. */
  readonly common: readonly CommonColumn[];
  /** Names of the columns that only one of the results has. */
  readonly onlyBefore: readonly string[];
  readonly onlyAfter: readonly string[];
}

/** Matches columns by name. If a name occurs several times, its first column matches the first one in the other result, and so on. */
export function matchColumns(before: readonly SpoolColumn[], after: readonly SpoolColumn[]): MatchedColumns {
  const places = new Map<string, number[]>();
  after.forEach(({ name }, place) => places.set(name, [...(places.get(name) ?? []), place]));
  const common: CommonColumn[] = [];
  const onlyBefore: string[] = [];
  before.forEach((column, place) => {
    const other = places.get(column.name)?.shift();
    const match = other === undefined ? undefined : after[other];
    if (other === undefined || match === undefined) {
      onlyBefore.push(column.name);
      return;
    }
    const rule = ruleOf(column, match);
    common.push({ name: column.name, before: place, after: other, rule, type: commonType(column, match, rule) });
  });
  const left = new Set([...places.values()].flat());
  return { common, onlyBefore, onlyAfter: after.filter((_, place) => left.has(place)).map(({ name }) => name) };
}

function commonType(before: SpoolColumn, after: SpoolColumn, rule: ValueRule): string {
  if (before.type === after.type) return after.type;
  return rule === 'number' ? 'numeric' : 'text';
}

/** What the first rows of both results show about a column. */
export interface KeyCandidate {
  /** Place in {@link MatchedColumns.common}. */
  readonly column: number;
  /** No value occurs twice or is NULL in these rows. */
  readonly unique: boolean;
}

export interface KeyProposal {
  readonly candidates: readonly KeyCandidate[];
  /** The columns to use, unless the user knows better. */
  readonly proposed: readonly number[];
}

/** More columns than this are not combined to a key. */
const MAX_COMBINED = 4;

/**
 * Proposes a key: a unique column named `id`, else the first unique column, else the first columns that are unique together, else the
 * first column.
 *
 * @param samples The first rows of each result, with the values of the common columns.
 */
export function proposeKeys(common: readonly CommonColumn[], samples: readonly (readonly Row[])[]): KeyProposal {
  const candidates = common.map((_, column) => ({ column, unique: isUnique(samples, [column]) }));
  const unique = candidates.filter((candidate) => candidate.unique);
  const id = unique.find(({ column }) => common[column]?.name.toLowerCase() === 'id');
  const single = id ?? unique[0];
  if (single) return { candidates, proposed: [single.column] };
  for (let count = 2; count <= Math.min(MAX_COMBINED, common.length); count++) {
    const together = Array.from({ length: count }, (_, column) => column);
    if (isUnique(samples, together)) return { candidates, proposed: together };
  }
  return { candidates, proposed: common.length > 0 ? [0] : [] };
}

function isUnique(samples: readonly (readonly Row[])[], columns: readonly number[]): boolean {
  // Without rows, nothing is known.
  if (samples.every((rows) => rows.length === 0)) return false;
  return samples.every((rows) => {
    const seen = new Set<string>();
    return rows.every((row) => {
      const values = columns.map((column) => row[column] ?? null);
      const key = JSON.stringify(values);
      if (values.includes(null) || seen.has(key)) return false;
      seen.add(key);
      return true;
    });
  });
}
