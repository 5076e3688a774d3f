import { boundColumns } from '../../jobs/textBudget';
import type { Column, RowSink, RowsKept } from '../../jobs/ports';
import type { SpoolLimits, SpoolStatus } from './spoolFormat';
import { SpoolWriter } from './spoolWriter';
import { UnfoldStream } from './unfold';

/**
 * Creates the spool of a job.
 * @param onColumns set if the rows are unfolded: called when their names of columns are found
 */
export async function createSink(
  path: string,
  columns: readonly Column[],
  limits: SpoolLimits,
  onColumns?: (columns: readonly Column[]) => void,
): Promise<RowSink> {
  const writer = await SpoolWriter.create(path, boundColumns(columns), limits);
  if (onColumns) return unfoldingSink(writer, columns, onColumns);
  return {
    stream: writer.stream,
    status: () => kept(writer.status()),
    finish: async () => kept(await writer.finish()),
  };
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
