import type { Disposable } from '../../core/base/disposable';
import { RowsError } from '../../core/results/faults';
import { find } from '../../core/results/query/find';
import { invertOrder, NOT_IN_ORDER } from '../../core/results/query/order';
import type { ToPage } from '../../shared/resultsProtocol';
import type { CellAt, FromPage } from '../../shared/resultsRequests';
import type { RowsService } from './rowsService';

type FindMessage = Extract<FromPage, { type: 'find' }>;
type StepMessage = Extract<FromPage, { type: 'findStep' }>;

/** The search ends at this many matches, which are kept in memory. */
const MAX_MATCHES = 1_000_000;
/** A match is stored as row * COLUMNS + column. PostgreSQL tables have at most 1,664 columns. */
const COLUMNS = 2_048;
/** Minimum time between two progress messages to the page. Milliseconds. */
const PROGRESS_MS = 80;

/** Searches all rows of a job, and steps from match to match. */
export class FindSession implements Disposable {
  readonly #abort = new AbortController();
  /** In the order of the view if {@link FindSession.#sorted} is true. */
  #matches: number[] = [];
  #sorted = true;
  #done = false;
  #pendingStep: StepMessage | undefined;

  readonly #message: FindMessage;
  readonly #rows: RowsService;
  readonly #post: (message: ToPage) => void;
  readonly #errorText: (error: unknown) => string;

  constructor(
    message: FindMessage,
    rows: RowsService,
    post: (message: ToPage) => void,
    errorText: (error: unknown) => string,
  ) {
    this.#message = message;
    this.#rows = rows;
    this.#post = post;
    this.#errorText = errorText;
  }

  get id(): number {
    return this.#message.find;
  }

  /** Searches all rows. Rejects with an AbortError when disposed. */
  async run(): Promise<void> {
    const { text, matchCase, regex, view, columns } = this.#message;
    const reader = await this.#rows.reader();
    const total = reader === undefined ? 0 : (await reader.status()).rows;
    const order = this.#rows.order(view);
    const positions = order && invertOrder(order, total);
    const shown = new Set(columns);
    let reportedAt = 0;
    const report = (scanned: number, message?: string): void =>
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
            const viewRow = positions === undefined ? row : (positions[row] ?? NOT_IN_ORDER);
            if (viewRow !== NOT_IN_ORDER && shown.has(column)) this.#matches.push(viewRow * COLUMNS + column);
          }
          if (progress.matches.length > 0 && positions !== undefined) this.#sorted = false;
          if (this.#matches.length >= MAX_MATCHES) break;
          if (Date.now() - reportedAt < PROGRESS_MS) continue;
          reportedAt = Date.now();
          report(progress.rows);
          this.#runPendingStep();
        }
      }
    } catch (error) {
      if (!(error instanceof RowsError)) throw error;
      this.#done = true;
      report(total, this.#errorText(error));
      return;
    }
    this.#done = true;
    report(total);
    this.#runPendingStep();
  }

  /** Goes to the next match. If none has been found after that cell yet, waits for one, and wraps around at the end of the search. */
  step(message: StepMessage): void {
    this.#pendingStep = message;
    this.#runPendingStep();
  }

  dispose(): void {
    this.#abort.abort();
  }

  #runPendingStep(): void {
    const message = this.#pendingStep;
    if (message === undefined) return;
    const matches = this.#inOrder();
    const from = message.from.row * COLUMNS + message.from.column;
    // The first match at or after the cell, then the requested one.
    const next = lowerBound(matches, message.here || message.back ? from : from + 1);
    let index = message.back ? next - 1 : next;
    if (index < 0 || index >= matches.length) {
      // Wrap around only once all matches are known.
      if (!this.#done) return;
      index = message.back ? matches.length - 1 : 0;
    }
    this.#pendingStep = undefined;
    const match = matches[index];
    const at: CellAt | undefined = match === undefined ? undefined : cellOf(match);
    const { find: session, request } = message;
    this.#post({ type: 'findAt', find: session, request, index, ...(at === undefined ? {} : { at }) });
  }

  #inOrder(): readonly number[] {
    if (!this.#sorted) {
      // A typed array sorts numbers many times faster.
      this.#matches = Array.from(Float64Array.from(this.#matches).sort());
      this.#sorted = true;
    }
    return this.#matches;
  }
}

function cellOf(match: number): CellAt {
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
