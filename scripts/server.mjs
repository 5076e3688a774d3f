// `npm run server`: a PostgreSQL with pg_background on the port of compose.yaml's pg18, for F5 and for debugging extension tests on
// machines without Docker. Ctrl+C stops and removes it.
import { ensureDependencies } from './ensure-deps.mjs';
import { DEFAULT_SERVER_URL, parseServerUrl } from './lib/externalServer.mjs';
import { startPostgres } from './lib/postgres.mjs';
import { log, runScript } from './lib/process.mjs';

runScript(async () => {
  await ensureDependencies({ log });
  const { port } = parseServerUrl(DEFAULT_SERVER_URL);
  const server = await startPostgres({ log, port, settings: { max_worker_processes: 64, max_connections: 300 } });
  await server.psql('CREATE EXTENSION pg_background; CREATE EXTENSION plpython3u');
  log('Ready. Ctrl+C stops it. Its address:');
  process.stdout.write(`\n  ${server.url}\n\n`);
  // The server does not keep this script alive.
  setInterval(() => {}, 60_000);
  await new Promise(() => {});
});
