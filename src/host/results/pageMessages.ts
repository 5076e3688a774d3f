import {
  COPY_FORMATS,
  type CellAt,
  type CopyRange,
  EXPORT_FORMATS,
  FILTER_OPERATORS,
  type FilterView,
  type FromPage,
  type OrderView,
  ROWS_LIMITS,
  type SortView,
  TILE_COLUMNS,
  TILE_ROWS,
  type TileRange,
} from '../../shared/resultsProtocol';

/** A view has at most so many rows and a table so many columns; larger numbers in a message are mistakes or mischief. */
const MAX_ROW = 2 ** 40;
const MAX_COLUMN = 1_664;
const MAX_TILES = 64;
const MAX_RANGES = 1_000;
const MAX_TEXT = 10_000;
const MAX_ORDER = 64;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a message of the page. The page shows what a database sent, so nothing that it says is taken on trust: a message
 * that is not exactly one of the protocol is undefined.
 */
export function parseFromPage(raw: unknown): FromPage | undefined {
  const m = fieldsOf(raw);
  if (m === undefined) return undefined;
  const request = index(m['request'], Number.MAX_SAFE_INTEGER);
  const view = index(m['view'], Number.MAX_SAFE_INTEGER);
  const find = index(m['find'], Number.MAX_SAFE_INTEGER);
  const at = cellAt(m['at']);
  const columns = list(m['columns'], column, MAX_COLUMN);
  switch (m['type']) {
    case 'ready':
    case 'orderCancel':
    case 'findCancel':
    case 'openSql':
    case 'openError':
    case 'rerun':
    case 'cancel':
      return { type: m['type'] };
    case 'tiles': {
      const ranges = list(m['ranges'], tileRange, MAX_TILES);
      if (request === undefined || view === undefined || ranges === undefined) return undefined;
      return { type: 'tiles', request, view, ranges };
    }
    case 'changeLimit': {
      const limit = oneOf(ROWS_LIMITS, m['limit']);
      return limit === undefined ? undefined : { type: 'changeLimit', limit };
    }
    case 'copyColumnName': {
      const named = column(m['column']);
      return named === undefined ? undefined : { type: 'copyColumnName', column: named };
    }
    case 'cell':
      return request !== undefined && view !== undefined && at ? { type: 'cell', request, view, at } : undefined;
    case 'copyValue':
    case 'openValue':
      return view !== undefined && at ? { type: m['type'], view, at } : undefined;
    case 'order': {
      const order = orderView(m['order']);
      return view !== undefined && order ? { type: 'order', view, order } : undefined;
    }
    case 'find': {
      const text = shortText(m['text']);
      if (find === undefined || view === undefined || text === undefined || columns === undefined) return undefined;
      return {
        type: 'find',
        find,
        view,
        text,
        matchCase: m['matchCase'] === true,
        regex: m['regex'] === true,
        columns,
      };
    }
    case 'findStep': {
      const from = cellAt(m['from']);
      if (find === undefined || request === undefined || from === undefined) return undefined;
      return { type: 'findStep', find, request, from, here: m['here'] === true, back: m['back'] === true };
    }
    case 'copy': {
      const format = oneOf(COPY_FORMATS, m['format']);
      const ranges = list(m['ranges'], copyRange, MAX_RANGES);
      if (view === undefined || format === undefined || ranges === undefined) return undefined;
      return { type: 'copy', view, format, headers: m['headers'] === true, ranges };
    }
    case 'export':
    case 'openDocument': {
      const format = oneOf(EXPORT_FORMATS, m['format']);
      if (view === undefined || format === undefined || columns === undefined) return undefined;
      return { type: m['type'], view, format, columns };
    }
    case 'showText': {
      const number = index(m['number'], Number.MAX_SAFE_INTEGER);
      const what = oneOf(['error', 'messages', 'message'] as const, m['what']);
      if (what !== 'message') return what && { type: 'showText', what };
      return number === undefined ? undefined : { type: 'showText', what, number };
    }
    case 'copyText': {
      const what = oneOf(['sql', 'error', 'messages'] as const, m['what']);
      return what && { type: 'copyText', what };
    }
    default:
      return undefined;
  }
}

function fieldsOf(raw: unknown): Fields | undefined {
  return typeof raw === 'object' && raw !== null ? (raw as Fields) : undefined;
}

function index(raw: unknown, most: number): number | undefined {
  return typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= 0 && raw <= most ? raw : undefined;
}

function row(raw: unknown): number | undefined {
  return index(raw, MAX_ROW);
}

function column(raw: unknown): number | undefined {
  return index(raw, MAX_COLUMN);
}

function shortText(raw: unknown): string | undefined {
  return typeof raw === 'string' && raw.length <= MAX_TEXT ? raw : undefined;
}

function oneOf<T extends string>(allowed: readonly T[], raw: unknown): T | undefined {
  return allowed.find((one) => one === raw);
}

function list<T>(raw: unknown, read: (one: unknown) => T | undefined, most: number): T[] | undefined {
  if (!Array.isArray(raw) || raw.length > most) return undefined;
  const values = raw.map((one: unknown) => read(one));
  return values.every((one) => one !== undefined) ? values : undefined;
}

function cellAt(raw: unknown): CellAt | undefined {
  const m = fieldsOf(raw);
  const at = { row: row(m?.['row']), column: column(m?.['column']) };
  return at.row === undefined || at.column === undefined ? undefined : { row: at.row, column: at.column };
}

function tileRange(raw: unknown): TileRange | undefined {
  const m = fieldsOf(raw);
  const first = row(m?.['row']);
  const rows = index(m?.['rows'], TILE_ROWS);
  const left = column(m?.['column']);
  const columns = index(m?.['columns'], TILE_COLUMNS);
  if (first === undefined || rows === undefined || left === undefined || columns === undefined) return undefined;
  return { row: first, rows, column: left, columns };
}

function copyRange(raw: unknown): CopyRange | undefined {
  const m = fieldsOf(raw);
  const first = row(m?.['first']);
  const last = row(m?.['last']);
  const columns = list(m?.['columns'], column, MAX_COLUMN);
  return first === undefined || last === undefined || columns === undefined ? undefined : { first, last, columns };
}

function sortView(raw: unknown): SortView | undefined {
  const m = fieldsOf(raw);
  const by = column(m?.['column']);
  const direction = oneOf(['ascending', 'descending'] as const, m?.['direction']);
  return by === undefined || direction === undefined ? undefined : { column: by, direction };
}

function filterView(raw: unknown): FilterView | undefined {
  const m = fieldsOf(raw);
  const by = column(m?.['column']);
  const operator = oneOf(FILTER_OPERATORS, m?.['operator']);
  const value = shortText(m?.['value']);
  return by === undefined || operator === undefined || value === undefined
    ? undefined
    : { column: by, operator, value };
}

function orderView(raw: unknown): OrderView | undefined {
  const m = fieldsOf(raw);
  const sort = list(m?.['sort'], sortView, MAX_ORDER);
  const filters = list(m?.['filters'], filterView, MAX_ORDER);
  return sort && filters && { sort, filters };
}
