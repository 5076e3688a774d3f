import type { Disposable } from '../../core/base/disposable';
import { find, FindError } from '../../core/results/query/find';
import { invertOrder, NOT_IN_ORDER } from '../../core/results/query/order';
import type { CellAt, FromPage, ToPage } from '../../shared/resultsProtocol';
import type { RowsService } from './rowsService';

type FindMessage = Extract<FromPage, { type: 'find' }>;
type StepMessage = Extract<FromPage, { type: 'findStep' }>;

/** Matches that are kept to step through; the search ends with them. */
const MAX_MATCHES = 1_000_000;
/** A match as one number: its row times this, plus its column. PostgreSQL has at most 1,664 columns. */
const COLUMNS = 2_048;
/** The page is told how far the search is at most this often (ms). */
const PROGRESS_MS = 80;

/** One search through all rows of a job, and the steps from match to match. */
export class FindSession implements Disposable {
  readonly #abort = new AbortController();
  /** In the order of the view where {@link FindSession.#sorted} says so. */
  #matches: number[] = [];
  #sorted = true;
  #done = false;
  #waiting: StepMessage | undefined;

  readonly #message: FindMessage;
  readonly #rows: RowsService;
  readonly #post: (message: ToPage) => void;

  constructor(message: FindMessage, rows: RowsService, post: (message: ToPage) => void) {
    this.#message = message;
    this.#rows = rows;
    this.#post = post;
  }

  get id(): number {
    return this.#message.find;
  }

  /** Searches to the end. Rejects with an AbortError when disposed. */
  async run(): Promise<void> {
    const { text, matchCase, regex, view, columns } = this.#message;
    const reader = await this.#rows.reader();
    const total = reader === undefined ? 0 : (await reader.status()).rows;
    const order = this.#rows.order(view);
    const places = order && invertOrder(order, total);
    const shown = new Set(columns);
    let told = 0;
    const tell = (scanned: number, message?: string): void =>
      this.#post({
        type: 'find',
        find: this.id,
        scanned,
        total,
        count: this.#matches.length,
        capped: this.#matches.length >= MAX_MATCHES,
        done: this.#done,
        ...(message === undefined ? {} : { message }),
      });
    try {
      if (reader !== undefined) {
        for await (const progress of find(reader, { text, matchCase, regex }, this.#abort.signal)) {
          for (const { row, column } of progress.matches) {
            const place = places === undefined ? row : (places[row] ?? NOT_IN_ORDER);
            if (place !== NOT_IN_ORDER && shown.has(column)) this.#matches.push(place * COLUMNS + column);
          }
          if (progress.matches.length > 0 && places !== undefined) this.#sorted = false;
          if (this.#matches.length >= MAX_MATCHES) break;
          if (Date.now() - told < PROGRESS_MS) continue;
          told = Date.now();
          tell(progress.rows);
          this.#stepWaiting();
        }
      }
    } catch (error) {
      if (!(error instanceof FindError)) throw error;
      this.#done = true;
      tell(total, error.message);
      return;
    }
    this.#done = true;
    tell(total);
    this.#stepWaiting();
  }

  /** Goes to the next match; where none has been found behind that place yet, when one has, or from the start at the end. */
  step(message: StepMessage): void {
    this.#waiting = message;
    this.#stepWaiting();
  }

  dispose(): void {
    this.#abort.abort();
  }

  #stepWaiting(): void {
    const message = this.#waiting;
    if (message === undefined) return;
    const matches = this.#inOrder();
    const from = message.from.row * COLUMNS + message.from.column;
    // The first match at or behind the place, then the one that is asked for.
    const next = lowerBound(matches, message.here || message.back ? from : from + 1);
    let index = message.back ? next - 1 : next;
    if (index < 0 || index >= matches.length) {
      // Around the end only when it is known that nothing more comes.
      if (!this.#done) return;
      index = message.back ? matches.length - 1 : 0;
    }
    this.#waiting = undefined;
    const match = matches[index];
    const at: CellAt | undefined = match === undefined ? undefined : placeOf(match);
    const { find: session, request } = message;
    this.#post({ type: 'findAt', find: session, request, index, ...(at === undefined ? {} : { at }) });
  }

  #inOrder(): readonly number[] {
    if (!this.#sorted) {
      // A typed array sorts numbers as numbers, many times faster.
      this.#matches = Array.from(Float64Array.from(this.#matches).sort());
      this.#sorted = true;
    }
    return this.#matches;
  }
}

function placeOf(match: number): CellAt {
  return { row: Math.floor(match / COLUMNS), column: match % COLUMNS };
}

/** The index of the first number that is not less. */
function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? Infinity) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
