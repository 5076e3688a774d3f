/** Servers that misbehave while a client connects. For the order of messages see authTable.test.ts. */
import assert from 'node:assert/strict';
import type { ConnectError } from '../../../src/core/postgres/connect/errors';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { openClient } from '../../../src/core/postgres/connect/open/open';
import { makeCertificate } from './certificates';
import { authentication, message, ScriptedServer, type Step } from './scriptedServer';
import { environment, failureOf, newHome, removeFolder, sentence } from './support';

const PASSWORD = 'S3cret-password';
const READY: readonly Step[] = ['Status', 'Key', 'Ready'];

function head(type: string, length: number): Buffer {
  const bytes = message(type, '');
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

describe('a hostile server', () => {
  const certificate = makeCertificate({ commonName: 'localhost' });
  let home: string;
  const servers: ScriptedServer[] = [];

  before(async () => (home = await newHome()));
  after(async () => {
    for (const server of servers) await server.close();
    await removeFolder(home);
  });

  async function listen(...args: ConstructorParameters<typeof ScriptedServer>) {
    const server = new ScriptedServer(...args);
    servers.push(server);
    return { server, port: await server.listen() };
  }

  const options = () => ({ env: environment(home), password: () => Promise.resolve(PASSWORD) });
  const profile = (port: number, more: Partial<ConnectionProfile>): ConnectionProfile => ({
    name: 'hostile',
    host: '127.0.0.1',
    port,
    user: 'u',
    sslmode: 'disable',
    connectTimeoutSeconds: 5,
    ...more,
  });

  /** Runs the script; returns the failure. */
  async function refused(script: readonly Step[], more: Partial<ConnectionProfile> = {}): Promise<ConnectError> {
    const { server, port } = await listen(PASSWORD);
    const database = server.add(script);
    const error = await failureOf(profile(port, { database, ...more }), options());
    const { received, stuck } = await server.take(database);
    assert.ok(!stuck, 'The connection was not closed.');
    assert.ok(!received.includes(PASSWORD));
    assert.match(sentence(error), /^[^\n]{20,2500}\.$/);
    return error;
  }

  it('is rejected if it sends ReadyForQuery without AuthenticationOk, or AuthenticationOk twice', async () => {
    for (const more of [{}, { requireAuth: 'scram-sha-256' }, { channelBinding: 'require' as const }]) {
      const error = await refused(['Ready'], more);
      assert.equal(error.reason, 'unsafe');
      assert.match(sentence(error), /sent ReadyForQuery before it requested authentication/);
    }
    assert.match(
      sentence(await refused(['MD5', 'Ready'])),
      /sent ReadyForQuery after it had requested the method “md5”/,
    );
    assert.match(sentence(await refused(['Ok', 'Ok', ...READY])), /sent AuthenticationRequest after AuthenticationOk/);
  });

  it('gets no answer to a second request, so the password is never sent in clear text', async () => {
    for (const first of ['MD5', 'SASL', 'Cleartext'] as const) {
      const { server, port } = await listen(PASSWORD, certificate);
      const database = server.add([first, 'Cleartext', 'Ok', ...READY]);
      const error = await failureOf(profile(port, { database, sslmode: 'require' }), options());
      const { received } = await server.take(database);
      assert.match(sentence(error), /sent AuthenticationCleartextPassword after it had requested the method/);
      assert.equal(received.toString('latin1').split(PASSWORD).length - 1, first === 'Cleartext' ? 1 : 0);
    }
  });

  it('gets an answer to the first of several requests only', async () => {
    const salt = Buffer.from('salt');
    const sasl = authentication(10, Buffer.from('SCRAM-SHA-256\0\0'));
    const signature = Buffer.from(`v=${'A'.repeat(43)}=`);
    for (const [first, second] of [
      [authentication(5, salt), authentication(3)],
      [authentication(5, salt), authentication(5, salt)],
      [sasl, authentication(3)],
      [sasl, authentication(12, signature)],
      [sasl, authentication(11, Buffer.from('r=,s=c2FsdA==,i=4096'))],
      [sasl, authentication(0)],
    ] as const) {
      const error = await refused([Buffer.concat([first, second]), 'Ok', ...READY]);
      assert.equal(error.reason, 'unsafe');
    }
    assert.match(sentence(await refused([authentication(0, Buffer.from('x')), ...READY])), /damaged/);
  });

  it('does not get the password without TLS after a failed TLS handshake', async () => {
    // An alert (RFC 8446, 6): handshake_failure.
    for (const answer of [Buffer.from([0x15, 3, 3, 0, 2, 2, 40]), Buffer.alloc(2000, 65)]) {
      const { server, port } = await listen(PASSWORD, undefined, { insteadOfTls: answer });
      const database = server.add(['Cleartext', 'Ok', ...READY]);
      const error = await failureOf(profile(port, { database, sslmode: 'prefer' }), options());
      assert.equal(error.reason, 'unsafe');
      assert.ok(!(await server.take(database)).received.includes(PASSWORD));
    }
  });

  it('is rejected if its scram-sha-256 is malformed, unfinished, or would take minutes', async () => {
    const first = (text: string): Buffer => authentication(11, Buffer.from(text));
    for (const [script, words] of [
      [['SASL', first('r=x')], /malformed/],
      [['SASL', first('r=x,s=c2FsdA==,i=0')], /malformed/],
      [['SASL', first('r=x,s=c2FsdA==,i=16,m=extension')], /malformed/],
      [['SASL', first('r=x,s=c2FsdA==,i=16\0')], /malformed/],
      [['SASL', 'Continue invalid'], /did not repeat our nonce/],
      [['SASL', 'Continue valid', 'Final invalid', 'Ok', ...READY], /its signature is wrong/],
      [['SASL', 'Continue valid', authentication(12), 'Ok', ...READY], /its last message is malformed/],
      [['SASL', 'Continue valid', 'Ok', ...READY], /accepted the login before it proved that it knows the password/],
      [['SASL-PLUS', 'Continue valid'], /SCRAM-SHA-256-PLUS over a connection without TLS/],
      [[authentication(10, Buffer.from('OAUTHBEARER\0\0'))], /is not supported/],
      [[authentication(10, Buffer.from('SCRAM-SHA-256\0'))], /damaged/],
      [[authentication(5, Buffer.from('sal'))], /damaged/],
      [[authentication(3, Buffer.from('x'))], /damaged/],
    ] as readonly (readonly [readonly Step[], RegExp])[]) {
      assert.match(sentence(await refused(script)), words);
    }
    const { server, port } = await listen(PASSWORD, undefined, { iterations: 2 ** 31 - 1 });
    const error = await failureOf(profile(port, { database: server.add(['SASL', 'Continue valid']) }), options());
    assert.match(sentence(error), /requests 2147483647 iterations of scram-sha-256.*at most 5000000/);
  });

  it('is rejected if a message is damaged, too large, or out of place', async () => {
    for (const [script, words] of [
      [[head('R', 3)], /damaged/],
      [[head('R', 2001)], /damaged/],
      [[head('R', 0xffffffff)], /damaged/],
      [[head('E', 2)], /invalid length \(2\),/],
      [[head('E', 0xffffffff)], /invalid length \(4294967295\),/],
      [[message('v', Buffer.alloc(8))], /sent NegotiateProtocolVersion before/],
      [['Ok', head('S', 3)], /damaged/],
      [['Ok', head('S', 0x7fffffff)], /damaged/],
      [['Ok', message('S', 'no end')], /damaged/],
      [['Ok', 'Key', 'Key'], /BackendKeyData after AuthenticationOk/],
      [['Ok', message('K', 'short')], /damaged/],
      [['Ok', message('D', 'row')], /a message of type "D" after AuthenticationOk/],
      [['Ok', ...Array.from({ length: 20 }, () => message('S', `a\0${'b'.repeat(60_000)}\0`))], /damaged/],
    ] as readonly (readonly [readonly Step[], RegExp])[]) {
      assert.match(sentence(await refused(script)), words);
    }
  });

  it('can send an error of any size, of which the beginning is shown', async () => {
    const fields = `SFATAL\0C53300\0M${'postgres://u:'.repeat(100_000)}`;
    const large = Buffer.from(fields);
    for (const bytes of [message('E', `${fields}\0\0`), Buffer.concat([head('E', 0x3fffffff), large])]) {
      const error = await refused([bytes]);
      assert.equal(error.reason, 'slots');
      assert.ok(sentence(error).length < 2500);
    }
  });

  it('has the same effect if its messages arrive in single bytes', async () => {
    const bytes = Buffer.concat([
      authentication(0),
      message('S', 'a\0b\0'),
      message('K', Buffer.alloc(8)),
      message('Z', 'I'),
    ]);
    const { server, port } = await listen(PASSWORD);
    const database = server.add([...bytes].map((byte) => Buffer.from([byte])));
    await (await openClient(profile(port, { database }), options())).end();
  });

  it('loses the connection if it sends an authentication request, a new key, or a damaged message after ReadyForQuery', async () => {
    for (const late of [
      authentication(3),
      authentication(5, Buffer.from('salt')),
      message('K', Buffer.alloc(8)),
      head('d', 0),
      message('N', 'Sx'),
      message('d', 'a row'),
      message('N', `${'D\0'.repeat(65)}\0`),
    ]) {
      const { server, port } = await listen(PASSWORD);
      const database = server.add(['MD5', 'Ok', ...READY, late]);
      const log: string[] = [];
      const closed = openClient(profile(port, { database }), { ...options(), log: (line) => log.push(line) }).then(
        (client) => new Promise((resolve) => client.once('end', resolve)),
      );
      await closed;
      assert.match(log.join('\n'), /server\.(unexpectedMessage|damagedMessage)/);
      assert.ok(!(await server.take(database)).received.includes(PASSWORD));
    }
  });

  it('loses the connection at the first error that answers no query', async () => {
    const { server, port } = await listen(PASSWORD);
    const unasked = message('E', 'SERROR\0VERROR\0CXX000\0Munasked\0\0');
    const database = server.add(['Ok', ...READY, Buffer.concat(Array.from({ length: 20_000 }, () => unasked))]);
    const log: string[] = [];
    const client = await openClient(profile(port, { database }), { ...options(), log: (line) => log.push(line) });
    await new Promise((resolve) => client.once('end', resolve));
    const logged = log.filter((line) => line.includes('unasked')).length;
    assert.equal(logged, 1);
  });

  it('must confirm the protocol for direct TLS', async () => {
    for (const [alpn, works] of [
      [['postgresql'], true],
      [undefined, false],
    ] as const) {
      const { server, port } = await listen(PASSWORD, certificate, { direct: true, ...(alpn ? { alpn } : {}) });
      const database = server.add(['Ok', ...READY]);
      const to = profile(port, { database, sslmode: 'require', sslnegotiation: 'direct' });
      if (works) await (await openClient(to, options())).end();
      else assert.match(sentence(await failureOf(to, options())), /did not confirm the protocol “postgresql” \(ALPN\)/);
      assert.equal((await server.take(database)).accepted, works);
    }
  });

  it('cannot pass unencrypted data off as encrypted when it agrees to TLS', async () => {
    const { server, port } = await listen(PASSWORD, certificate, { stuffing: Buffer.from('R\0\0\0\x08\0\0\0\0') });
    const database = server.add(['Ok', ...READY]);
    for (const sslmode of ['require', 'prefer'] as const) {
      const error = await failureOf(profile(port, { database, sslmode }), options());
      assert.match(sentence(error), /sent unencrypted data after it had agreed to TLS/);
    }
  });
});
