import type { InvalidIndex } from '../../jobs/ports';

/** More are not read. */
const MAX_INDEXES = 10_000;

/**
 * The invalid indexes of the database that nothing is building now. That of a partitioned table may be invalid on purpose, until all
 * partitions have one.
 */
export const INVALID_INDEXES = `SELECT i.indexrelid::pg_catalog.text, n.nspname, c.relname, tn.nspname, t.relname
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  JOIN pg_catalog.pg_class AS t ON t.oid OPERATOR(pg_catalog.=) i.indrelid
  JOIN pg_catalog.pg_namespace AS tn ON tn.oid OPERATOR(pg_catalog.=) t.relnamespace
  WHERE NOT i.indisvalid AND c.relkind OPERATOR(pg_catalog.=) 'i'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS p
                    WHERE p.index_relid OPERATOR(pg_catalog.=) i.indexrelid)
  ORDER BY 1 LIMIT ${MAX_INDEXES}`;

export type InvalidIndexRow = [oid: string, schema: string, name: string, tableSchema: string, table: string];

export function toInvalidIndex([oid, schema, name, tableSchema, table]: InvalidIndexRow): InvalidIndex {
  return { oid, schema, name, tableSchema, table };
}
