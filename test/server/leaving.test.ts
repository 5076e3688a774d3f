import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { repository } from './support';

/** SQL that catches every cancel, for nearly ten minutes. */
const SWALLOWING =
  'DO $$ BEGIN FOR i IN 1..600 LOOP BEGIN PERFORM pg_sleep(1); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$';

/** Like `npm run demo`: starts a server whose worker ignores cancels, prints its data folder, and waits for Ctrl+C. */
const SCRIPT = `
import { createDatabase, startPostgres } from './scripts/lib/postgres.mjs';
const server = await startPostgres({ log: () => {} });
await createDatabase(server, 'work');
await server.psql('SELECT pg_background_launch($q$${SWALLOWING}$q$)', { database: 'work' });
console.log(server.dataDir);
setInterval(() => {}, 60_000);
`;

describe('a script that is ended by Ctrl+C', () => {
  it('stops its server even if a worker ignores cancels, and leaves no files', async function () {
    this.timeout(60_000);
    const script = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT], {
      cwd: repository,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(script, 'exit');
    try {
      const [folder] = (await once(createInterface(script.stdout), 'line')) as [string];
      assert.ok(existsSync(folder));
      script.kill('SIGINT');
      assert.deepEqual(await ended, [130, null]);
      assert.ok(!existsSync(folder));
    } finally {
      script.kill('SIGTERM');
    }
  });
});
