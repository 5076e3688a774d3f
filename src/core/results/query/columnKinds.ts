/** What sorting and writing need to know of a column's type. */
import type { SpoolColumn } from '../spool/spoolFormat';

/**
 * - `integer`: smallint, integer, bigint, oid: digits with or without a sign
 * - `xid`: digits as well, of types to which SQL does not convert numbers
 * - `numeric`: exact decimals of any length; also NaN and Infinity
 * - `float`: real, double precision
 * - `text`: everything else, arrays and domains among it: its text is all that is known
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

/** The kind of a column, by the name that `format_type()` gives its type, with or without a modifier such as `(10,2)`. */
export function columnKind(column: SpoolColumn): ColumnKind {
  return KINDS.get(column.type.replace(/\s*\([\d,\s-]*\)/, '')) ?? 'text';
}

/** Whether values of the column are numbers, to be shown at the right. */
export function isNumeric(column: SpoolColumn): boolean {
  const kind = columnKind(column);
  return kind === 'integer' || kind === 'xid' || kind === 'numeric' || kind === 'float';
}
