import type { Client, Connection, Submittable } from 'pg';

/** A column of a RowDescription message. */
export interface DescribedColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
}

interface RowDescription {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number; readonly dataTypeModifier: number }[];
}

/** Methods of pg's Connection that its published types do not declare. */
interface WireConnection {
  parse(query: { name: string; text: string; types: number[] }): void;
  describe(message: { type: 'S'; name: string }): void;
  sync(): void;
}

/**
 * Sends Parse, Describe (statement), and Sync: the server describes the result of a statement without executing it (PostgreSQL,
 * "Extended Query"). Like a query of `pg`, it is queued on the client.
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
    // After an error, pg does not pass ReadyForQuery on to the query.
    this.#settle(error);
  }

  handleReadyForQuery(): void {
    this.#settle(undefined);
  }
}

/**
 * The columns that a statement would return, or undefined for a statement without rows.
 * @throws the server's error if the text does not parse, refers to something that does not exist, or has several statements
 */
export function describeStatement(client: Client, text: string): Promise<readonly DescribedColumn[] | undefined> {
  const query = new DescribeStatement(text);
  client.query(query);
  return query.done;
}
