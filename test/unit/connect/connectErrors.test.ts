import '../../vscodeStandIn';
import assert from 'node:assert/strict';
import { connectError, type ConnectError, type ConnectReason } from '../../../src/core/postgres/connect/errors';
import {
  allHostsFailed,
  bothTransportsFailed,
  transportsOf,
} from '../../../src/core/postgres/connect/open/attemptOrder';
import { CertificateNameError } from '../../../src/core/postgres/connect/open/certificateIdentity';
import {
  endpointOf,
  networkError,
  serverError,
  setupError,
  tlsError,
  type Attempted,
} from '../../../src/core/postgres/connect/open/connectErrors';
import { faultText } from '../../../src/host/messages/faultText';

const attempted: Attempted = {
  target: { host: 'db.example.com', hostaddr: undefined, port: 5432, socket: false },
  address: '10.0.0.7',
  tls: false,
  settings: { user: 'u', database: 'd', sslmode: 'prefer', sslrootcert: undefined },
  password: undefined,
};

const failWith = (code: string, message = 'detail', more: object = {}): Error =>
  Object.assign(new Error(message), { code, ...more });

function check(error: ConnectError, reason: ConnectReason, code: string, sentence: RegExp): void {
  const text = faultText(error.fault);
  assert.deepEqual([error.reason, error.fault.code], [reason, code], text);
  assert.match(text, sentence);
  assert.match(text, /^\S[^\n]*\.$/);
}

describe('errors of connecting', () => {
  it('maps errors of the network to a reason, a code, and a sentence', () => {
    const endpoint = 'db\\.example\\.com \\(10\\.0\\.0\\.7\\), port 5432';
    const cases: readonly (readonly [system: string, ConnectReason, code: string, sentence: string])[] = [
      ['ECONNREFUSED', 'unreachable', 'connect.refused', `^Connection refused by ${endpoint}\\. Check`],
      ['ENOTFOUND', 'unreachable', 'connect.hostUnknown', '^The host db\\.example\\.com was not found\\.'],
      ['EAI_AGAIN', 'unreachable', 'connect.lookupFailed', 'could not be looked up'],
      ['EHOSTUNREACH', 'unreachable', 'connect.hostUnreachable', `^${endpoint} is unreachable\\.`],
      ['ENETUNREACH', 'unreachable', 'connect.hostUnreachable', 'is unreachable'],
      ['ETIMEDOUT', 'timeout', 'connect.noResponse', `^No response from ${endpoint}\\.`],
      ['ECONNRESET', 'unreachable', 'connect.closedEarly', 'was closed before it was established \\(detail\\)'],
      ['EACCES', 'unreachable', 'connect.accessDenied', 'may not access'],
      ['ENOENT', 'unreachable', 'connect.socketMissing', 'does not exist'],
    ];
    for (const [system, reason, code, sentence] of cases) {
      check(networkError(failWith(system), attempted), reason, code, new RegExp(sentence));
    }
  });

  it('names the path of a Unix socket', () => {
    const target = { host: '/tmp', hostaddr: undefined, port: 5999, socket: true };
    assert.deepEqual(endpointOf(target), { host: '/tmp', port: 5999, socket: '/tmp/.s.PGSQL.5999' });
    const error = networkError(failWith('ENOENT'), { target, address: undefined });
    check(error, 'unreachable', 'connect.socketMissing', /^The socket \/tmp\/\.s\.PGSQL\.5999 does not exist\./);
  });

  it('maps errors of the server by SQLSTATE and routine, whatever the language of the message', () => {
    const cases: readonly (readonly [Error, ConnectReason, code: string, RegExp])[] = [
      [failWith('28P01'), 'authentication', 'connect.passwordRejected', /password of the user “u”\. Enter it again/],
      [
        failWith('28000', 'kein pg_hba.conf-Eintrag für Host', { routine: 'ClientAuthentication' }),
        'hba',
        'connect.hbaRejected',
        /^pg_hba\.conf does not allow the user “u” to connect to the database “d” .*without TLS/,
      ],
      [
        failWith('28000', 'Verbindung erfordert ein gültiges Client-Zertifikat', { routine: 'ClientAuthentication' }),
        'tls',
        'connect.certificateRequired',
        /requires a client certificate/,
      ],
      [
        failWith('28000', 'Rolle existiert nicht', { routine: 'InitializeSessionUserId' }),
        'authentication',
        'connect.loginRejected',
        /rejected the user “u”.*Server message: Rolle existiert nicht\.$/,
      ],
      [failWith('3D000'), 'database', 'connect.databaseUnknown', /“d” does not exist/],
      [
        failWith('42501'),
        'database',
        'connect.databaseDenied',
        /user “u” is not allowed to connect to the database “d”/,
      ],
      [failWith('53300'), 'slots', 'connect.noConnectionSlot', /no connection slot left/],
      [failWith('57P03'), 'starting', 'connect.serverNotReady', /does not accept connections right now/],
      [failWith('XX000', 'odd.'), 'server', 'connect.serverError', /rejected the connection: odd\.$/],
    ];
    for (const [cause, reason, code, sentence] of cases) {
      const error = serverError(cause, attempted);
      check(error, reason, code, sentence);
      assert.equal(error.cause, cause);
    }
  });

  it('names where a wrong password came from', () => {
    const origins = [
      [{ passwordFrom: 'store' }, 'the stored passwords'],
      [{ passwordFrom: 'form' }, 'the form'],
      [{ passwordFrom: 'prompt' }, 'your input'],
      [{ passwordFrom: 'command' }, 'the password command'],
      [{ passwordFrom: 'passfile', passwordSource: '/home/u/.pgpass' }, 'the file /home/u/.pgpass'],
    ] as const;
    for (const [password, text] of origins) {
      const { fault } = serverError(failWith('28P01'), { ...attempted, password });
      assert.ok(faultText(fault).includes(`“u” (from ${text}).`), faultText(fault));
    }
  });

  it('maps errors of TLS', () => {
    const alert = (reason: string): Error =>
      failWith('EPROTO', `write EPROTO 80CC:error:0A00042E:SSL routines:ssl3_read_bytes:${reason}:../deps/x.c:1601:\n`);
    const cases: readonly (readonly [Error, code: string, RegExp])[] = [
      [failWith('CERT_HAS_EXPIRED'), 'connect.certificateExpired', /has expired/],
      [failWith('SELF_SIGNED_CERT_IN_CHAIN'), 'connect.certificateUntrusted', /not among the root certificates/],
      [alert('tlsv1 alert protocol version'), 'connect.tlsNoCommonVersion', /supports no TLS version/],
      [alert('sslv3 alert handshake failure'), 'connect.tlsFailed', /failed \(sslv3 alert handshake failure\)\. Check/],
      [
        new CertificateNameError('DNS:other', 'db.example.com'),
        'connect.certificateForOtherHost',
        /is for DNS:other and not for db\.example\.com/,
      ],
      [new CertificateNameError(undefined, 'db.example.com'), 'connect.certificateForOtherHost', /contains no name/],
      [new CertificateNameError(undefined, undefined), 'connect.certificateForOtherHost', /there is no host name/],
    ];
    for (const [cause, code, sentence] of cases) check(tlsError(cause, attempted), 'tls', code, sentence);
    const roots = { ...attempted, settings: { ...attempted.settings, sslrootcert: '/ca.crt' } };
    check(tlsError(failWith('CERT_UNTRUSTED'), roots), 'tls', 'connect.certificateUntrusted', /not in “\/ca\.crt”/);
  });

  it('names the settings that could not be set after connecting', () => {
    const error = failWith('22023', 'no such role.');
    const text = (role?: string, searchPath?: string): string =>
      faultText(setupError(error, { role, searchPath }).fault);
    assert.match(text('r'), /the role “r” could not be set: no such role\. Correct/);
    assert.match(text(undefined, 's'), /the search path “s” could not be set/);
    assert.match(text('r', 's'), /the role “r” and the search path “s” could not be set/);
  });

  it('cuts texts of the server to a length that can be shown', () => {
    const { fault } = serverError(failWith('XX000', 'x'.repeat(100_000)), attempted);
    assert.ok(faultText(fault).length < 2100);
  });
});

describe('the order of attempts', () => {
  const tcp = { socket: false };

  it('follows sslmode, and never uses TLS on a Unix socket', () => {
    assert.deepEqual(transportsOf('disable', tcp), ['plain']);
    assert.deepEqual(transportsOf('allow', tcp), ['plain', 'tls']);
    assert.deepEqual(transportsOf('prefer', tcp), ['tls', 'plain']);
    for (const mode of ['require', 'verify-ca', 'verify-full'] as const)
      assert.deepEqual(transportsOf(mode, tcp), ['tls']);
    for (const mode of ['prefer', 'verify-full'] as const) {
      assert.deepEqual(transportsOf(mode, { socket: true }), ['plain']);
    }
  });
});

describe('the summary of failed attempts', () => {
  const refused = (address: string, host = 'h'): { error: ConnectError; address: string } => ({
    error: connectError('unreachable', { code: 'connect.refused', params: { host, port: 1, address } }),
    address,
  });
  const standby = connectError('sessionAttrs', {
    code: 'connect.wrongServerKind',
    params: { host: 'b', port: 2, kind: 'primary', targetSessionAttrs: 'standby' },
  });

  it('keeps the address of a single failure', () => {
    const { error } = refused('10.0.0.1');
    assert.equal(allHostsFailed([{ error, address: '10.0.0.1' }]), error);
  });

  it('shows addresses of one host that fail alike once, without the address', () => {
    const { fault } = allHostsFailed([refused('10.0.0.1'), refused('10.0.0.2')]);
    assert.deepEqual(fault, { code: 'connect.refused', params: { host: 'h', port: 1 } });
  });

  it('lists different failures, and prefers the reason that the server did not match', () => {
    const error = allHostsFailed([
      refused('10.0.0.1'),
      refused('10.0.0.3', 'a'),
      { error: standby, address: undefined },
    ]);
    assert.equal(error.reason, 'sessionAttrs');
    assert.match(
      faultText(error.fault),
      /^No server could be used\. Connection refused by h, port 1\. .*refused by a, port 1\. .*b, port 2 is a primary/,
    );
  });

  it('reports failures with and without TLS, and the TLS problem as the reason of a missing pg_hba.conf entry', () => {
    const withTls = connectError('tls', { code: 'connect.passphraseWrong' });
    const params = { user: 'u', database: 'd', serverMessage: 'no entry', tls: false };
    const without = connectError('hba', { code: 'connect.hbaRejected', params });
    const error = bothTransportsFailed([
      { transport: 'tls', error: withTls },
      { transport: 'plain', error: without },
    ]);
    assert.equal(error.reason, 'tls');
    assert.match(faultText(error.fault), /^With TLS: The passphrase .* Without TLS: pg_hba\.conf does not allow/);
  });

  it('shows one failure if both have the same reason', () => {
    const first = connectError('authentication', { code: 'connect.scramFailed' });
    const second = connectError('authentication', { code: 'connect.md5Unavailable' });
    const both = [
      { transport: 'tls', error: first },
      { transport: 'plain', error: second },
    ] as const;
    assert.equal(bothTransportsFailed(both), first);
  });
});
