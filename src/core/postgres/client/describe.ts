import type { Client, Connection, Submittable } from 'pg';

/** A column as RowDescription gives it. */
export interface DescribedColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
}

interface RowDescription {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number; readonly dataTypeModifier: number }[];
}

/** The messages that pg's Connection offers beyond its published types. */
interface WireConnection {
  parse(query: { name: string; text: string; types: number[] }): void;
  describe(message: { type: 'S'; name: string }): void;
  sync(): void;
}

/**
 * Parse, Describe (statement), Sync: what a statement would return, with nothing executed (PostgreSQL, "Extended Query").
 * Works as one of pg's own queries, so it waits its turn on the client.
 */
class DescribeStatement implements Submittable {
  #columns: DescribedColumn[] | undefined;
  readonly done: Promise<readonly DescribedColumn[] | undefined>;
  #settle!: (error: Error | undefined) => void;

  readonly #text: string;

  constructor(text: string) {
    this.#text = text;

    this.done = new Promise((resolve, reject) => {
      this.#settle = (error) => {
        if (error) reject(error);
        else resolve(this.#columns);
      };
    });
  }

  submit(connection: Connection): void {
    const wire = connection as unknown as WireConnection;
    wire.parse({ name: '', text: this.#text, types: [] });
    wire.describe({ type: 'S', name: '' });
    wire.sync();
  }

  handleRowDescription(message: RowDescription): void {
    this.#columns = message.fields.map((field) => ({
      name: field.name,
      typeOid: field.dataTypeID,
      typeModifier: field.dataTypeModifier,
    }));
  }

  handleError(error: Error): void {
    // pg forgets the query at its error, so ReadyForQuery will not be told.
    this.#settle(error);
  }

  handleReadyForQuery(): void {
    this.#settle(undefined);
  }
}

/**
 * The columns that a statement would return, or undefined for one without rows.
 * @throws the server's error where the text does not parse, names something that does not exist, or is several statements
 */
export function describeStatement(client: Client, text: string): Promise<readonly DescribedColumn[] | undefined> {
  const query = new DescribeStatement(text);
  client.query(query);
  return query.done;
}
