import { join } from 'node:path';
import type { Column, JobFiles, RowSink } from '../../jobs/ports';
import type * as SinkCode from './rowSinks';
import type { SpoolReader } from './spool';
import { removeSpool, sweepOrphans, type SpoolLimits } from './spoolFormat';

/** Loaded with the first job whose rows are kept. */
const loadSinks = (): Promise<typeof SinkCode> => import('./rowSinks');

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

  async prepare(): Promise<void> {
    await loadSinks();
  }

  async createRows(
    id: string,
    columns: readonly Column[],
    unfold: boolean,
    onColumns: (columns: readonly Column[]) => void,
  ): Promise<RowSink> {
    const { createSink } = await loadSinks();
    return createSink(this.path(id), columns, this.#limits(), unfold ? onColumns : undefined);
  }

  /**
   * Opens the rows of a job, also while they are being written. Rejects if there are none.
   * @param columns the columns in the job's record, in case the spool's record is damaged
   */
  async open(id: string, columns?: readonly Column[]): Promise<SpoolReader> {
    const { SpoolReader: Reader } = await import('./spool');
    return Reader.open(this.path(id), columns, () => this.#isDrivenElsewhere(id));
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
