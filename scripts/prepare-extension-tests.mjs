// Prepares debugging the extension tests (“Extension tests” in .vscode/launch.json): a fresh database, and a workspace whose
// connection "test" leads to it. Uses the server that PGBG_SERVER_URL names, by default PostgreSQL 18 of compose.yaml.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ensureDependencies } from './ensure-deps.mjs';
import { repoRoot } from './lib/cache.mjs';
import { DEFAULT_SERVER_URL, externalServer } from './lib/externalServer.mjs';
import { log, runScript } from './lib/process.mjs';

const DATABASE = 'pgbg_extension_tests';

async function main() {
  await ensureDependencies({ log });
  const server = externalServer(process.env['PGBG_SERVER_URL'] || DEFAULT_SERVER_URL);
  try {
    await server.psql(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`);
  } catch (error) {
    throw new Error(
      'The server cannot be used. Run `npm run server` or `docker compose up --detach --wait pg18`, or set PGBG_SERVER_URL.',
      {
        cause: error,
      },
    );
  }
  await server.psql(`CREATE DATABASE ${DATABASE}`);
  await server.psql('CREATE EXTENSION pg_background', { database: DATABASE });
  // Not `cacheRoot`: launch.json names this folder.
  const workspace = path.join(repoRoot, '.cache', 'extension-tests', 'workspace');
  await rm(workspace, { recursive: true, force: true });
  await mkdir(path.join(workspace, '.vscode'), { recursive: true });
  const { host, port, user } = server;
  const connection = { name: 'test', host, port, database: DATABASE, user };
  await writeFile(
    path.join(workspace, '.vscode', 'settings.json'),
    `${JSON.stringify({ 'pgBackground.connections': [connection] }, null, 2)}\n`,
  );
  log(`Ready: database ${DATABASE} on ${host}, port ${port}.`);
}

runScript(main);
