import { join } from 'node:path';
import { textFault } from '../../base/fault';
import { boundColumns } from '../../jobs/textBudget';
import type { Column, JobFiles, RowSink, RowsKept } from '../../jobs/ports';
import { removeSpool, SpoolReader, SpoolWriter, sweepOrphans, type SpoolLimits, type SpoolStatus } from './spool';
import { UnfoldStream } from './unfold';

/** Rows this young may belong to a job that began while the known ones were being listed. Milliseconds. */
const YOUNG_MS = 60_000;

/** The rows of all jobs: one spool each, in one folder. */
export class SpoolFiles implements JobFiles {
  readonly #folder: string;
  readonly #limits: () => SpoolLimits;

  constructor(folder: string, limits: () => SpoolLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  /** The spool's name, without a suffix. */
  path(id: string): string {
    return join(this.#folder, id);
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
   * Opens the rows of a job, also while they are written. Rejects where there are none.
   * @param columns as the job's record has them, should that of the rows be damaged
   */
  open(id: string, columns?: readonly Column[]): Promise<SpoolReader> {
    return SpoolReader.open(this.path(id), columns);
  }

  async remove(id: string): Promise<void> {
    await removeSpool(this.path(id));
  }

  /** Removes the rows of jobs that are no longer known, such as a crash leaves behind. */
  sweep(known: Iterable<string>): Promise<string[]> {
    return sweepOrphans(
      this.#folder,
      [...known].map((id) => this.path(id)),
      YOUNG_MS,
    );
  }
}

function kept(status: SpoolStatus): RowsKept {
  const { rows, bytes, dropped, message } = status;
  return { rows, bytes, dropped, ...(message === undefined ? {} : { fault: textFault(message) }) };
}

/** Keeps unfolded rows: the columns are known for sure only when the first row has come. */
function unfoldingSink(
  writer: SpoolWriter,
  described: readonly Column[],
  onColumns: (columns: readonly Column[]) => void,
): RowSink {
  const unfold = new UnfoldStream();
  let named = Promise.resolve();
  unfold.once('columns', (names: readonly string[]) => {
    const columns = columnsOf(names, described);
    // Without its record a reader shows the columns that were described, so this is no reason to keep no rows.
    named = writer.setColumns(boundColumns(columns)).catch(() => undefined);
    void named.then(() => onColumns(columns));
  });
  // Rows that cannot be unfolded: those before are kept, and whoever feeds the stream hears of the error as well.
  unfold.once('error', (error) => void writer.abort(`The rows could not be read: ${error.message}`));
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

/** What the server described before, where it fits: it also knows the types. */
function columnsOf(names: readonly string[], described: readonly Column[]): readonly Column[] {
  const fits = described.length === names.length && names.every((name, index) => described[index]?.name === name);
  return fits ? described : names.map((name) => ({ name, type: 'text' }));
}
