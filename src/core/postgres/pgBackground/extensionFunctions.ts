/**
 * The functions of the pg_background that a database has. They are looked up in the catalog and never derived from a version number:
 * `extversion` is `2.0` for builds that differ (docs/internals/pg-background.md).
 */
import { FaultError } from '../../base/fault';
import type { ServerFault } from '../faults';

/** Returns one row for {@link extensionFunctionsOf}, or none if the extension is not installed. */
export const CATALOG_QUERY = `
  SELECT pg_catalog.quote_ident(n.nspname), e.extversion,
         (SELECT pg_catalog.string_agg(p.proname || '/' || p.pronargs, ',')
            FROM pg_catalog.pg_depend d
            JOIN pg_catalog.pg_proc p ON p.oid = d.objid
           WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
             AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
             AND d.refobjid = e.oid AND d.deptype = 'e')
    FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
   WHERE e.extname = 'pg_background'`;

/** SQL for each function call, qualified with the extension's schema. `$1` is the launch id and `$2` the cookie. */
export interface ExtensionFunctions {
  readonly version: string;
  /** The schema, quoted if necessary. */
  readonly schema: string;
  /** `$2` queue size, `$3` label (only if {@link hasLabel}). @param sql an expression for the worker's SQL, which uses `$1` */
  launch(sql: string): string;
  readonly hasLabel: boolean;
  /** The function of {@link launch}, as has_function_privilege() expects it. */
  readonly launchSignature: string;
  /** `$3` milliseconds. */
  readonly wait: string;
  readonly result: string;
  /** Sends SIGTERM, and nothing else, on every version. */
  readonly cancel: string;
  readonly detach: string;
  readonly progress: string | undefined;
  readonly resultInfo: string | undefined;
  readonly errorInfo: string | undefined;
}

/** pg_background cannot be used in this database. */
export class ExtensionError extends FaultError<ServerFault> {
  get isMissing(): boolean {
    return this.fault.code === 'server.extensionMissing';
  }
}

/**
 * @param row the row of {@link CATALOG_QUERY}: schema (quoted), extversion, and the comma-separated `name/arguments` of its functions
 * @throws ExtensionError if the extension is missing or older than 1.8
 */
export function extensionFunctionsOf(
  row: readonly (string | null)[] | undefined,
  database: string,
): ExtensionFunctions {
  const [schema, version, list] = row ?? [];
  if (typeof schema !== 'string' || typeof version !== 'string') {
    throw new ExtensionError({ code: 'server.extensionMissing', params: { database } });
  }
  const functions = new Set((list ?? '').split(','));
  // In 1.x, the names without a suffix are an older API with different results. Only 2.x has a wait with three arguments.
  const modern = functions.has('pg_background_wait/3');
  const suffix = modern ? '' : '_v2';
  if (!modern && !functions.has('pg_background_wait_v2_timeout/3')) {
    throw new ExtensionError({ code: 'server.extensionTooOld', params: { version, database } });
  }
  const name = (base: string, tail = suffix): string => `${schema}.pg_background_${base}${tail}`;
  const optional = (base: string): string | undefined =>
    functions.has(`pg_background_${base}${suffix}/2`) ? `${name(base)}($1, $2)` : undefined;
  const hasLabel = functions.has(`pg_background_launch${suffix}/3`);
  return {
    version,
    schema,
    hasLabel,
    launchSignature: `${name('launch')}(pg_catalog.text, pg_catalog.int4${hasLabel ? ', pg_catalog.text' : ''})`,
    launch: (sql) => `${name('launch')}(${sql}, $2::pg_catalog.int4${hasLabel ? ', $3::pg_catalog.text' : ''})`,
    wait: modern ? `${name('wait')}($1, $2, $3)` : `${name('wait', '_v2_timeout')}($1, $2, $3)`,
    result: name('result'),
    // The grace period is always 0: on old builds a positive one ends in SIGKILL, after which the whole server restarts.
    cancel: functions.has(`pg_background_cancel${suffix}/3`)
      ? `${name('cancel')}($1, $2, 0)`
      : `${name('cancel')}($1, $2)`,
    detach: `${name('detach')}($1, $2)`,
    progress: optional('get_progress'),
    resultInfo: optional('result_info'),
    errorInfo: optional('error_info'),
  };
}
