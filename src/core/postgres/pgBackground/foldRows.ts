/**
 * SQL that returns the rows of any statement in a form that is known before it runs: the names of its columns, once, as a JSON array,
 * and each row as the text of a record, which is exact. A result without rows is one line with the names and an empty text, which is
 * not a record. src/core/results/spool/unfold.ts converts them back.
 *
 * No name here can collide with a name of the user's: every function, type, and operator is qualified, and `q.*` is always the whole
 * row, whereas a plain `q` would be a column of that name.
 */

import { dollarTagFor } from '../../sql/quote';

/** The columns of a folded result for `pg_background_result`. */
export const FOLDED_DEFINITION = 'c1 pg_catalog.text, c2 pg_catalog.text';

/** Text to insert before and after a statement. */
export interface Wrapping {
  readonly before: string;
  readonly after: string;
}

/** SQL for the column names of a record. `json_object_keys` keeps their order, and repeated names. */
function namesOf(record: string): string {
  return `(SELECT pg_catalog.json_agg(k) FROM pg_catalog.json_object_keys(pg_catalog.row_to_json(${record})) AS k)::pg_catalog.text`;
}

/** The same for the columns of q, which may be NULLs of an outer join. */
const NAMES_OF_COLUMNS =
  '(SELECT pg_catalog.json_agg(k.k) FROM (SELECT q.*) AS e, pg_catalog.json_object_keys(pg_catalog.row_to_json(e.*)) AS k(k))::pg_catalog.text';

/**
 * Folds a query that is allowed in FROM. Its rows are never held together, so their number is not limited.
 *
 * OFFSET 0 prevents the planner from evaluating the query's expressions twice, for the names and for the row. The outer join turns an
 * empty result into one row of NULLs: as a whole it is NULL, but its columns still have names.
 */
export const FOLD_QUERY: Wrapping = {
  before: `SELECT CASE WHEN pg_catalog.row_number() OVER () OPERATOR(pg_catalog.=) 1 THEN ${NAMES_OF_COLUMNS} END, COALESCE(q.*::pg_catalog.text, '') FROM (VALUES (1)) AS pgbg_one LEFT JOIN (SELECT q.* FROM (`,
  after: '\n) AS q OFFSET 0) AS q ON true',
};

/** Size of the rows in one setting; a value is limited to 1 GB. Bytes. */
const PART_BYTES = 16_000_000;

/**
 * Folds any statement that returns rows, such as INSERT … RETURNING, FETCH, and EXECUTE. A PL/pgSQL loop runs the statement and passes
 * its rows on in settings of the transaction. This needs no privileges and creates nothing, so it also works in a read-only
 * transaction.
 *
 * @param exists SQL condition; if false, the statement runs outside the loop, so that it fails with the server's own error
 * @returns also the line of the loop in the block, which the context of its errors contains
 */
export function foldStatement(statement: string, exists: string | undefined): Wrapping & { readonly line: number } {
  const outer = dollarTagFor(statement, 'pgbg_fold');
  const inner = dollarTagFor(statement, 'pgbg_statement');
  const keep = `part_count := part_count OPERATOR(pg_catalog.+) 1;
PERFORM pg_catalog.set_config(pg_catalog.concat('pgbg_fold.part', part_count), part::pg_catalog.text, true);`;
  const before = `DO ${outer}DECLARE
r pg_catalog.record; names pg_catalog.text; line pg_catalog.text; part pg_catalog.text[]; part_count pg_catalog.int4 := 0; size pg_catalog.int8 := 0;
statement CONSTANT pg_catalog.text := ${inner}`;
  const after = `${inner};
BEGIN
${exists === undefined ? '' : `IF NOT ${exists} THEN EXECUTE statement; PERFORM pg_catalog.set_config('pgbg_fold.parts', '0', true); RETURN; END IF;`}
${LOOP}
IF names IS NULL THEN
names := ${namesOf('r')};
IF names IS NOT NULL THEN PERFORM pg_catalog.set_config('pgbg_fold.names', names, true); END IF;
END IF;
line := r::pg_catalog.text;
part := pg_catalog.array_append(part, line);
size := size OPERATOR(pg_catalog.+) pg_catalog.octet_length(line);
IF size OPERATOR(pg_catalog.>) ${PART_BYTES} THEN
${keep}
part := NULL; size := 0;
END IF;
END LOOP;
IF part IS NOT NULL THEN
${keep}
END IF;
IF names IS NULL AND line IS NULL THEN
names := ${namesOf('r')};
IF names IS NOT NULL THEN PERFORM pg_catalog.set_config('pgbg_fold.names', names, true); END IF;
END IF;
PERFORM pg_catalog.set_config('pgbg_fold.parts', part_count::pg_catalog.text, true);
END ${outer};SELECT pg_catalog.current_setting('pgbg_fold.names', true), COALESCE(r.line, '') FROM (VALUES (1)) AS one LEFT JOIN (pg_catalog.generate_series(1, pg_catalog.current_setting('pgbg_fold.parts')::pg_catalog.int4) AS p(n) CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.current_setting(pg_catalog.concat('pgbg_fold.part', p.n))::pg_catalog.text[]) AS r(line)) ON true`;
  const block = before + statement + after;
  return { before, after, line: block.slice(0, block.lastIndexOf(LOOP)).split('\n').length };
}

const LOOP = 'FOR r IN EXECUTE statement LOOP';

/**
 * The context of an error in {@link foldStatement}, without the lines that it adds at the end: that of its loop and, for an error at
 * run time, that of the statement in it. They are recognized by the parts that the server does not translate: the name of the block,
 * the line of the loop in it, and the statement.
 *
 * @returns undefined if the error was not in the loop
 */
export function contextInFold(context: string, statement: string, line: number): string | undefined {
  const end = context.lastIndexOf('\n');
  const outermost = context.slice(end + 1);
  if (!new RegExp(`\\binline_code_block\\b.*\\b${line}\\b`).test(outermost)) return undefined;
  const rest = context.slice(0, Math.max(end, 0));
  const at = rest.lastIndexOf(statement);
  // A quotation mark follows it.
  if (at < 0 || at + statement.length + 3 < rest.length) return rest;
  return rest.slice(0, Math.max(rest.lastIndexOf('\n', at), 0));
}
