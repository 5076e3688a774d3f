import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { Column, JobFiles, RowSink, RowsKept } from '../jobs/ports';
import { removeSpool, SpoolReader, SpoolWriter, sweepOrphans, type SpoolLimits, type SpoolStatus } from './spool';
import { UnfoldStream } from './unfold';

/** The rows of all jobs: one spool each, in one folder. */
export class SpoolFiles implements JobFiles {
  constructor(
    private readonly folder: string,
    private readonly limits: () => SpoolLimits,
  ) {}

  /** The spool's name, without a suffix. */
  path(id: string): string {
    return join(this.folder, id);
  }

  async createRows(
    id: string,
    columns: readonly Column[],
    unfold: boolean,
    onColumns: (columns: readonly Column[]) => void,
  ): Promise<RowSink> {
    if (unfold) return new UnfoldingSink(this.path(id), columns, this.limits(), onColumns);
    const writer = await SpoolWriter.create(this.path(id), columns, this.limits());
    return {
      stream: writer.stream,
      status: () => kept(writer.status()),
      finish: async () => kept(await writer.finish()),
    };
  }

  /** Opens the rows of a job, also while they are written. Rejects where there are none. */
  open(id: string): Promise<SpoolReader> {
    return SpoolReader.open(this.path(id));
  }

  async remove(id: string): Promise<void> {
    await removeSpool(this.path(id));
  }

  /** Removes the rows of jobs that are no longer known, such as a crash leaves behind. */
  sweep(known: Iterable<string>): Promise<string[]> {
    return sweepOrphans(
      this.folder,
      [...known].map((id) => this.path(id)),
    );
  }
}

function kept(status: SpoolStatus): RowsKept {
  const { rows, bytes, dropped, message } = status;
  return { rows, bytes, dropped, ...(message === undefined ? {} : { message }) };
}

/** Keeps unfolded rows: the columns are known only when the first row has come, so the spool is made then. */
class UnfoldingSink implements RowSink {
  readonly stream: Writable;
  readonly #unfold = new UnfoldStream();
  #writer: Promise<SpoolWriter> | undefined;
  #open: SpoolWriter | undefined;

  constructor(
    private readonly file: string,
    private readonly described: readonly Column[],
    private readonly limits: SpoolLimits,
    private readonly onColumns: (columns: readonly Column[]) => void,
  ) {
    this.#unfold.once('columns', (names: readonly string[]) => {
      const columns = this.#columnsOf(names);
      this.onColumns(columns);
      void this.#start(columns);
    });
    this.#unfold.on('data', (chunk: Buffer) => {
      this.#unfold.pause();
      void this.#start(this.described).then((writer) => {
        if (writer.stream.write(chunk)) this.#unfold.resume();
        else writer.stream.once('drain', () => this.#unfold.resume());
      });
    });
    this.stream = this.#unfold;
  }

  status(): RowsKept {
    return this.#open ? kept(this.#open.status()) : { rows: 0, bytes: 0, dropped: 0 };
  }

  async finish(): Promise<RowsKept> {
    if (!this.#unfold.destroyed && !this.#unfold.readableEnded) {
      await new Promise<void>((resolve) => {
        this.#unfold.once('end', resolve);
        this.#unfold.once('close', resolve);
        this.#unfold.end();
      });
    }
    const writer = await this.#start(this.described);
    return kept(await writer.finish());
  }

  #start(columns: readonly Column[]): Promise<SpoolWriter> {
    this.#writer ??= SpoolWriter.create(this.file, columns, this.limits).then((writer) => {
      this.#open = writer;
      return writer;
    });
    return this.#writer;
  }

  /** What the server described before, where it fits: it also knows the types. */
  #columnsOf(names: readonly string[]): readonly Column[] {
    const fits =
      this.described.length === names.length && names.every((name, index) => this.described[index]?.name === name);
    return fits ? this.described : names.map((name) => ({ name, type: 'text' }));
  }
}
