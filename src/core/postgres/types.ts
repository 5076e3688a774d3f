import type { Client } from 'pg';
import { describeStatement, type DescribedColumn } from './describe';
import type { Description, TypeFacts } from './rowPlan';

const TYPE_QUERY = `
  SELECT i.n, pg_catalog.format_type(t.oid, i.typmod), pg_catalog.format_type(t.oid, NULL), t.typtype = 'p', t.typreceive <> 0
    FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.int4[]))
         WITH ORDINALITY AS i(oid, typmod, n)
    JOIN pg_catalog.pg_type t ON t.oid = i.oid`;

/** What is known about types, kept a connection long: a type's name changes rarely, and a wrong one only fails to read. */
export class TypeCache {
  readonly #facts = new Map<string, TypeFacts>();

  async load(client: Client, columns: readonly DescribedColumn[]): Promise<void> {
    const missing = new Map(columns.map((column) => [keyOf(column), column]));
    for (const key of missing.keys()) if (this.#facts.has(key)) missing.delete(key);
    if (missing.size === 0) return;
    const wanted = [...missing.values()];
    const result = await client.query<[string, string, string, string, string]>({
      text: TYPE_QUERY,
      values: [wanted.map((column) => column.typeOid), wanted.map((column) => column.typeModifier)],
      rowMode: 'array',
    });
    for (const [n, display, definition, pseudo, receivable] of result.rows) {
      const column = wanted[Number(n) - 1];
      if (!column) continue;
      this.#facts.set(keyOf(column), { display, definition, pseudo: pseudo === 't', receivable: receivable === 't' });
    }
  }

  get(column: DescribedColumn): TypeFacts {
    return this.#facts.get(keyOf(column)) ?? { display: 'text', definition: 'text', pseudo: false, receivable: true };
  }
}

function keyOf(column: DescribedColumn): string {
  return `${column.typeOid}:${column.typeModifier}`;
}

/** Describes one statement together with its types. Never rejects for a server's error: that is an answer too. */
export async function describeRows(
  client: Client,
  types: TypeCache,
  text: string,
  isServerError: (error: unknown) => boolean,
): Promise<Description> {
  try {
    const columns = await describeStatement(client, text);
    if (!columns) return { noRows: true };
    await types.load(client, columns);
    return { columns: columns.map((column) => ({ column, type: types.get(column) })) };
  } catch (error) {
    if (isServerError(error)) return { failed: true };
    throw error;
  }
}
