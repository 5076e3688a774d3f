// pg_cron for tests, from Debian's packages, next to PostgreSQL's own files.
import path from 'node:path';
import { prepareOnce } from './cache.mjs';
import { debianArchitecture, unpackDebianPackages } from './debian.mjs';
import { reachableCacheRoot } from './nobody.mjs';

/** @typedef {import('./cache.mjs').Log} Log */

const MAJOR = '18';
/** Debian releases with the package, the more stable one first. */
const SUITES = ['forky', 'sid'];
const RECIPE = '1';
const INSTEAD = 'run the tests without those of pg_cron';

/**
 * @param {{ log: Log, database: string }} options `database`: where pg_cron keeps its jobs
 * @returns {Promise<Record<string, string>>} settings with which a server finds and loads it
 */
export async function pgCronSettings({ log, database }) {
  const architecture = debianArchitecture(INSTEAD);
  const root = await prepareOnce({
    folder: path.join(await reachableCacheRoot(), `pg-cron-${MAJOR}-${architecture.name}`),
    version: RECIPE,
    what: 'pg_cron',
    log,
    prepare: (folder) =>
      unpackDebianPackages({
        root: folder,
        work: path.join(folder, '.apt'),
        packages: [`postgresql-${MAJOR}-cron`],
        alone: true,
        suites: SUITES,
        architecture,
        instead: INSTEAD,
        log,
      }),
  });
  return {
    shared_preload_libraries: 'pg_cron',
    dynamic_library_path: `$libdir:${root}/usr/lib/postgresql/${MAJOR}/lib`,
    extension_control_path: `$system:${root}/usr/share/postgresql/${MAJOR}`,
    'cron.database_name': database,
    // Otherwise it connects to localhost, as which the server may not listen.
    'cron.use_background_workers': 'on',
  };
}
