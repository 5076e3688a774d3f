import type { JobError } from '../../../api';
import type { WorkerReport } from '../../jobs/outcome';
import type { ExtensionFunctions } from './extensionFunctions';
import { cleanContext } from '../errors';

/** What a job says if the server's text of its error cannot be sent, for example in a SQL_ASCII database. */
const NOT_TEXT = 'The worker failed, but its message is not valid text in the database’s encoding.';
/** `pg_background_error_info` cuts each text off after this many bytes, also in the middle of a character. */
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

/** The result info and the error info as JSON: so one query does for all versions, whatever their types have. */
export type ReportRow = [string, string | null];

/**
 * Asks what is known about a stopped worker; undefined where this version of pg_background cannot tell.
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
    // A worker that the server ended (transaction_timeout, for one) has the tag of an earlier statement, and no end.
    completed: result.completed && result.finished_at !== null,
    hasError: result.has_error,
    commandTag: result.command_tag ?? '',
    rowCount: result.row_count ?? 0,
    ...(serverMs === undefined ? {} : { serverMs }),
    ...(error === undefined ? {} : { error }),
  };
}

function toError(info: ErrorInfo): JobError | undefined {
  if (info.message === null) return undefined;
  const context = cleanContext(info.context);
  return {
    sqlstate: info.sqlstate ?? '',
    message: info.message === undefined ? NOT_TEXT : whole(info.message),
    ...(info.detail ? { detail: whole(info.detail) } : {}),
    ...(info.hint ? { hint: whole(info.hint) } : {}),
    ...(context === undefined ? {} : { context: whole(context) }),
    ...(info.schema_name ? { schema: info.schema_name } : {}),
    ...(info.table_name ? { table: info.table_name } : {}),
    ...(info.column_name ? { column: info.column_name } : {}),
    ...(info.constraint_name ? { constraint: info.constraint_name } : {}),
  };
}

/** Says that a text was cut off, in place of half a character. */
function whole(text: string): string {
  return Buffer.byteLength(text) < CUT_BYTES ? text : `${text.replace(/\uFFFD+$/, '')}…`;
}

/** Milliseconds between two times of the server, to the microsecond. */
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
