/** The table that stores the rows of a job's last statement: the value of the `into` directive. */
import { quoteQualified } from './quote';

/** What happens if the table exists. Without a word, the launch is refused. */
export type IfTableExists = 'refuse' | 'append' | 'replace';

export interface IntoTable {
  /** Undefined: the first schema of the worker's search_path. */
  readonly schema?: string;
  readonly table: string;
  readonly ifExists: IfTableExists;
}

const NAME = String.raw`(?:"(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`;
const INTO = new RegExp(String.raw`^\s*(?:(${NAME})\s*\.\s*)?(${NAME})(?:\s+(append|replace))?\s*;?\s*$`, 'i');

/**
 * Reads `schema.table`, written as in SQL, and optionally `append` or `replace`.
 * @returns undefined if it is not the name of a table, or names a temporary one, which would be gone with the worker
 */
export function parseInto(text: string): IntoTable | undefined {
  const [, schema, table, ifExists] = INTO.exec(text) ?? [];
  if (table === undefined || text.includes('\0')) return undefined;
  const schemaName = schema === undefined ? undefined : nameOf(schema);
  if (schemaName !== undefined && /^pg_temp(_\d+)?$/.test(schemaName)) return undefined;
  return {
    ...(schemaName === undefined ? {} : { schema: schemaName }),
    table: nameOf(table),
    ifExists: (ifExists?.toLowerCase() ?? 'refuse') as IfTableExists,
  };
}

/** The table as SQL. @param schema the schema of a name without one, if it is known */
export function intoName(into: IntoTable, schema?: string): string {
  const inSchema = into.schema ?? schema;
  return inSchema === undefined ? quoteQualified(into.table) : quoteQualified(inSchema, into.table);
}

/** As the server reads a name: without its quotes, or with ASCII letters in lower case. */
function nameOf(written: string): string {
  if (written.startsWith('"')) return written.slice(1, -1).replaceAll('""', '"');
  return written.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
