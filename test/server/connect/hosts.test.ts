/** Several hosts, target_session_attrs, and servers that do not answer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { ConnectError } from '../../../src/core/postgres/connect/errors';
import { openClient } from '../../../src/core/postgres/connect/open/open';
import { TARGET_SESSION_ATTRS, type ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { newServer, type TestServer } from '../support';
import { FakeServer } from './fakeServer';
import { ask, environment, failureOf, newHome, psql, removeFolder, sentence, withClient } from './support';

describe('hosts', () => {
  let primary: TestServer;
  let standby: TestServer;
  let home: string;

  before(async () => {
    home = await newHome();
    [primary, standby] = await Promise.all([newServer({ max_connections: 12 }), newServer()]);
    // A server in endless recovery, without a primary, is a standby.
    await standby.stop();
    await standby.addFile('standby.signal', '');
    await standby.start();
    await primary.psql('CREATE DATABASE readonly');
    await primary.psql('ALTER DATABASE readonly SET default_transaction_read_only = on');
  });
  after(async () => {
    await Promise.all([primary.stop(), standby.stop()]);
    await removeFolder(home);
  });

  const to = (more: Partial<ConnectionProfile>): ConnectionProfile => ({
    name: 'hosts',
    host: '127.0.0.1',
    user: 'postgres',
    database: 'postgres',
    sslmode: 'disable',
    ...more,
  });
  const options = (log?: string[]): { env: NodeJS.ProcessEnv; log: (message: string) => void } => ({
    env: environment(home),
    log: (message) => log?.push(message),
  });

  it('reaches the same server as psql, for each value of target_session_attrs', async () => {
    const orders = [
      [primary.port, standby.port],
      [standby.port, primary.port],
      [primary.port, primary.port],
      [standby.port],
      [1, primary.port],
    ];
    for (const database of ['postgres', 'readonly']) {
      for (const ports of orders) {
        for (const targetSessionAttrs of TARGET_SESSION_ATTRS) {
          const host = ports.map(() => '127.0.0.1').join(',');
          const conninfo = `host=${host} port=${ports.join(',')} user=postgres dbname=${database} target_session_attrs=${targetSessionAttrs}`;
          const what = conninfo.replaceAll(String(primary.port), 'primary').replaceAll(String(standby.port), 'standby');
          const [theirs, ours] = await Promise.all([
            psql(primary.bin, ['-c', 'SELECT inet_server_port()', conninfo], environment(home)),
            withClient(to({ host, port: ports.join(','), database, targetSessionAttrs }), options(), (client) =>
              ask(client, 'SELECT inet_server_port()'),
            ),
          ]);
          const arrived = ours instanceof ConnectError ? '' : (ours[0] ?? '');
          assert.equal(
            arrived,
            theirs.stdout,
            `${what}: ${theirs.stderr} ${ours instanceof ConnectError ? ours.message : ''}`,
          );
        }
      }
    }
  });

  it('reports the kind of each server if none matches', async () => {
    const error = await failureOf(to({ port: standby.port, targetSessionAttrs: 'read-write' }), options());
    assert.equal(error.reason, 'sessionAttrs');
    assert.match(sentence(error), /is read-only, but “targetSessionAttrs” is “read-write”\.$/);
    const two = await failureOf(
      to({ host: '127.0.0.1,127.0.0.1', port: `1,${primary.port}`, targetSessionAttrs: 'standby' }),
      options(),
    );
    assert.equal(two.reason, 'sessionAttrs');
    assert.match(
      sentence(two),
      /^No server could be used\. Connection refused by 127\.0\.0\.1, port 1\. .* is a primary, but/,
    );
  });

  it('does not try another host after the server has rejected the user', async () => {
    const log: string[] = [];
    const host = '127.0.0.1,127.0.0.1';
    const profile = to({ host, port: `${primary.port},${standby.port}`, database: 'missing' });
    const error = await failureOf(profile, options(log));
    assert.equal(error.reason, 'database');
    assert.equal(log.length, 1, log.join('\n'));
    const theirs = await psql(
      primary.bin,
      ['-c', '', `host=${host} port=${primary.port},${standby.port} user=postgres dbname=missing`],
      environment(home),
    );
    assert.equal(theirs.stderr.match(/FATAL/g)?.length, 1, theirs.stderr);
  });

  it('distributes connections over the hosts with loadBalanceHosts', async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 40 && seen.size < 2; i++) {
      const profile = to({
        host: '127.0.0.1,127.0.0.1',
        port: `${primary.port},${standby.port}`,
        loadBalanceHosts: 'random',
      });
      const client = await openClient(profile, options());
      seen.add((await ask(client, 'SELECT inet_server_port()'))[0] ?? '');
      await client.end();
    }
    assert.equal(seen.size, 2);
  });

  it('tries the next host if a server is starting', async () => {
    const starting = new FakeServer('starting');
    const port = await starting.listen();
    const error = await failureOf(to({ port, sslmode: 'prefer' }), options());
    assert.equal(error.reason, 'starting');
    assert.match(sentence(error), /Try again soon\. Server message: the database system is starting up\.$/);
    const host = '127.0.0.1,127.0.0.1';
    const ports = `${port},${primary.port}`;
    const client = await openClient(to({ host, port: ports }), options());
    await client.end();
    const theirs = await psql(
      primary.bin,
      ['-c', 'SELECT 1', `host=${host} port=${ports} user=postgres`],
      environment(home),
    );
    assert.equal(theirs.status, 0, theirs.stderr);
    await starting.close();
  });

  it('reports a server without a free connection slot', async () => {
    const clients = await Promise.all(
      Array.from({ length: 9 }, () => openClient(to({ port: primary.port }), options())),
    );
    try {
      await primary.psql('CREATE ROLE ordinary LOGIN');
      const error = await failureOf(to({ port: primary.port, user: 'ordinary' }), options());
      assert.equal(error.reason, 'slots');
      assert.match(sentence(error), /no connection slot left for the user “ordinary”/);
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  });

  it('reports a closed port, an unknown host, and a missing socket', async () => {
    const closed = await failureOf(to({ port: 1 }), options());
    assert.equal(closed.reason, 'unreachable');
    assert.match(sentence(closed), /^Connection refused by 127\.0\.0\.1, port 1\. Check the host and the port/);
    // Reported once, whether the host has one address or two.
    const local = await failureOf(to({ host: 'localhost', port: 1 }), options());
    assert.match(sentence(local), /^Connection refused by localhost( \(127\.0\.0\.1\))?, port 1\. ((?!refused).)*$/);
    const unknown = await failureOf(to({ host: 'nowhere.invalid' }), options());
    assert.equal(unknown.reason, 'unreachable');
    assert.match(sentence(unknown), /^The host nowhere\.invalid (was not found|could not be looked up)/);
    const socket = await failureOf(to({ host: home, port: 5999 }), options());
    assert.equal(socket.reason, 'unreachable');
    assert.match(sentence(socket), /^The socket .*\.s\.PGSQL\.5999 does not exist\. Check the folder/);
    const deep = await failureOf(to({ host: `${home}/${'x'.repeat(120)}` }), options());
    assert.equal(deep.reason, 'unreachable', deep.message);
  });

  it('connects through a Unix socket', async () => {
    const client = await openClient(to({ host: primary.socketDir, port: primary.port }), options());
    assert.deepEqual(await ask(client, 'SELECT inet_server_addr()'), [null]);
    await client.end();
  });

  /** Starts a server that passes each connection to a callback. */
  async function strange(behave: (socket: Socket) => void): Promise<{ port: number; close(): void }> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      behave(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      port: (server.address() as AddressInfo).port,
      close: () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  }

  it('tries the next host after the timeout if a server does not respond', async () => {
    const silent = await strange(() => undefined);
    for (const sslmode of ['disable', 'require'] as const) {
      const error = await failureOf(to({ port: silent.port, sslmode, connectTimeoutSeconds: 1 }), options());
      assert.equal(error.reason, 'timeout');
      assert.match(sentence(error), /^No response from .* within 1 s/);
    }
    const profile = to({
      host: '127.0.0.1,127.0.0.1',
      port: `${silent.port},${primary.port}`,
      connectTimeoutSeconds: 3,
    });
    const client = await openClient(profile, options());
    await client.end();
    silent.close();
  });

  it('closes the socket at once when canceled, at every stage', async () => {
    for (const sslmode of ['disable', 'require'] as const) {
      const stop = new AbortController();
      let close = (): void => undefined;
      const closed = new Promise<void>((resolve) => (close = resolve));
      const silent = await strange((socket) => {
        socket.on('close', close);
        // Then the client waits for an answer.
        socket.once('data', () => stop.abort());
      });
      const profile = to({ port: silent.port, sslmode, connectTimeoutSeconds: 0 });
      assert.equal((await failureOf(profile, { ...options(), signal: stop.signal })).reason, 'aborted');
      await closed;
      silent.close();
    }
    const before = await failureOf(to({ port: primary.port }), { ...options(), signal: AbortSignal.abort() });
    assert.equal(before.reason, 'aborted');
  });

  it('reports servers of other protocols, without an uncaught exception', async () => {
    const uncaught: unknown[] = [];
    const note = (error: unknown): number => uncaught.push(error);
    process.on('uncaughtException', note);
    const answers: readonly (readonly [string, Buffer | undefined])[] = [
      ['closes', undefined],
      ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')],
      ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.6\r\n')],
      ['MySQL', Buffer.from('4a0000000a382e302e333600', 'hex')],
      ['an unknown authentication request', Buffer.from('520000000800000063', 'hex')],
      ['a broken authentication request', Buffer.from('5200000004', 'hex')],
      ['noise', Buffer.alloc(200, 0x7f)],
      ['noughts', Buffer.alloc(64, 0)],
    ];
    try {
      for (const [what, answer] of answers) {
        const odd = await strange((socket) => {
          socket.once('data', () => (answer ? socket.write(answer, () => socket.end()) : socket.destroy()));
        });
        for (const sslmode of ['disable', 'require', 'prefer'] as const) {
          const error = await failureOf(to({ port: odd.port, sslmode, connectTimeoutSeconds: 2 }), options());
          assert.match(sentence(error), /[.]$/, `${what}, ${sslmode}: ${error.message}`);
          assert.ok(
            ['unreachable', 'tls', 'timeout', 'server', 'authentication'].includes(error.reason),
            `${what}, ${sslmode}: ${error.reason}: ${error.message}`,
          );
        }
        odd.close();
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(uncaught, []);
    } finally {
      process.off('uncaughtException', note);
    }
  });

  it('logs a later error of the connection, without an uncaught exception', async () => {
    const log: string[] = [];
    const client = await openClient(to({ port: primary.port }), options(log));
    const gone = new Promise<void>((resolve) => client.on('end', resolve));
    await primary.psql(`SELECT pg_terminate_backend(${String((await ask(client, 'SELECT pg_backend_pid()'))[0])})`);
    await gone;
    assert.match(log.join('\n'), /terminating connection due to administrator command/);
  });
});
