/** Compares the rows of two spools by key columns, with memory that does not depend on their number. */
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RowsError } from '../faults';
import { isDiskFull, type SpoolColumn } from '../spool/spoolFormat';
import type { SpoolReader } from '../spool/spoolReader';
import { SpoolWriter } from '../spool/spoolWriter';
import { ChangeLines, type Change } from './changes';
import type { CommonColumn, MatchedColumns } from './columns';
import { RowSorter, type CompareLines, type RowCursor, type SortSizes } from './sortedRows';
import { compareFields, compareTexts, keyText, NULL } from './values';

/** Names for what the rows of a comparison begin with. */
export interface ChangeLabels extends Readonly<Record<Change, string>> {
  /** Names of the first two columns. */
  readonly change: string;
  readonly changedColumns: string;
}

export interface CompareOptions {
  readonly before: SpoolReader;
  readonly after: SpoolReader;
  readonly columns: MatchedColumns;
  /** The columns that identify a row: places in `columns.common`. */
  readonly keys: readonly number[];
  /** The spool for the differences. Temporary files have names that begin like it; the caller removes their folder at the end. */
  readonly file: string;
  readonly labels: ChangeLabels;
  readonly signal?: AbortSignal;
  /** Called regularly with the done part of the work, from 0 to 1. */
  readonly progress?: (fraction: number) => void;
  /** Only for tests. */
  readonly sizes?: Partial<SortSizes>;
}

export interface Comparison {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  readonly equal: number;
  /** Keys that occur several times in a result. Their rows are compared as a whole. */
  readonly duplicateKeys: number;
  /** How many rows are changed in each column, if any. */
  readonly changedIn: readonly { readonly column: string; readonly rows: number }[];
}

/** The parts of the work for the progress: sorting both results, and merging them. */
const SORTING = 0.65;
/** Bytes to pass to the writer at once. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Compares two results and writes the differences to a spool, sorted by key. A row is added or removed if only one of the results has
 * its key, and changed if both have the key with other values. If a result has several rows with a key, they are matched with equal rows
 * of the other result; the remaining ones are added or removed.
 *
 * @throws RowsError if the disk is full; the signal's reason.
 */
export async function compareResults(options: CompareOptions): Promise<Comparison> {
  try {
    await mkdir(dirname(options.file), { recursive: true, mode: 0o700 });
    return await new Comparing(options).run();
  } catch (error) {
    throw isDiskFull(error) ? new RowsError({ code: 'rows.compareDiskFull' }) : error;
  }
}

class Comparing {
  #added = 0;
  #removed = 0;
  #changed = 0;
  #equal = 0;
  #duplicateKeys = 0;
  #chunk = '';
  #bytesRead = 0;
  #rowsMerged = 0;

  readonly #options: CompareOptions;
  readonly #keys: readonly CommonColumn[];
  readonly #order: readonly number[];
  readonly #changes: ChangeLines;
  readonly #compareLines: CompareLines;

  constructor(options: CompareOptions) {
    this.#options = options;
    const { common } = options.columns;
    this.#keys = options.keys.flatMap((key) => common[key] ?? []);
    if (this.#keys.length === 0) throw new RangeError('A comparison needs a key.');
    this.#order = [...new Set([...options.keys, ...common.keys()])];
    this.#changes = new ChangeLines(common, this.#order, options.labels);
    const plain = common.every(({ rule }) => rule === 'text');
    this.#compareLines = plain ? compareTexts : (a, b) => compareByValue(common, a, b);
  }

  async run(): Promise<Comparison> {
    const { before, after, file } = this.#options;
    const [one, two] = [await before.status(), await after.status()];
    const bytes = Math.max(1, one.bytes + two.bytes);
    const left = await this.#sort(before, 'before', bytes);
    try {
      const right = await this.#sort(after, 'after', bytes);
      try {
        const writer = await SpoolWriter.create(file, this.#columns(), { maxRows: 0, maxBytes: 0 });
        try {
          await this.#merge(left, right, writer, Math.max(1, one.rows + two.rows));
          await this.#write(writer);
          // The types are known only now.
          await writer.setColumns(this.#columns());
        } catch (error) {
          await writer.abort();
          throw error;
        }
        await writer.finish();
        checkWritten(writer);
      } finally {
        await right.close();
      }
    } finally {
      await left.close();
    }
    return {
      added: this.#added,
      removed: this.#removed,
      changed: this.#changed,
      equal: this.#equal,
      duplicateKeys: this.#duplicateKeys,
      changedIn: this.#options.columns.common.flatMap(({ name: column }, place) => {
        const rows = this.#changes.changedIn[place] ?? 0;
        return rows === 0 ? [] : [{ column, rows }];
      }),
    };
  }

  /** Columns keep their type if each of their cells has one value. */
  #columns(): SpoolColumn[] {
    const { columns, labels } = this.#options;
    const names = new Set(columns.common.map(({ name }) => name));
    const own = (name: string): SpoolColumn => ({ name: names.has(name) ? own(`${name}_`).name : name, type: 'text' });
    return [
      own(labels.change),
      own(labels.changedColumns),
      ...this.#order.flatMap((place) => {
        const column = columns.common[place];
        if (!column) return [];
        return { name: column.name, type: (this.#changes.changedIn[place] ?? 0) > 0 ? 'text' : column.type };
      }),
    ];
  }

  async #sort(reader: SpoolReader, side: 'before' | 'after', bytes: number): Promise<RowCursor> {
    const { file, signal, progress, sizes, columns } = this.#options;
    const sorter = new RowSorter(`${file}.${side}`, this.#compareLines, signal, sizes);
    const places = columns.common.map((column) => column[side]);
    // In most cases, all columns are compared, in the same order.
    const isWhole = places.length === reader.columns.length && places.every((place, i) => place === i);
    const keyPlaces = this.#keys.map((column) => column[side]);
    const rules = this.#keys.map(({ rule }) => rule);
    const start = this.#bytesRead;
    for await (const block of reader.blocks(signal)) {
      const text = block.bytes.toString('latin1');
      for (let at = 0, end = text.indexOf('\n'); end !== -1; at = end + 1, end = text.indexOf('\n', at)) {
        const line = text.slice(at, end);
        const fields = isWhole ? firstFields(line, keyPlaces) : line.split('\t');
        const key = keyText(
          rules,
          keyPlaces.map((place) => fields[place] ?? NULL),
        );
        const wait = sorter.add(key, isWhole ? line : places.map((place) => fields[place] ?? NULL).join('\t'));
        if (wait) await wait;
      }
      this.#bytesRead = start + block.position;
      progress?.((this.#bytesRead / bytes) * SORTING);
    }
    return sorter.sorted();
  }

  async #merge(left: RowCursor, right: RowCursor, writer: SpoolWriter, rows: number): Promise<void> {
    while (!left.done || !right.done) {
      const order = left.done ? 1 : right.done ? -1 : compareTexts(left.key, right.key);
      const key = order <= 0 ? left.key : right.key;
      const before = order <= 0 ? left.line : undefined;
      const after = order >= 0 ? right.line : undefined;
      // One after the other: most rows need no wait.
      const leftWait = before === undefined ? undefined : left.next();
      if (leftWait) await leftWait;
      const rightWait = after === undefined ? undefined : right.next();
      if (rightWait) await rightWait;
      this.#rowsMerged += order === 0 ? 2 : 1;
      const moreLeft = !left.done && left.key === key;
      const moreRight = !right.done && right.key === key;
      if (moreLeft || moreRight) {
        this.#duplicateKeys++;
        await this.#mergeDuplicates(key, before, after, left, right, writer, rows);
      } else if (before === undefined || after === undefined) {
        if (before !== undefined) this.#remove(before);
        if (after !== undefined) this.#add(after);
      } else this.#pair(before, after);
      if (leftWait || rightWait || this.#chunk.length >= CHUNK_BYTES) await this.#pause(writer, rows);
    }
  }

  /** Matches equal rows with the same key. Both results are sorted by the whole row within a key. */
  async #mergeDuplicates(
    key: string,
    before: string | undefined,
    after: string | undefined,
    left: RowCursor,
    right: RowCursor,
    writer: SpoolWriter,
    rows: number,
  ): Promise<void> {
    const next = async (cursor: RowCursor): Promise<string | undefined> => {
      if (cursor.done || cursor.key !== key) return undefined;
      const { line } = cursor;
      this.#rowsMerged++;
      const wait = cursor.next();
      if (wait) {
        await wait;
        await this.#pause(writer, rows);
      }
      return line;
    };
    while (before !== undefined || after !== undefined) {
      const order = before === undefined ? 1 : after === undefined ? -1 : this.#compareLines(before, after);
      if (order === 0) this.#equal++;
      else if (order < 0) this.#remove(before ?? '');
      else this.#add(after ?? '');
      if (order <= 0) before = await next(left);
      if (order >= 0) after = await next(right);
    }
  }

  #pair(before: string, after: string): void {
    const line = before === after ? undefined : this.#changes.changed(before, after);
    if (line === undefined) {
      this.#equal++;
      return;
    }
    this.#changed++;
    this.#chunk += line;
  }

  #add(line: string): void {
    this.#added++;
    this.#chunk += this.#changes.only('added', line);
  }

  #remove(line: string): void {
    this.#removed++;
    this.#chunk += this.#changes.only('removed', line);
  }

  async #pause(writer: SpoolWriter, rows: number): Promise<void> {
    const { signal, progress } = this.#options;
    signal?.throwIfAborted();
    if (this.#chunk.length >= CHUNK_BYTES) await this.#write(writer);
    progress?.(SORTING + (this.#rowsMerged / rows) * (1 - SORTING));
  }

  async #write(writer: SpoolWriter): Promise<void> {
    const bytes = Buffer.from(this.#chunk, 'latin1');
    this.#chunk = '';
    if (!writer.stream.write(bytes)) await once(writer.stream, 'drain');
    checkWritten(writer);
  }
}

/** The writer of a spool reports a full disk only in its status, because jobs continue without one. */
function checkWritten(writer: SpoolWriter): void {
  const { stopped, fault } = writer.status();
  if (stopped === 'diskFull') throw new RowsError({ code: 'rows.compareDiskFull' });
  if (stopped !== undefined && fault) {
    throw new RowsError(
      fault.code === 'rows.writeFailed'
        ? { code: 'rows.compareFailed', params: { error: fault.params.error } }
        : { code: 'rows.compareDiskFull' },
    );
  }
}

/** The fields of a line up to the last one that is needed. */
function firstFields(line: string, places: readonly number[]): string[] {
  const last = Math.max(...places);
  const fields: string[] = [];
  for (let start = 0, i = 0; i <= last; i++) {
    const tab = line.indexOf('\t', start);
    if (tab === -1) {
      fields.push(line.slice(start));
      break;
    }
    fields.push(line.slice(start, tab));
    start = tab + 1;
  }
  return fields;
}

/** Orders rows so that those with equal values are equal. */
function compareByValue(columns: readonly CommonColumn[], a: string, b: string): number {
  if (a === b) return 0;
  const one = a.split('\t');
  const two = b.split('\t');
  for (let i = 0; i < columns.length; i++) {
    const order = compareFields(columns[i]?.rule ?? 'text', one[i] ?? NULL, two[i] ?? NULL);
    if (order !== 0) return order;
  }
  return 0;
}
