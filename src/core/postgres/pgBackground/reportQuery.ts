import { describeFault } from '../../base/fault';
import type { RecordedError } from '../../jobs/errors';
import type { WorkerReport } from '../../jobs/workerReport';
import type { ExtensionFunctions } from './extensionFunctions';
import { cleanContext } from '../errors';
import type { ServerFault } from '../faults';

/** The server cannot send the text of the worker's error, for example in a SQL_ASCII database. */
const NOT_TEXT: ServerFault = { code: 'server.errorNotText' };
/** `pg_background_error_info` truncates each text to this many bytes, possibly in the middle of a character. */
const CUT_BYTES = 255;

/** `pg_background_result_info`; the times are missing up to 1.10, where they are not in the type. */
interface ResultInfo {
  readonly completed: boolean;
  readonly has_error: boolean;
  readonly command_tag: string | null;
  readonly row_count: number | null;
  readonly started_at?: string | null;
  readonly finished_at?: string | null;
}

/** `pg_background_error_info`; the names of objects are missing up to 1.10. */
interface ErrorInfo {
  readonly sqlstate: string | null;
  readonly message?: string | null;
  readonly detail?: string | null;
  readonly hint?: string | null;
  readonly context?: string | null;
  readonly schema_name?: string | null;
  readonly table_name?: string | null;
  readonly column_name?: string | null;
  readonly constraint_name?: string | null;
}

/** The result info and the error info as JSON: one query fits all versions, whatever columns their types have. */
export type ReportRow = [string, string | null];

/**
 * SQL that returns how a stopped worker ended; undefined if this version of pg_background cannot report it.
 * @param texts false: without the error's texts, which the server may be unable to send
 */
export function reportQuery({ resultInfo, errorInfo }: ExtensionFunctions, texts: boolean): string | undefined {
  if (!resultInfo || !errorInfo) return undefined;
  const error = texts ? 'pg_catalog.row_to_json(e)' : "pg_catalog.json_build_object('sqlstate', e.sqlstate)";
  return `SELECT pg_catalog.row_to_json(r)::pg_catalog.text, CASE WHEN r.has_error THEN ${error}::pg_catalog.text END
            FROM ${resultInfo} AS r LEFT JOIN LATERAL ${errorInfo} AS e ON r.has_error`;
}

export function toReport(row: ReportRow | undefined): WorkerReport {
  if (!row) return { completed: false, hasError: false, commandTag: '', rowCount: 0 };
  const result = JSON.parse(row[0]) as ResultInfo;
  const error = row[1] === null ? undefined : toError(JSON.parse(row[1]) as ErrorInfo);
  const serverMs = elapsed(result.started_at, result.finished_at);
  return {
    // A worker that the server terminated, e.g. by transaction_timeout, has the tag of an earlier statement, and no end time.
    completed: result.completed && result.finished_at !== null,
    hasError: result.has_error,
    commandTag: result.command_tag ?? '',
    rowCount: result.row_count ?? 0,
    ...(serverMs === undefined ? {} : { serverMs }),
    ...(error === undefined ? {} : { error }),
  };
}

function toError(info: ErrorInfo): RecordedError | undefined {
  if (info.message === null) return undefined;
  const context = cleanContext(info.context);
  return {
    sqlstate: info.sqlstate ?? '',
    ...(info.message === undefined
      ? { message: describeFault(NOT_TEXT), fault: NOT_TEXT }
      : { message: markTruncation(info.message) }),
    ...(info.detail ? { detail: markTruncation(info.detail) } : {}),
    ...(info.hint ? { hint: markTruncation(info.hint) } : {}),
    ...(context === undefined ? {} : { context: markTruncation(context) }),
    ...(info.schema_name ? { schema: info.schema_name } : {}),
    ...(info.table_name ? { table: info.table_name } : {}),
    ...(info.column_name ? { column: info.column_name } : {}),
    ...(info.constraint_name ? { constraint: info.constraint_name } : {}),
  };
}

/** Ends a truncated text with an ellipsis instead of half a character. */
function markTruncation(text: string): string {
  return Buffer.byteLength(text) < CUT_BYTES ? text : `${text.replace(/\uFFFD+$/, '')}…`;
}

/** Milliseconds between two times of the server, with microseconds as decimals. */
function elapsed(from: string | null | undefined, to: string | null | undefined): number | undefined {
  if (!from || !to) return undefined;
  const ms = (microseconds(to) - microseconds(from)) / 1000;
  return Number.isFinite(ms) && ms >= 0 ? ms : undefined;
}

/** A time in JSON (ISO 8601 with up to six decimals) as microseconds since 1970. */
function microseconds(time: string): number {
  const decimals = /\.(\d{1,6})/.exec(time)?.[1] ?? '';
  return Date.parse(time.replace(/\.\d+/, '')) * 1000 + Number(decimals.padEnd(6, '0'));
}
