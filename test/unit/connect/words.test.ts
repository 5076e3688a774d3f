import assert from 'node:assert/strict';
import { parseRequireAuth } from '../../../src/core/postgres/connect/open/authMethods';
import {
  checkExtension,
  checkFailure,
  checkLimits,
  checkPooler,
  checkPrivileges,
  checkServer,
  checkSlots,
  checkTls,
  isWindowsServer,
} from '../../../src/core/postgres/connect/check/checks';
import type { ServerFacts } from '../../../src/core/postgres/connect/check/facts';
import { ConnectError } from '../../../src/core/postgres/connect/errors';
import {
  explainNetwork,
  explainServer,
  explainTls,
  type Attempted,
} from '../../../src/core/postgres/connect/open/connectErrors';
import { redact, REDACTED } from '../../../src/core/postgres/connect/conninfo/redact';

const attempted: Attempted = {
  target: { host: 'db.example.com', hostaddr: undefined, port: 5432, socket: false },
  address: '10.0.0.7',
  tls: false,
  settings: { user: 'u', database: 'd', sslmode: 'prefer', sslrootcert: undefined },
  passwordSource: undefined,
};

const failWith = (code: string, message = 'words', more: object = {}): Error =>
  Object.assign(new Error(message), { code, ...more });

describe('failures in words', () => {
  it('of the network', () => {
    const place = 'db.example.com (10.0.0.7), port 5432';
    const cases = {
      ECONNREFUSED: ['unreachable', `Nothing accepts connections at ${place}`],
      ENOTFOUND: ['unreachable', 'The host db.example.com cannot be found'],
      EAI_AGAIN: ['unreachable', 'could not be looked up just now'],
      EHOSTUNREACH: ['unreachable', `No way leads to ${place}`],
      ENETUNREACH: ['unreachable', 'No way leads'],
      ETIMEDOUT: ['timeout', `No answer came from ${place}`],
      ECONNRESET: ['unreachable', `The connection to ${place} was closed before it was established (words)`],
      EACCES: ['unreachable', 'may not use'],
    } as const;
    for (const [code, [reason, message]] of Object.entries(cases)) {
      const error = explainNetwork(failWith(code), attempted);
      assert.equal(error.reason, reason);
      assert.ok(error.message.includes(message), error.message);
    }
  });

  it('of the server, in whatever language it speaks', () => {
    const cases: readonly (readonly [Error, string, RegExp])[] = [
      [failWith('28P01'), 'authentication', /did not accept the password of the user "u": enter it again/],
      [
        failWith('28000', 'kein pg_hba.conf-Eintrag für Host', { routine: 'ClientAuthentication' }),
        'hba',
        /no rule that lets the user "u" into the database "d"/,
      ],
      [
        failWith('28000', 'Verbindung erfordert ein gültiges Client-Zertifikat', { routine: 'ClientAuthentication' }),
        'tls',
        /wants to see a certificate/,
      ],
      [
        failWith('28000', 'Rolle existiert nicht', { routine: 'InitializeSessionUserId' }),
        'authentication',
        /did not let the user "u" in/,
      ],
      [failWith('28000', 'Peer authentication failed', { routine: 'auth_failed' }), 'authentication', /did not let/],
      [failWith('3D000'), 'database', /"d" does not exist/],
      [failWith('42501'), 'database', /"d" does not let the user "u" in/],
      [failWith('53300'), 'slots', /no connection left/],
      [failWith('57P03'), 'starting', /does not take connections just now/],
      [failWith('XX000', 'odd'), 'server', /refused the connection: odd\.$/],
    ];
    for (const [cause, reason, message] of cases) {
      const error = explainServer(cause, attempted);
      assert.equal(error.reason, reason, error.message);
      assert.match(error.message, message);
      assert.equal(error.cause, cause);
    }
  });

  it('of TLS', () => {
    const cases: readonly (readonly [Error, RegExp])[] = [
      [failWith('CERT_HAS_EXPIRED'), /has expired/],
      [failWith('SELF_SIGNED_CERT_IN_CHAIN'), /not among the root certificates/],
      [
        failWith(
          'EPROTO',
          'write EPROTO 80CC:error:0A00042E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version:../deps/x.c:1601:SSL alert number 70\n',
        ),
        /^No version of TLS suits both/,
      ],
      [
        failWith(
          'EPROTO',
          'write EPROTO 80CC:error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:../deps/x.c:1601:\n',
        ),
        /failed \(sslv3 alert handshake failure\): check/,
      ],
    ];
    for (const [cause, message] of cases) {
      const error = explainTls(cause, attempted);
      assert.equal(error.reason, 'tls');
      assert.match(error.message, message);
    }
  });
});

describe('secrets', () => {
  it('are taken out of texts, as they are and as they are written in addresses', () => {
    assert.equal(redact('a p@ss b p%40ss c', ['p@ss']), `a ${REDACTED} b ${REDACTED} c`);
    assert.equal(redact('x "q\\"r" y', ['q"r']), `x "${REDACTED}" y`);
    assert.equal(redact('abcdef', ['abc', 'abcdef']), REDACTED);
    assert.equal(redact('nothing', [undefined, '']), 'nothing');
    assert.equal(redact('see postgres://u:s3cret@h/d and'), `see postgres://u:${REDACTED}@h/d and`);
    assert.equal(redact('postgresql+psycopg2://u:a@b@h/d'), `postgresql+psycopg2://u:${REDACTED}@h/d`);
    assert.equal(redact("host=h password='a b\\'c' user=u"), `host=h password=${REDACTED} user=u`);
    assert.equal(redact('host=h password=abc user=u'), `host=h password=${REDACTED} user=u`);
    assert.equal(redact('postgres://h/d?sslpassword=abc&user=u'), `postgres://h/d?sslpassword=${REDACTED}&user=u`);
    assert.equal(redact('postgres://u@h/d'), 'postgres://u@h/d');
    // Long texts are cut, and no secret is cut in two.
    for (const at of [9_980, 9_990, 9_995, 9_999]) {
      const before = 'x '.repeat(at / 2).slice(0, at);
      for (const secret of ['first-and-last', 'postgres://u:first-and-last@h', 'password=first-and-last']) {
        const clean = redact(`${before} ${secret} ${before}`, secret === 'first-and-last' ? [secret] : []);
        assert.ok(!clean.includes('fi') && clean.length < 10_100, clean.slice(9_900));
      }
    }
  });

  it('the work of looking for secrets does not grow faster than the text', () => {
    const timeOf = (text: string): number => {
      const start = performance.now();
      for (let i = 0; i < 5; i++) redact(text, ['secret']);
      return performance.now() - start;
    };
    for (const part of ['postgres://u:', 'a', 'a.', 'password', 'password ', "password='", 'x://y:z', '://u:@', ' ']) {
      const text = part.repeat(100_000 / part.length);
      timeOf(text);
      assert.ok(timeOf(text.repeat(10)) < 10 * timeOf(text) + 50, part);
    }
  });
});

describe('requireAuth', () => {
  it('accepts what is named, or all but what is named', () => {
    const named = parseRequireAuth('scram-sha-256, md5');
    assert.deepEqual(
      [named('scram-sha-256'), named('md5'), named('password'), named('none')],
      [true, true, false, false],
    );
    const others = parseRequireAuth('!password,!none');
    assert.deepEqual(
      [others('scram-sha-256'), others('md5'), others('password'), others('none')],
      [true, true, false, false],
    );
  });

  it('refuses what libpq refuses', () => {
    for (const text of ['password,!md5', '!md5,password', 'scram', 'md5,md5', '']) {
      assert.throws(() => parseRequireAuth(text), ConnectError, text);
    }
  });
});

describe('the doctor', () => {
  const facts: ServerFacts = {
    version: '18.0',
    versionNumber: 180_000,
    banner: 'PostgreSQL 18.0 on x86_64-pc-linux-gnu, compiled by gcc, 64-bit',
    standby: false,
    readOnly: false,
    backendPid: 7,
    user: 'o"dd',
    database: 'd',
    superuser: false,
    available: '2.0',
    extension: { version: '2.0', schema: '"My Schema"', mayUseSchema: true, mayLaunch: true, canGrant: true },
    hasRole: true,
    maySignal: true,
    mayReadStats: true,
    slotsTotal: 8,
    slotsUsed: 1,
    settings: new Map([['statement_timeout', '0']]),
  };
  const statuses = (findings: readonly { id: string; status: string }[]): string =>
    findings.map(({ id, status }) => `${id} ${status}`).join(', ');

  it('knows Windows servers by what they call themselves', () => {
    for (const banner of [
      'PostgreSQL 17.2 on x86_64-windows, compiled by msvc-19.42.34435, 64-bit',
      'PostgreSQL 12.3, compiled by Visual C++ build 1914, 64-bit',
      'PostgreSQL 14.1 on x86_64-w64-mingw32, compiled by gcc.exe',
    ]) {
      assert.ok(isWindowsServer(banner), banner);
      assert.equal(statuses(checkServer({ ...facts, banner })), 'server ok, platform warning');
    }
    assert.ok(!isWindowsServer(facts.banner));
    assert.ok(!isWindowsServer('PostgreSQL 18.0 on aarch64-apple-darwin23.6.0, compiled by Apple clang'));
  });

  it('judges TLS by its kind, its end and what was verified', () => {
    const now = Date.UTC(2026, 0, 1);
    const tls = { protocol: 'TLSv1.3', cipher: 'AES', subject: 'db', validTo: now + 100 * 86_400_000 };
    const remote = { verified: 'nothing', sslmode: 'prefer', local: false } as const;
    assert.equal(checkTls(undefined, { ...remote, verified: undefined }, now).status, 'warning');
    assert.equal(checkTls(undefined, { ...remote, verified: undefined, local: true }, now).status, 'ok');
    assert.equal(checkTls(tls, remote, now).title, 'Encrypted, but the server is not verified');
    assert.equal(checkTls(tls, { ...remote, verified: 'chain and name' }, now).status, 'ok');
    assert.match(
      checkTls(tls, { ...remote, verified: 'chain' }, now).detail,
      /TLSv1\.3, AES; the certificate of db ends on 2026-04-11; verified: chain/,
    );
    assert.equal(
      checkTls({ ...tls, validTo: now + 5 * 86_400_000 }, { ...remote, verified: 'chain' }, now).title,
      'The certificate ends in 5 days',
    );
    assert.equal(checkTls({ ...tls, validTo: now - 86_400_000 }, remote, now).title, 'The certificate has expired');
  });

  it('offers SQL with quoted names', () => {
    const extension = { version: '2.0', schema: '"My Schema"', mayUseSchema: false, mayLaunch: false, canGrant: true };
    const sql = checkPrivileges({ ...facts, extension, maySignal: false, mayReadStats: false }).flatMap(({ fixes }) =>
      fixes.map((fix) => fix.sql),
    );
    assert.deepEqual(sql, [
      'GRANT USAGE ON SCHEMA "My Schema" TO "o""dd";',
      'GRANT pgbackground_role TO "o""dd";',
      'GRANT pg_read_all_stats TO "o""dd";',
      'GRANT pg_signal_backend TO "o""dd";',
    ]);
    const without = checkPrivileges({
      ...facts,
      user: "it's",
      hasRole: false,
      extension: { ...extension, mayUseSchema: true },
    });
    assert.equal(without[0]?.fixes[0]?.sql, `SELECT "My Schema".pg_background_grant_privileges('it''s', false);`);
  });

  it('tells old and missing extensions', () => {
    assert.match(
      checkExtension({ ...facts, available: undefined, extension: undefined })[0]?.detail ?? '',
      /postgresql-18-pg-background/,
    );
    assert.equal(
      checkExtension({ ...facts, extension: undefined })[0]?.fixes[0]?.sql,
      'CREATE EXTENSION pg_background;',
    );
    const old = {
      ...facts,
      extension: { version: '1.8', schema: 's', mayUseSchema: true, mayLaunch: true, canGrant: false },
    };
    assert.equal(statuses(checkExtension(old)), 'extension ok, extensionUpdate warning, extensionRisk warning');
    assert.equal(statuses(checkExtension(facts)), 'extension ok, extensionRisk info');
  });

  it('counts slots, tells limits, and finds proxies', () => {
    assert.equal(checkSlots(facts).status, 'ok');
    assert.equal(checkSlots({ ...facts, slotsUsed: 7 }).title, '1 worker slot is free');
    assert.equal(checkSlots({ ...facts, slotsUsed: 8 }).status, 'error');
    assert.match(checkSlots({ ...facts, mayReadStats: false }).detail, /^At least 1 of the 8/);
    assert.equal(checkLimits(facts).status, 'ok');
    const limits = new Map([
      ['statement_timeout', '5min'],
      ['lock_timeout', '0'],
      ['pg_background.max_workers', '16'],
    ]);
    assert.match(
      checkLimits({ ...facts, settings: limits }).detail,
      /statement_timeout = 5min\. A worker .* may have 16 workers/,
    );
    assert.deepEqual(
      [checkPooler(facts, 7, false), checkPooler(facts, 8, false), checkPooler(facts, 8, true)].map(
        ({ status }) => status,
      ),
      ['ok', 'info', 'error'],
    );
  });

  it('has something to do for each reason why there is no connection', () => {
    for (const reason of [
      'unreachable',
      'timeout',
      'tls',
      'hba',
      'noPassword',
      'authentication',
      'unsafe',
      'database',
      'slots',
      'starting',
      'sessionAttrs',
      'setup',
      'profile',
      'aborted',
      'passwordCommand',
      'server',
    ] as const) {
      const finding = checkFailure(new ConnectError(reason, 'Words.'));
      assert.equal(finding.status, 'error');
      assert.ok(finding.fixes.length > 0, reason);
    }
  });
});
