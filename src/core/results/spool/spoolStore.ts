import { join } from 'node:path';
import { boundColumns } from '../../jobs/textBudget';
import type { Column, JobFiles, RowSink, RowsKept } from '../../jobs/ports';
import { removeSpool, SpoolReader, SpoolWriter, sweepOrphans, type SpoolLimits, type SpoolStatus } from './spool';
import { UnfoldStream } from './unfold';

/** Rows younger than this may belong to a job that started while the known jobs were listed. Milliseconds. */
const YOUNG_MS = 60_000;

/** Copies of the rows of durable jobs belong to a window that removes them when it closes. Older ones may remain after a crash. Milliseconds. */
const COPY_MS = 24 * 3_600_000;

/** Stores the rows of all jobs: one spool per job, in one folder. */
export class SpoolFiles implements JobFiles {
  readonly #folder: string;
  readonly #limits: () => SpoolLimits;
  #isDrivenElsewhere: (id: string) => boolean = () => false;

  constructor(folder: string, limits: () => SpoolLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  /** The name of the job's spool, without a suffix. */
  path(id: string): string {
    return join(this.#folder, id);
  }

  drivenElsewhere(isDriven: (id: string) => boolean): void {
    this.#isDrivenElsewhere = isDriven;
  }

  async createRows(
    id: string,
    columns: readonly Column[],
    unfold: boolean,
    onColumns: (columns: readonly Column[]) => void,
  ): Promise<RowSink> {
    const writer = await SpoolWriter.create(this.path(id), boundColumns(columns), this.#limits());
    if (unfold) return unfoldingSink(writer, columns, onColumns);
    return {
      stream: writer.stream,
      status: () => kept(writer.status()),
      finish: async () => kept(await writer.finish()),
    };
  }

  /**
   * Opens the rows of a job, also while they are being written. Rejects if there are none.
   * @param columns the columns in the job's record, in case the spool's record is damaged
   */
  open(id: string, columns?: readonly Column[]): Promise<SpoolReader> {
    return SpoolReader.open(this.path(id), columns, () => this.#isDrivenElsewhere(id));
  }

  async remove(id: string): Promise<void> {
    await removeSpool(this.path(id));
  }

  /** Removes the rows of unknown jobs, which may remain after a crash. */
  sweep(known: Iterable<string>): Promise<string[]> {
    return sweepOrphans(
      this.#folder,
      [...known].map((id) => this.path(id)),
      (name) => (name.startsWith('durable-') ? COPY_MS : YOUNG_MS),
    );
  }
}

function kept(status: SpoolStatus): RowsKept {
  const { rows, bytes, dropped, fault } = status;
  return { rows, bytes, dropped, ...(fault === undefined ? {} : { fault }) };
}

/** A sink for folded rows, whose columns are known for certain only with the first row. */
function unfoldingSink(
  writer: SpoolWriter,
  described: readonly Column[],
  onColumns: (columns: readonly Column[]) => void,
): RowSink {
  const unfold = new UnfoldStream();
  let named = Promise.resolve();
  unfold.once('columns', (names: readonly string[]) => {
    const columns = columnsOf(names, described);
    // Without the record, readers use the columns described by the server, so continue if this fails.
    named = writer.setColumns(boundColumns(columns)).catch(() => undefined);
    void named.then(() => onColumns(columns));
  });
  // Keep the rows before the malformed one. The source of the stream gets the error too.
  unfold.once('error', (error) => void writer.abort({ code: 'rows.malformed', params: { error: error.message } }));
  unfold.pipe(writer.stream);
  return {
    stream: unfold,
    status: () => kept(writer.status()),
    notRows: () => unfold.notRows,
    finish: async () => {
      if (!unfold.destroyed && !unfold.readableEnded) {
        await new Promise<void>((resolve) => {
          unfold.once('end', resolve).once('close', resolve);
          unfold.end();
        });
      }
      await named;
      return kept(await writer.finish());
    },
  };
}

/** Prefers the columns described by the server if the names match, because they include the types. */
function columnsOf(names: readonly string[], described: readonly Column[]): readonly Column[] {
  const fits = described.length === names.length && names.every((name, index) => described[index]?.name === name);
  return fits ? described : names.map((name) => ({ name, type: 'text' }));
}
