/**
 * Messages from the host of the results page (src/host/results) to the page (webview/). Messages in the other direction are in
 * resultsRequests.ts.
 *
 * Terms:
 * - A **view** is one order and selection of the job's rows. View 0 is all rows in stored order; each sort or filter requests the
 *   next number.
 * - **View rows** count from 0 within a view.
 * - A **tile** is a rectangle of cells.
 * - Columns count from 0 in the order of the result, regardless of how the page shows them.
 *
 * Requests that replace each other (tiles, find, order) carry an increasing number. The newest request wins; each side drops answers
 * to older ones.
 */
import type { ActivityView } from './activityProtocol';
import type { NumberStyle } from './numberText';
import type { RowsLimit } from './resultsLimits';
import type { CellAt, OrderView } from './resultsRequests';
import type { ResultsStrings } from './resultsStrings';

/** The same values as the public API's `JobState`. */
export type ResultsState =
  | 'queued'
  | 'launching'
  | 'running'
  | 'reading'
  | 'canceling'
  | 'unresponsive'
  | 'detached'
  | 'succeeded'
  | 'failed'
  | 'canceled'
  | 'lost'
  | 'finished';

/** An error as reported by the server. */
export interface ErrorView {
  /** Five characters; empty if the server reported none. */
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly context?: string;
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
  /** Zero-based UTF-16 offset into the SQL. */
  readonly position?: number;
  /** Bytes that were cut off the texts; `showText` opens the full error. */
  readonly truncatedBytes?: number;
}

/** One message of the worker. */
export interface NoticeView {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `NOTICE`, `WARNING`, `INFO`, `LOG` or `DEBUG`. */
  readonly severity: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** Index among all messages of the job, from 0; `showText` refers to it. */
  readonly number?: number;
  /** Bytes that were cut off the texts; `showText` opens the full message unless `textDropped` is set. */
  readonly truncatedBytes?: number;
  readonly textDropped?: boolean;
}

/** One line of the Details tab, in the user's language. */
export interface DetailView {
  readonly label: string;
  readonly value: string;
}

/** The job without its rows and messages. */
export interface ResultsHead {
  readonly id: string;
  readonly label: string;
  readonly pid?: number;
  readonly connection: string;
  readonly state: ResultsState;
  /** The state in the user's language. */
  readonly stateText: string;
  /** One sentence that explains the state. */
  readonly reason?: string;
  /** Milliseconds since 1970 by the host's clock. `now` is the same clock at the time of the message. */
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly now: number;
  readonly progress?: { readonly pct: number; readonly message: string };
  /** Rows returned or affected, as reported by the server. */
  readonly rowCount?: number;
  readonly commandTag?: string;
  /** At most `SQL_CHARACTERS`; `sqlLength` is the length of the full text. */
  readonly sql: string;
  readonly sqlLength: number;
  readonly error?: ErrorView;
  /** Location of the error in the file that the job was launched from, e.g. `sample.sql:28:17`. A click posts `openError`. */
  readonly errorPlace?: string;
  readonly details: readonly DetailView[];
  /** True while the job can be canceled. */
  readonly canCancel: boolean;
  readonly canRerun: boolean;
  /** True while the job has a worker whose activity can be shown. */
  readonly hasWorker?: boolean;
  /** Messages received, and how many of these were not kept. */
  readonly noticeCount?: number;
  readonly noticesDropped?: number;
}

export interface ColumnView {
  readonly name: string;
  readonly type: string;
  /** Numbers are right-aligned. */
  readonly numeric: boolean;
  /** Sorting compares the column's text, which is not the server's order for its type. */
  readonly sortsAsText?: true;
  /** The colors of its values, in the first column of a comparison. */
  readonly tones?: Readonly<Record<string, ChangeTone>>;
}

export type ChangeTone = 'added' | 'removed' | 'changed';

/** How many rows are stored, and whether all of them are. */
export interface RowsView {
  readonly rows: number;
  readonly bytes: number;
  /** No more rows will arrive. */
  readonly complete: boolean;
  /** Rows received but not kept. */
  readonly dropped: number;
  /** The setting that limited the rows. */
  readonly limit?: RowsLimit;
  /** Why rows were not kept or cannot be read, other than a limit; in the user's language. */
  readonly message?: string;
}

/** A value, NULL, or the beginning of a value that is too long for a tile. */
export type CellView = string | null | { readonly cut: string; readonly length: number };

export interface Tile {
  readonly row: number;
  readonly column: number;
  /** Fewer rows than requested at the end of the view. */
  readonly cells: readonly (readonly CellView[])[];
}

export type TabName = 'rows' | 'messages' | 'error' | 'query' | 'activity' | 'details';

/** The page's state across reloads (`setState`). The panel serializer receives it too, so it contains the job's id. */
export interface SavedView {
  readonly version: 1;
  readonly id: string;
  readonly tab?: TabName;
  /** View row at the top, and the horizontal scroll position in pixels. */
  readonly top?: number;
  readonly left?: number;
  readonly active?: CellAt;
  /** Pixels by column number. */
  readonly widths?: Readonly<Record<string, number>>;
  readonly hidden?: readonly number[];
  readonly pinned?: readonly number[];
  readonly order?: OrderView;
  /** `share`: the part of the width that the open detail pane takes, 0 to 1. */
  readonly pane?: { readonly open: boolean; readonly share: number };
}

/** From the host to the page. */
export type ToPage =
  | {
      readonly type: 'init';
      readonly strings: ResultsStrings;
      /** BCP 47, for times. */
      readonly language: string;
      readonly numbers: NumberStyle;
      readonly head: ResultsHead;
      readonly columns: readonly ColumnView[];
      readonly rows: RowsView;
      readonly notices: readonly NoticeView[];
      /** The first tile, so that the first rows appear without a request. */
      readonly first?: Tile;
      /** Sorting and filtering are available up to this many rows. */
      readonly orderLimit: number;
      /** The tab to show; takes precedence over the saved one. */
      readonly tab?: TabName;
    }
  | { readonly type: 'head'; readonly head: ResultsHead }
  /** Sent when the columns become known after `init`; invalidates all tiles. */
  | { readonly type: 'columns'; readonly columns: readonly ColumnView[] }
  | { readonly type: 'rows'; readonly rows: RowsView }
  /** Messages of the job from number `from` on. There may be a gap before them if there are too many to post. */
  | { readonly type: 'notices'; readonly from: number; readonly notices: readonly NoticeView[] }
  | { readonly type: 'tiles'; readonly request: number; readonly view: number; readonly tiles: readonly Tile[] }
  | { readonly type: 'tilesFailed'; readonly request: number; readonly message: string }
  | {
      readonly type: 'cell';
      readonly request: number;
      readonly value: string | null;
      /** Length of the full value; `value` is cut at `VALUE_CHARACTERS`. */
      readonly length: number;
    }
  | { readonly type: 'cellFailed'; readonly request: number; readonly message: string }
  | {
      readonly type: 'order';
      readonly view: number;
      readonly state: 'working' | 'ready' | 'failed';
      /** Rows of the view once it is ready; rows read so far while it is being made. */
      readonly rows: number;
      readonly message?: string;
    }
  | {
      readonly type: 'find';
      readonly find: number;
      /** Rows searched so far, and all rows. */
      readonly scanned: number;
      readonly total: number;
      /** Matches so far; `capped` if counting stopped. */
      readonly count: number;
      readonly capped: boolean;
      readonly done: boolean;
      readonly message?: string;
    }
  /** The answer to `findStep`. `index` counts from 0; without `at` there is no match. */
  | {
      readonly type: 'findAt';
      readonly find: number;
      readonly request: number;
      readonly index: number;
      readonly at?: CellAt;
    }
  /** A message for the status line, such as what was copied. */
  | { readonly type: 'status'; readonly message: string; readonly severity: 'info' | 'error' }
  /** The activity of the worker, while the page shows it. */
  | { readonly type: 'activity'; readonly activity: ActivityView }
  /** Shows a tab. */
  | { readonly type: 'tab'; readonly tab: TabName };
