/**
 * Which pg_background a database has, found from its catalog and never guessed from a version number: `extversion` is
 * `2.0` for builds that differ (PG_BACKGROUND.md, point 3).
 */

/** What the catalog query returns: one row, or none where the extension is not installed. */
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

/** SQL of each call, qualified with the extension's schema. `$1` is the pid and `$2` the cookie. */
export interface ExtensionFunctions {
  readonly version: string;
  /** The schema, quoted where it needs to be. */
  readonly schema: string;
  /** `$2` queue size, `$3` label (only where {@link hasLabel}). @param sql an expression for the worker's SQL, made of `$1` */
  launch(sql: string): string;
  readonly hasLabel: boolean;
  /** The function of {@link launch}, as has_function_privilege() wants it. */
  readonly launchSignature: string;
  /** `$3` milliseconds. */
  readonly wait: string;
  readonly result: string;
  /** SIGTERM and nothing else, on every version. */
  readonly cancel: string;
  readonly detach: string;
  readonly progress: string | undefined;
  readonly resultInfo: string | undefined;
  readonly errorInfo: string | undefined;
}

/** pg_background is not usable in this database; the message says what to do. */
export class ExtensionError extends Error {
  override readonly name = 'ExtensionError';
  constructor(
    readonly reason: 'missing' | 'tooOld',
    message: string,
  ) {
    super(message);
  }
}

/**
 * @param row schema (quoted), extversion and the comma-separated `name/arguments` of its functions
 * @throws ExtensionError where the extension is missing or older than 1.8
 */
export function extensionFunctionsOf(
  row: readonly (string | null)[] | undefined,
  database: string,
): ExtensionFunctions {
  const [schema, version, list] = row ?? [];
  if (typeof schema !== 'string' || typeof version !== 'string') {
    throw new ExtensionError(
      'missing',
      `The extension pg_background is not installed in the database "${database}". Ask a superuser to run CREATE EXTENSION pg_background there.`,
    );
  }
  const functions = new Set((list ?? '').split(','));
  // In 1.x the names without a suffix are an older API with other results; only 2.x has a three-argument wait.
  const modern = functions.has('pg_background_wait/3');
  const suffix = modern ? '' : '_v2';
  if (!modern && !functions.has('pg_background_wait_v2_timeout/3')) {
    throw new ExtensionError(
      'tooOld',
      `pg_background ${version} in the database "${database}" is too old for this extension: it needs 1.8 or newer. Install a newer package, then run ALTER EXTENSION pg_background UPDATE.`,
    );
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
    // The grace is always 0: a positive one ends in SIGKILL on old builds, and the whole server restarts.
    cancel: functions.has(`pg_background_cancel${suffix}/3`)
      ? `${name('cancel')}($1, $2, 0)`
      : `${name('cancel')}($1, $2)`,
    detach: `${name('detach')}($1, $2)`,
    progress: optional('get_progress'),
    resultInfo: optional('result_info'),
    errorInfo: optional('error_info'),
  };
}
