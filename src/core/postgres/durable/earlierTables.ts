/** What the earlier statements of a batch make of the table that stores the rows of a later one. Pure. */
import { earlierEffect } from '../../sql/classify/earlierStatements';
import { parseInto, type IntoTable } from '../../sql/intoTable';
import type { IntoFacts } from '../pgBackground/intoText';
import { workerText } from '../pgBackground/rowPlan';

interface Earlier {
  /** The table that stores its rows. */
  readonly table: IntoTable | undefined;
  /** In lower case; empty unless it may change tables. */
  readonly text: string;
  readonly drops: boolean;
}

/** Replaces what the server reported about the table at the launch by what it is when the statement runs. */
export type ExpectedTable = (table: IntoTable, facts: IntoFacts) => IntoFacts;

export class EarlierTables {
  readonly #earlier: Earlier[] = [];

  /** Call it after each statement. */
  add({ sql, into }: { readonly sql: string; readonly into?: string | undefined }): void {
    const table = into === undefined ? undefined : parseInto(into);
    const { sql: text, split } = workerText(sql);
    const changes = earlierEffect(text, split.statements) === 'columns';
    if (!table && !changes) return;
    const drops = split.statements.at(-1)?.keyword === 'DROP';
    this.#earlier.push({ table, text: changes ? text.toLowerCase() : '', drops });
  }

  /** The worker finds out what is wrong if a statement that names the table or its schema does something else than is expected here. */
  readonly expected: ExpectedTable = (table, facts) => {
    const name = table.table.toLowerCase();
    const last = this.#earlier.findLast((one) => one.table?.table === table.table || one.text.includes(name));
    const schema = table.schema?.toLowerCase();
    const schemaNamed = schema !== undefined && this.#earlier.some(({ text }) => text.includes(schema));
    if (!last && !schemaNamed) return facts;
    const exists = last && (table.ifExists === 'replace' || (table.ifExists === 'append' && !last.drops));
    const kind = last ? (exists ? 'r' : undefined) : facts.kind;
    return { ...facts, kind, schemaExists: true, mayCreate: true, mayInsert: true, owned: true };
  };
}
