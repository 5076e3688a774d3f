import type { Writable } from 'node:stream';
import type { Column, JobFiles, RowsKept, RowSink } from '../ports';
import type { DurableRecord, DurableServer } from './ports';

/** Rows that are being copied from the server, or were. */
interface Copy {
  /** Resolves when the rows can be opened. */
  readonly opened: Promise<void>;
  /** Resolves when all rows have arrived. */
  readonly done: Promise<void>;
  state: 'copying' | 'complete' | 'failed';
}

export interface DurableRowsOptions {
  readonly files: JobFiles;
  /** Distinguishes the copies of this window from those of others with the same folder. */
  readonly window: string;
  /** The columns were read with the rows. */
  named(id: string, columns: readonly Column[]): void;
  /** All rows were copied, or the copying failed. */
  copied(id: string, rows: RowsKept | undefined): void;
}

/**
 * Copies the rows of durable jobs into files like those of other jobs, when they are first wanted. The rows stay on the server, so the
 * copies are removed when this window closes.
 */
export class DurableRows {
  readonly #copies = new Map<string, Copy>();

  readonly #options: DurableRowsOptions;

  constructor(options: DurableRowsOptions) {
    this.#options = options;
  }

  /** The name of the stored rows of a job. */
  fileOf(id: string): string {
    return `${id}-${this.#options.window.slice(0, 8)}`;
  }

  /** Whether rows are still arriving. */
  copying(id: string): boolean {
    return this.#copies.get(id)?.state === 'copying';
  }

  /**
   * Copies the rows, unless that was done or is being done.
   * @param all wait until all have arrived, and not only until the file can be opened
   * @throws if they cannot be read
   */
  async open(id: string, record: DurableRecord, server: () => Promise<DurableServer>, all: boolean): Promise<void> {
    let copy = this.#copies.get(id);
    // A new attempt each time that they are wanted.
    if (!copy || copy.state === 'failed') {
      copy = this.#start(id, record, server);
      this.#copies.set(id, copy);
    }
    await (all ? copy.done : copy.opened);
  }

  /** Removes the copy of a job. */
  async remove(id: string): Promise<void> {
    const copy = this.#copies.get(id);
    if (!copy) return;
    this.#copies.delete(id);
    await this.#options.files.remove(this.fileOf(id));
  }

  /** Removes all copies. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#copies.keys()].map((id) => this.remove(id)));
  }

  #start(id: string, record: DurableRecord, server: () => Promise<DurableServer>): Copy {
    let open!: () => void;
    const isOpen = new Promise<void>((resolve) => (open = resolve));
    const done = this.#copy(id, record, server, open);
    const copy: Copy = { done, opened: Promise.race([isOpen, done]), state: 'copying' };
    done.then(
      () => (copy.state = 'complete'),
      () => (copy.state = 'failed'),
    );
    // The caller that waits for another one of the promises gets the error.
    copy.opened.catch(() => undefined);
    return copy;
  }

  async #copy(
    id: string,
    record: DurableRecord,
    server: () => Promise<DurableServer>,
    opened: () => void,
  ): Promise<void> {
    const options = this.#options;
    let sink: RowSink | undefined;
    const create = async (added: readonly Column[]): Promise<Writable> => {
      const columns = record.folded ? [] : [...(record.columns ?? []), ...added];
      if (added.length > 0 && !record.folded) options.named(id, columns);
      sink = await options.files.createRows(this.fileOf(id), columns, record.folded, (names) =>
        options.named(id, names),
      );
      opened();
      return sink.stream;
    };
    try {
      await (await server()).copyRows(record, create);
    } catch (error) {
      sink?.stream.destroy(error instanceof Error ? error : new Error(String(error)));
      throw error;
    } finally {
      const kept = await sink?.finish();
      // After the state of the copy has changed.
      void Promise.resolve().then(() => setImmediate(() => options.copied(id, kept)));
    }
  }
}
