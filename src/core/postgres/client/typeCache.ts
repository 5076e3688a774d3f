import type { Client } from 'pg';
import { describeStatement, type DescribedColumn } from './describe';
import { isServerError, mayEndSession } from '../errors';
import type { Description, TypeFacts } from '../pgBackground/rowPlan';

/** Lower oids are built-in types (FirstNormalObjectId). All others may be renamed or recreated at any time. */
const FIRST_USER_OID = 16_384;

/**
 * Built-in types with values that the server sends but refuses to receive (measured on 18.6): empty values of the first three ("invalid
 * oidvector data", e.g. for any function without arguments in pg_proc), and all values of the others ("cannot accept a value of type …").
 */
const FRAGILE_TYPES = [
  'int2vector',
  'oidvector',
  'tsquery',
  'pg_node_tree',
  'pg_ndistinct',
  'pg_dependencies',
  'pg_mcv_list',
  'pg_brin_bloom_summary',
  'pg_brin_minmax_multi_summary',
];

/**
 * A worker sends values in binary form. So it cannot send a type without a send function, such as `aclitem`, a type that contains one
 * (an array, a domain, a row of a table with one), or a type that contains a pseudo-type, such as a row of pg_statistic. The
 * components of a type are its `typelem`, `typbasetype`, and attributes.
 */
// This runs in a session whose search_path is the user's, so every operator is qualified.
const TYPE_QUERY = `
  WITH RECURSIVE wanted AS (
    SELECT * FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.int4[]))
                  WITH ORDINALITY AS i(oid, typmod, n)
  ), parts(root, oid) AS (
    SELECT DISTINCT oid, oid FROM wanted
    UNION
    SELECT p.root, made_of.oid
      FROM parts AS p JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) p.oid
      JOIN LATERAL (SELECT t.typelem UNION ALL SELECT t.typbasetype UNION ALL
                    SELECT a.atttypid FROM pg_catalog.pg_attribute AS a
                     WHERE a.attrelid OPERATOR(pg_catalog.=) t.typrelid AND t.typrelid OPERATOR(pg_catalog.<>) 0 AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
                   ) AS made_of(oid) ON made_of.oid OPERATOR(pg_catalog.<>) 0
  )
  SELECT w.n, pg_catalog.format_type(t.oid, w.typmod), pg_catalog.format_type(t.oid, -1),
         EXISTS (SELECT 1 FROM parts AS p JOIN pg_catalog.pg_type AS s ON s.oid OPERATOR(pg_catalog.=) p.oid
                  WHERE p.root OPERATOR(pg_catalog.=) t.oid AND (s.typsend OPERATOR(pg_catalog.=) 0 OR s.typtype OPERATOR(pg_catalog.=) 'p')),
         t.typreceive OPERATOR(pg_catalog.<>) 0,
         EXISTS (SELECT 1 FROM parts AS p JOIN pg_catalog.pg_type AS s ON s.oid OPERATOR(pg_catalog.=) p.oid
                  WHERE p.root OPERATOR(pg_catalog.=) t.oid AND s.oid OPERATOR(pg_catalog.<) ${FIRST_USER_OID} AND s.typname OPERATOR(pg_catalog.=) ANY ($3::pg_catalog.name[]))
    FROM wanted AS w JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) w.oid`;

/** Facts about types. Those of built-in types are kept for the life of the connection. */
export class TypeCache {
  readonly #facts = new Map<string, TypeFacts>();

  async load(client: Client, columns: readonly DescribedColumn[]): Promise<void> {
    for (const column of columns) if (column.typeOid >= FIRST_USER_OID) this.#facts.delete(keyOf(column));
    const missing = new Map(columns.map((column) => [keyOf(column), column]));
    for (const key of missing.keys()) if (this.#facts.has(key)) missing.delete(key);
    if (missing.size === 0) return;
    const wanted = [...missing.values()];
    const result = await client.query<[string, string, string, string, string, string]>({
      text: TYPE_QUERY,
      values: [wanted.map((column) => column.typeOid), wanted.map((column) => column.typeModifier), FRAGILE_TYPES],
      rowMode: 'array',
    });
    for (const [n, display, definition, needsCast, receivable, fragile] of result.rows) {
      const column = wanted[Number(n) - 1];
      if (!column) continue;
      this.#facts.set(keyOf(column), {
        display,
        definition,
        needsCast: needsCast === 't',
        receivable: receivable === 't',
        fragile: fragile === 't',
      });
    }
  }

  get(column: DescribedColumn): TypeFacts {
    return this.#facts.get(keyOf(column)) ?? UNKNOWN;
  }
}

const UNKNOWN: TypeFacts = {
  display: 'text',
  definition: 'pg_catalog.text',
  needsCast: false,
  receivable: true,
  fragile: false,
};

function keyOf(column: DescribedColumn): string {
  return `${column.typeOid}:${column.typeModifier}`;
}

/** Source files of the server's parser. SQLSTATE syntax_error alone is ambiguous: an INSERT with too many values has it, too. */
const PARSER_FILES = new Set(['gram.y', 'scan.l']);

/** Describes one statement and the types of its columns. An error of the server is a result, too, unless it may end the session. */
export async function describeRows(client: Client, types: TypeCache, text: string): Promise<Description> {
  try {
    const columns = await describeStatement(client, text);
    if (!columns) return { noRows: true };
    await types.load(client, columns);
    return { columns: columns.map((column) => ({ column, type: types.get(column) })) };
  } catch (error) {
    if (isServerError(error) && !mayEndSession(error))
      return { failed: true, ...(PARSER_FILES.has(error.file ?? '') ? { syntax: true } : {}) };
    throw error;
  }
}
