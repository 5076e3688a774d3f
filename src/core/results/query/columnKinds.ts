/** Groups column types by how their values are sorted, filtered, and exported. */
import type { SpoolColumn } from '../spool/spoolFormat';

/**
 * - `integer`: smallint, integer, bigint, oid: digits with or without a sign
 * - `xid`: also digits, but SQL does not convert numbers to these types
 * - `numeric`: exact decimals of any length; also NaN and Infinity
 * - `float`: real, double precision
 * - `text`: everything else, including arrays and domains: only the text is known
 */
export type ColumnKind = 'integer' | 'xid' | 'numeric' | 'float' | 'boolean' | 'json' | 'date' | 'timestamp' | 'text';

const KINDS: ReadonlyMap<string, ColumnKind> = new Map([
  ['smallint', 'integer'],
  ['integer', 'integer'],
  ['bigint', 'integer'],
  ['oid', 'integer'],
  ['xid', 'xid'],
  ['cid', 'xid'],
  ['xid8', 'xid'],
  ['numeric', 'numeric'],
  ['real', 'float'],
  ['double precision', 'float'],
  ['boolean', 'boolean'],
  ['json', 'json'],
  ['jsonb', 'json'],
  ['date', 'date'],
  ['timestamp without time zone', 'timestamp'],
  ['timestamp with time zone', 'timestamp'],
]);

/** The kind of a column, from its type name as returned by `format_type()`, with or without a modifier such as `(10,2)`. */
export function columnKind(column: SpoolColumn): ColumnKind {
  return KINDS.get(column.type.replace(/\s*\([\d,\s-]*\)/, '')) ?? 'text';
}

/** Whether the values of the column are numbers, which are right-aligned. */
export function isNumeric(column: SpoolColumn): boolean {
  const kind = columnKind(column);
  return kind === 'integer' || kind === 'xid' || kind === 'numeric' || kind === 'float';
}
