import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import { DatabaseError, type Client } from 'pg';

interface Submitted {
  submit(connection: unknown): void;
  handleError(error: Error): void;
  handleReadyForQuery(): void;
}

/** A query that the fake server has received and not answered yet. */
export interface ReceivedQuery {
  readonly text: string;
  readonly values: readonly unknown[];
  answer(...rows: unknown[]): void;
  fail(error: Error): void;
}

type QueryArgument = string | { text: string; values?: unknown[] } | Submitted;

/** A `pg` client without a server: the test answers each query. */
export class FakeClient extends EventEmitter {
  readonly socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  readonly connection = { stream: this.socket };
  /** As in BackendKeyData. */
  processID: number | null = null;
  /** The texts of all queries, in the order in which they were sent. */
  readonly sent: string[] = [];
  /** Queries that were not answered yet. More than one means that `pg` was given a second query while it ran the first. */
  readonly unanswered: ReceivedQuery[] = [];
  endCalls = 0;
  /** Answers each query at once if it returns rows, or an error. */
  respond: ((text: string) => readonly unknown[] | Error | undefined) | undefined;

  constructor() {
    super();
    this.socket.on('data', () => undefined);
    // Like `pg`: pending queries fail, then the client reports the end.
    this.socket.on('error', (error) => this.lose(error));
    this.socket.on('close', () => this.lose(new Error('Connection terminated unexpectedly')));
  }

  get asClient(): Client {
    return this as unknown as Client;
  }

  /** The query that is being answered. */
  get current(): ReceivedQuery {
    const [query] = this.unanswered;
    if (!query) throw new Error('No query was sent.');
    return query;
  }

  query(query: QueryArgument): Promise<{ rows: readonly unknown[] }> | undefined {
    if (typeof query === 'object' && 'submit' in query) {
      this.#submit(query);
      return undefined;
    }
    const { text, values = [] } = typeof query === 'string' ? { text: query } : query;
    return new Promise((resolve, reject) => {
      this.#receive(text, values, (rows) => resolve({ rows }), reject);
    });
  }

  end(): Promise<void> {
    this.endCalls++;
    return Promise.resolve();
  }

  /** Ends the connection: the running query fails, and the client reports the end once. */
  lose(error: Error): void {
    if (this.#lost) return;
    this.#lost = true;
    for (const query of this.unanswered.splice(0)) query.fail(error);
    this.emit('end');
  }

  #lost = false;

  #submit(query: Submitted): void {
    query.submit({
      stream: this.socket,
      query: (text: string) =>
        this.#receive(
          text,
          [],
          () => query.handleReadyForQuery(),
          (error) => query.handleError(error),
        ),
    });
  }

  #receive(
    text: string,
    values: readonly unknown[],
    resolve: (rows: readonly unknown[]) => void,
    reject: (error: Error) => void,
  ): void {
    this.sent.push(text);
    if (this.#lost) {
      reject(new Error('Client has encountered a connection error and is not queryable'));
      return;
    }
    const done = (): void => {
      const index = this.unanswered.indexOf(received);
      if (index >= 0) this.unanswered.splice(index, 1);
    };
    const received: ReceivedQuery = {
      text,
      values,
      answer: (...rows) => {
        done();
        resolve(rows);
      },
      fail: (error) => {
        done();
        reject(error);
      },
    };
    this.unanswered.push(received);
    const response = this.respond?.(text);
    if (response instanceof Error) received.fail(response);
    else if (response) received.answer(...response);
  }
}

export function serverError(code: string, message = 'the server’s message', severity = 'ERROR'): DatabaseError {
  return Object.assign(new DatabaseError(message, message.length, 'error'), { code, severity });
}
