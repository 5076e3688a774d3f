/**
 * The extension chooses the same server, user, and password as psql with the same connection string, environment, and home folder.
 * Both connect to a server that records their startup messages.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { formatUri, parseConnectionString } from '../../../src/core/postgres/connect/conninfo/conninfo';
import { ConnectError } from '../../../src/core/postgres/connect/errors';
import { openClient } from '../../../src/core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { sharedServer } from '../support';
import { STRING_CASES, type Case } from './choiceCases';
import { FakeServer, type Introduction } from './fakeServer';
import { HOME_CASES, PGPASS, SERVICES } from './homeCases';
import { environment, newHome, psql, removeFolder, sentence } from './support';

describe('the same choices as psql', () => {
  let server: FakeServer;
  let bin: string;
  let ports: readonly [number, number];

  before(async () => {
    ({ bin } = await sharedServer());
    server = new FakeServer();
    ports = [await server.listen(), await server.listen()];
  });
  after(() => server.close());

  for (const testCase of [...STRING_CASES, ...HOME_CASES]) {
    it(testCase.what, async () => {
      const fill = (text: string): string =>
        text.replaceAll('TCP2', String(ports[1])).replaceAll('TCP', String(ports[0]));
      const files = Object.entries(testCase.files ?? defaultFiles(testCase)).map(([name, content]) => [
        name,
        typeof content === 'string' ? fill(content) : { text: fill(content.text), mode: content.mode },
      ]);
      const home = await newHome(Object.fromEntries(files) as Record<string, string>);
      try {
        await server.listenOnSocket(home, ports[0]);
        const place = (text: string): string =>
          fill(text)
            .replaceAll('HOME_ENCODED', encodeURIComponent(home.slice(1)))
            .replaceAll('HOME', home);
        const variables = Object.entries(testCase.env ?? {}).map(([name, value]) => [name, place(value)]);
        const env = environment(home, Object.fromEntries(variables) as NodeJS.ProcessEnv);
        const conninfo = place(testCase.conninfo);

        const theirs = await psql(bin, ['-c', '\\q', conninfo], env);
        const chosenByPsql = server.take().at(-1);
        assert.equal(theirs.status === 0, chosenByPsql !== undefined, theirs.stderr);
        const problem = await connect(conninfo, env);
        const chosen = server.take().at(-1);

        assert.deepEqual(comparable(chosen), comparable(chosenByPsql), `psql: ${theirs.stderr}; ours: ${problem}`);
        assert.equal(chosen === undefined, testCase.fails ?? false, `${problem} ${theirs.stderr}`);
        if (chosen === undefined) assert.notEqual(problem, '');
        const { user, database, options } = chosen?.startup ?? {};
        const got: Record<string, string | undefined> = {
          user,
          database,
          options,
          password: chosen?.password,
          through: chosen?.through,
        };
        for (const [key, value] of Object.entries(testCase.expect ?? {})) assert.equal(got[key], place(value), key);
      } finally {
        await removeFolder(home);
      }
    });
  }

  it('without a host, tries a socket in the usual folders first, and then localhost', async () => {
    const home = await newHome();
    const env = environment(home, { PGPASSWORD: 'p' });
    const free = new FakeServer();
    const port = await free.listen();
    const profile = { name: 'x', port, user: 'u', allowCleartextPassword: true };
    await (await openClient(profile, { env })).end();
    assert.deepEqual(
      free.take().map(({ through }) => through),
      ['tcp'],
    );
    await free.listenOnSocket('/tmp', port);
    await (await openClient(profile, { env })).end();
    assert.deepEqual(
      free.take().map(({ through }) => through),
      ['/tmp'],
    );
    await free.close();
    await removeFolder(home);
  });

  it('the URI of a profile leads psql to the same server as the profile', async () => {
    const home = await newHome({ '.pgpass': '*:*:*:*:for all\n' });
    await server.listenOnSocket(home, ports[0]);
    const env = environment(home);
    const at = { host: '127.0.0.1', port: ports[0] };
    const profiles: readonly Omit<ConnectionProfile, 'name'>[] = [
      { ...at, user: 'a b@c:d/e?f#g%\'"\\', database: 'd/e?f#g% &=+' },
      { ...at, user: 'jürgen', database: 'grün €' },
      { ...at, user: 'u', options: '-c geqo=off -c search_path=a,\\ "b\\ c"' },
      { ...at, host: 'nowhere.invalid', hostaddr: '127.0.0.1', user: 'u', applicationName: 'my & app' },
      { host: `nowhere.invalid,${home}`, port: `1,${ports[0]}`, user: 'u', database: 'd' },
      { host: home, port: ports[0], user: 'u', targetSessionAttrs: 'any', connectTimeoutSeconds: 5 },
    ];
    for (const profile of profiles) {
      const named = { applicationName: 'psql', ...profile, name: 'x' };
      await (await openClient({ ...named, allowCleartextPassword: true }, { env })).end();
      const ours = server.take().at(-1);
      const uri = formatUri(named);
      const { status, stderr } = await psql(bin, ['-c', '\\q', uri], env);
      assert.equal(status, 0, `${uri}: ${stderr}`);
      assert.deepEqual(comparable(server.take().at(-1)), comparable(ours), uri);
    }
    await removeFolder(home);
  });

  it('logs which password file is ignored, and why', async () => {
    const home = await newHome({ '.pgpass': { text: '*:*:*:*:secret', mode: 0o644 } });
    const lines: string[] = [];
    const profile = { name: 'x', host: '127.0.0.1', port: ports[0], user: 'u', allowCleartextPassword: true };
    await assert.rejects(
      openClient(profile, { env: environment(home), log: (line) => lines.push(line) }),
      ConnectError,
    );
    assert.match(lines.join('\n'), /Ignoring the password file .*\.pgpass: other users can access it\. Run chmod 600/);
    assert.ok(!lines.join('\n').includes('secret'));
    const theirs = await psql(bin, ['-c', '\\q', '-h', '127.0.0.1', '-p', String(ports[0]), 'd'], environment(home));
    assert.match(theirs.stderr, /has group or world access/);
    await removeFolder(home);
  });

  it('does not use the environment of this process if it is given another one', async () => {
    const home = await newHome({});
    const before = { ...process.env };
    Object.assign(process.env, {
      PGOPTIONS: '-c geqo=off',
      PGAPPNAME: 'leak',
      PGPASSWORD: 'leak',
      PGUSER: 'leak',
      PGDATABASE: 'leak',
      PGHOST: 'nowhere.invalid',
      PGPORT: '1',
      PGSSLMODE: 'verify-full',
      PGSSLNEGOTIATION: 'direct',
      PGREPLICATION: 'true',
    });
    try {
      const profile = {
        name: 'x',
        host: '127.0.0.1',
        port: ports[0],
        user: 'u',
        database: 'd',
        allowCleartextPassword: true,
      };
      const client = await openClient(profile, { env: environment(home), password: () => Promise.resolve('given') });
      await client.end();
      assert.deepEqual(server.take(), [
        {
          through: 'tcp',
          port: ports[0],
          password: 'given',
          startup: {
            user: 'u',
            database: 'd',
            application_name: 'pg_background Workers (VS Code)',
            client_encoding: 'UTF8',
          },
        },
      ]);
    } finally {
      for (const name of Object.keys(process.env)) if (!(name in before)) Reflect.deleteProperty(process.env, name);
      Object.assign(process.env, before);
      await removeFolder(home);
    }
  });
});

/** Gives cases that are not about these files a password for every server, so that only their own choice matters. */
function defaultFiles({ what }: Case): Readonly<Record<string, string>> {
  if (what.startsWith('.pgpass')) return { '.pgpass': PGPASS };
  return { '.pgpass': '*:*:*:*:for all\n', '.pg_service.conf': SERVICES };
}

/** Connects and returns '', or the error message. */
async function connect(conninfo: string, env: NodeJS.ProcessEnv): Promise<string> {
  try {
    const { profile, password } =
      conninfo === '' ? { profile: {}, password: undefined } : parseConnectionString(conninfo);
    const client = await openClient(
      // The server requests the password in clear text over an unencrypted connection, which only this allows.
      { ...profile, name: 'case', allowCleartextPassword: true },
      {
        env,
        applicationName: 'psql',
        ...(password === undefined ? {} : { password: () => Promise.resolve(password) }),
      },
    );
    await client.end();
    return '';
  } catch (error) {
    assert.ok(error instanceof ConnectError, String(error));
    assert.match(sentence(error), /\S{3,}.*[.]$/s);
    return sentence(error);
  }
}

/** Removes the encoding, which psql derives from the terminal. */
function comparable(introduction: Introduction | undefined): unknown {
  if (!introduction) return undefined;
  const startup = Object.entries(introduction.startup).filter(([name]) => name !== 'client_encoding');
  return { ...introduction, startup: Object.fromEntries(startup) };
}

describe('a home folder with a folder in place of a file', () => {
  it('is logged, and connecting continues without it', async () => {
    const home = await newHome({ '.pgpass/file': 'a folder' });
    const lines: string[] = [];
    const { host, port } = await sharedServer();
    const client = await openClient(
      { name: 'x', host, port, user: 'postgres' },
      { env: environment(home), log: (line) => lines.push(line) },
    );
    await client.end();
    assert.match(
      lines.join('\n'),
      new RegExp(`Ignoring the password file ${join(home, '.pgpass')}: it is not a plain file`),
    );
    await removeFolder(home);
  });
});
