/**
 * What the results panel's host side (src/host/results) and its page (webview/) say to each other. Both sides are typed
 * by this file alone; it imports nothing.
 *
 * Terms: a **view** is one order and choice of the job's rows; view 0 is all rows as they came, every sort or filter
 * asks for the next number. **View rows** are counted from 0 within a view. A **tile** is a rectangle of cells. Columns
 * are counted from 0 in the order of the result, however the page shows them.
 *
 * Requests that replace each other (tiles, find, order) carry a number that grows; the newest wins, and an answer to an
 * older one is dropped by whoever sees it first.
 */
import type { ResultsStrings } from './resultsStrings';

/** Rows and columns of a full tile. A table of up to 64 columns needs one tile for all of them. */
export const TILE_ROWS = 128;
export const TILE_COLUMNS = 64;

/** Characters (UTF-16 units) of a value that a tile carries; the whole value is asked for by `cell`. */
export const CELL_CHARACTERS = 300;

/** Characters of a value that the detail pane is given; beyond it "Open as Document" shows the whole. */
export const VALUE_CHARACTERS = 1_000_000;

/** Characters of the SQL that the page is given; "Open in Editor" shows the whole. */
export const SQL_CHARACTERS = 100_000;

/** The same words as the public API's `JobState`. */
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

/** An error as the server told it. */
export interface ErrorView {
  /** Five characters, or '' where the server said nothing. */
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
  /** Bytes of the texts that are not here; `showText` opens the whole. */
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
  /** Counts all messages of the job from 0; `showText` names it. */
  readonly number?: number;
  /** Bytes of the texts that are not here; `showText` opens the whole, unless it was dropped. */
  readonly truncatedBytes?: number;
  readonly textDropped?: boolean;
}

/** UTF-16 units of all messages in one posted message and on the page: the newest. */
export const NOTICES_CHARACTERS = 2_000_000;

/** One line of the Details tab; both texts are for the user. */
export interface DetailView {
  readonly label: string;
  readonly value: string;
}

/** Everything about the job except its rows and its notices. */
export interface ResultsHead {
  readonly id: string;
  readonly label: string;
  readonly pid?: number;
  readonly connection: string;
  readonly state: ResultsState;
  /** The state in the user's language. */
  readonly stateText: string;
  /** One sentence on why the job is where it is. */
  readonly reason?: string;
  /** Milliseconds since 1970 by the host's clock; `now` is that clock when the message was made. */
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly now: number;
  readonly progress?: { readonly pct: number; readonly message: string };
  /** Rows returned or affected, as the server said. */
  readonly rowCount?: number;
  readonly commandTag?: string;
  /** At most {@link SQL_CHARACTERS}; `sqlLength` is the length of the whole. */
  readonly sql: string;
  readonly sqlLength: number;
  readonly error?: ErrorView;
  /** Where the error is in the file that the job came from, such as `sample.sql:28:17`; a click on it posts `openError`. */
  readonly errorPlace?: string;
  readonly details: readonly DetailView[];
  /** True while canceling makes sense. */
  readonly canCancel: boolean;
  /** True where the job can be run again. */
  readonly canRerun: boolean;
  /** Messages that were received, and how many of them were not kept. */
  readonly noticeCount?: number;
  readonly noticesDropped?: number;
}

export interface ColumnView {
  readonly name: string;
  readonly type: string;
  /** Numbers are shown at the right. */
  readonly numeric: boolean;
  /** It sorts by its text, which is not the server's order for its type. */
  readonly sortsAsText?: true;
}

/** The settings that limit how much of a result is kept. */
export const ROWS_LIMITS = ['maxRows', 'maxMegabytes'] as const;
export type RowsLimit = (typeof ROWS_LIMITS)[number];

/** How the rows stand. */
export interface RowsView {
  readonly rows: number;
  readonly bytes: number;
  /** No more rows will come. */
  readonly complete: boolean;
  /** Rows that came and were not kept. */
  readonly dropped: number;
  /** The setting because of which the rest was not kept. */
  readonly limit?: RowsLimit;
  /** Why rows were not kept or cannot be read where it was no limit, for the user. */
  readonly message?: string;
}

/** A value, NULL, or the beginning of a value that is longer than a tile carries. */
export type CellView = string | null | { readonly cut: string; readonly length: number };

/** A rectangle of a view. */
export interface TileRange {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
}

export interface Tile {
  readonly row: number;
  readonly column: number;
  /** Fewer rows than asked for where the rows end. */
  readonly cells: readonly (readonly CellView[])[];
}

export type SortDirection = 'ascending' | 'descending';

export interface SortView {
  readonly column: number;
  readonly direction: SortDirection;
}

/** Ways to choose rows by one column; the last two take no value. */
export const FILTER_OPERATORS = [
  'contains',
  'notContains',
  'equals',
  'notEquals',
  'greater',
  'less',
  'isNull',
  'isNotNull',
] as const;
export type FilterOperator = (typeof FILTER_OPERATORS)[number];

export interface FilterView {
  readonly column: number;
  readonly operator: FilterOperator;
  readonly value: string;
}

/** Sorts by the first entry, then the next; rows must pass every filter. Both empty: view of all rows as they came. */
export interface OrderView {
  readonly sort: readonly SortView[];
  readonly filters: readonly FilterView[];
}

export const COPY_FORMATS = ['tsv', 'csv', 'json', 'markdown', 'insert'] as const;
export type CopyFormat = (typeof COPY_FORMATS)[number];
export const EXPORT_FORMATS = ['csv', 'tsv', 'json', 'ndjson', 'markdown', 'insert'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Selected cells: view rows from `first` to `last` (both included) of some columns, in the order in which they are shown. */
export interface CopyRange {
  readonly first: number;
  readonly last: number;
  readonly columns: readonly number[];
}

/** Where a find stands, or where a match is. */
export interface CellAt {
  /** A view row. */
  readonly row: number;
  readonly column: number;
}

export type TabName = 'rows' | 'messages' | 'error' | 'query' | 'details';

/** What the page keeps over a reload (`setState`); the serializer gets it back, so it carries the job's id. */
export interface SavedView {
  readonly version: 1;
  readonly id: string;
  readonly tab?: TabName;
  /** View row at the top, and pixels scrolled to the right. */
  readonly top?: number;
  readonly left?: number;
  readonly active?: CellAt;
  /** Pixels by column number. */
  readonly widths?: Readonly<Record<string, number>>;
  readonly hidden?: readonly number[];
  readonly pinned?: readonly number[];
  readonly order?: OrderView;
  /** Share of the width given to the detail pane while it is open. */
  readonly pane?: { readonly open: boolean; readonly share: number };
}

/** From the host to the page. */
export type ToPage =
  | {
      readonly type: 'init';
      readonly strings: ResultsStrings;
      /** BCP 47, for numbers and times. */
      readonly language: string;
      readonly head: ResultsHead;
      readonly columns: readonly ColumnView[];
      readonly rows: RowsView;
      readonly notices: readonly NoticeView[];
      /** The first tile, so that rows are seen without asking. */
      readonly first?: Tile;
      /** Rows up to which sorting and filtering are offered. */
      readonly orderLimit: number;
      /** The tab to show, whatever was saved. */
      readonly tab?: TabName;
    }
  | { readonly type: 'head'; readonly head: ResultsHead }
  /** Also sent when the columns become known later; all tiles are void then. */
  | { readonly type: 'columns'; readonly columns: readonly ColumnView[] }
  | { readonly type: 'rows'; readonly rows: RowsView }
  /** Notices from the one with the number `from` on; there may be a gap where there are too many to post. */
  | { readonly type: 'notices'; readonly from: number; readonly notices: readonly NoticeView[] }
  | { readonly type: 'tiles'; readonly request: number; readonly view: number; readonly tiles: readonly Tile[] }
  | { readonly type: 'tilesFailed'; readonly request: number; readonly message: string }
  | {
      readonly type: 'cell';
      readonly request: number;
      readonly value: string | null;
      /** Of the whole value; more than `value` has where it was cut at {@link VALUE_CHARACTERS}. */
      readonly length: number;
    }
  | { readonly type: 'cellFailed'; readonly request: number; readonly message: string }
  | {
      readonly type: 'order';
      readonly view: number;
      readonly state: 'working' | 'ready' | 'failed';
      /** Rows of the view when it is ready, rows read so far while it is made. */
      readonly rows: number;
      readonly message?: string;
    }
  | {
      readonly type: 'find';
      readonly find: number;
      /** Rows looked at, of how many. */
      readonly scanned: number;
      readonly total: number;
      /** Matches so far; `capped` where no more are counted. */
      readonly count: number;
      readonly capped: boolean;
      readonly done: boolean;
      readonly message?: string;
    }
  /** The answer to `findStep`; without `at` nothing was found so far. `index` counts from 0. */
  | {
      readonly type: 'findAt';
      readonly find: number;
      readonly request: number;
      readonly index: number;
      readonly at?: CellAt;
    }
  /** Something to say in the status line, for example what was copied. */
  | { readonly type: 'said'; readonly message: string; readonly severity: 'info' | 'error' }
  /** Shows a tab. */
  | { readonly type: 'tab'; readonly tab: TabName };

/** From the page to the host. Nothing in it is trusted: see src/host/results/pageMessages.ts. */
export type FromPage =
  /** The page listens; the host answers with `init`. */
  | { readonly type: 'ready' }
  | { readonly type: 'tiles'; readonly request: number; readonly view: number; readonly ranges: readonly TileRange[] }
  | { readonly type: 'cell'; readonly request: number; readonly view: number; readonly at: CellAt }
  | { readonly type: 'order'; readonly view: number; readonly order: OrderView }
  | { readonly type: 'orderCancel' }
  | {
      readonly type: 'find';
      readonly find: number;
      readonly view: number;
      readonly text: string;
      readonly matchCase: boolean;
      readonly regex: boolean;
      /** The columns that are shown: nobody sees a match in the others. */
      readonly columns: readonly number[];
    }
  | {
      readonly type: 'findStep';
      readonly find: number;
      readonly request: number;
      readonly from: CellAt;
      /** A match at `from` itself is taken as well (going forward). */
      readonly here: boolean;
      readonly back: boolean;
    }
  | { readonly type: 'findCancel' }
  | {
      readonly type: 'copy';
      readonly view: number;
      readonly format: CopyFormat;
      readonly headers: boolean;
      readonly ranges: readonly CopyRange[];
    }
  /** The whole value of one cell to the clipboard, as it is. */
  | { readonly type: 'copyValue'; readonly view: number; readonly at: CellAt }
  | { readonly type: 'openValue'; readonly view: number; readonly at: CellAt }
  | {
      readonly type: 'export';
      readonly view: number;
      readonly format: ExportFormat;
      readonly columns: readonly number[];
    }
  | {
      readonly type: 'openDocument';
      readonly view: number;
      readonly format: ExportFormat;
      readonly columns: readonly number[];
    }
  | { readonly type: 'copyText'; readonly what: 'sql' | 'error' | 'messages' }
  /** The whole text of the error or of one message, or all messages, in an editor. */
  | { readonly type: 'showText'; readonly what: 'error' | 'messages' }
  | { readonly type: 'showText'; readonly what: 'message'; readonly number: number }
  | { readonly type: 'openSql' }
  /** Opens the file that the job came from, at the error. */
  | { readonly type: 'openError' }
  | { readonly type: 'copyColumnName'; readonly column: number }
  | { readonly type: 'changeLimit'; readonly limit: RowsLimit }
  | { readonly type: 'rerun' }
  | { readonly type: 'cancel' };
