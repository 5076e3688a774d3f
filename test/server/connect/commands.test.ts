/** A pasted psql command leads to the same connection as psql itself. A shell runs each command, and the extension parses it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseConnectionString } from '../../../src/core/postgres/connect/conninfo/conninfo';
import { openClient } from '../../../src/core/postgres/connect/open/open';
import { sharedServer } from '../support';
import { FakeServer, type Introduction } from './fakeServer';
import { environment, newHome, removeFolder } from './support';

/** TCP is the server's port. */
const COMMANDS: readonly string[] = [
  'PGPASSWORD=x psql -U u -h 127.0.0.1 -p TCP -d db',
  `PGPASSWORD='a b' PGAPPNAME=app psql -Uu -h127.0.0.1 -pTCP db`,
  'psql -h 127.0.0.1 -p TCP db u',
  'psql -h 127.0.0.1 -p TCP -U u db v',
  'psql -h 127.0.0.1 -p TCP -d db u',
  'psql --host=127.0.0.1 --port TCP --username=u --dbname db',
  'psql --ho 127.0.0.1 --po=TCP --u u --d db',
  'psql -qAth 127.0.0.1 -p TCP -U u -c "\\q" db',
  String.raw`psql -h 127.0.0.1 \
    -p TCP \
    -U a\ b "d$\"'"`,
  'psql "postgres://u:p@127.0.0.1:TCP/db"',
  'psql "postgres://u:p@127.0.0.1:TCP/db" -U other',
  'psql -h nowhere.invalid -d "host=127.0.0.1 port=TCP user=u dbname=db password=p"',
  'psql -U u "host=127.0.0.1 port=TCP"',
  'psql -h 127.0.0.1 -p TCP -- db u',
  'psql -h 127.0.0.1 -p TCP -v a=-U -U u --set b=c db',
  'export PGPASSWORD=p; PGUSER=v psql -h 127.0.0.1 -p TCP -U u db < /dev/null | cat',
  'PGHOST=127.0.0.1 PGPORT=TCP PGUSER=u PGDATABASE=db psql',
  `psql -h 127.0.0.1 -p TCP -U 'u''v' "d"'b'`,
];

describe('pasted psql commands', () => {
  let server: FakeServer;
  let bin: string;
  let port: number;
  let home: string;

  before(async () => {
    ({ bin } = await sharedServer());
    server = new FakeServer();
    port = await server.listen();
    home = await newHome({ '.pgpass': '*:*:*:*:of the file\n' });
  });
  after(async () => {
    await server.close();
    await removeFolder(home);
  });

  for (const command of COMMANDS) {
    it(`${command.replaceAll(/\s+/g, ' ')} means the same to us`, async () => {
      const env = environment(home);
      const text = command.replaceAll('TCP', String(port));
      // The fake server answers no query, so the exit code of psql does not matter.
      const shell = spawn('/bin/sh', ['-c', text], {
        env: { ...env, PATH: `${bin}:${env['PATH'] ?? ''}` },
        stdio: 'ignore',
      });
      await once(shell, 'close');
      const theirs = server.take().at(-1);
      const { profile, password } = parseConnectionString(text);
      const client = await openClient(
        { applicationName: 'psql', ...profile, name: 'case', allowCleartextPassword: true },
        { env, ...(password === undefined ? {} : { password: () => Promise.resolve(password) }) },
      );
      await client.end();
      assert.ok(theirs, 'psql did not reach the server');
      assert.deepEqual(chosen(server.take().at(-1)), chosen(theirs));
    });
  }
});

function chosen(introduction: Introduction | undefined): unknown {
  const { user, database, application_name: application } = introduction?.startup ?? {};
  return { user, database, application, password: introduction?.password };
}
