import '../../vscodeStandIn';
import assert from 'node:assert/strict';
import { checkFailure, checkPooler, checkTls } from '../../../src/core/postgres/connect/check/connectionChecks';
import { checkExtension, checkPrivileges } from '../../../src/core/postgres/connect/check/extensionChecks';
import type { ServerFacts } from '../../../src/core/postgres/connect/check/facts';
import {
  checkLimits,
  checkServer,
  checkSlots,
  isWindowsServer,
} from '../../../src/core/postgres/connect/check/serverChecks';
import { ConnectError } from '../../../src/core/postgres/connect/errors';
import { checkDetail, checkTitle, fixTitle } from '../../../src/host/messages/checkMessages';

describe('the checks of Test Connection', () => {
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
  const statuses = (results: readonly { id: string; status: string }[]): string =>
    results.map(({ id, status }) => `${id} ${status}`).join(', ');

  it('recognizes Windows servers by the text of version()', () => {
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

  it('rates TLS by the encryption, the expiry of the certificate, and the verification', () => {
    const now = Date.UTC(2026, 0, 1);
    const tls = { protocol: 'TLSv1.3', cipher: 'AES', subject: 'db', validTo: now + 100 * 86_400_000 };
    const remote = { verified: 'nothing', sslmode: 'prefer', local: false } as const;
    assert.equal(checkTls(undefined, { ...remote, verified: undefined }, now).status, 'warning');
    assert.equal(checkTls(undefined, { ...remote, verified: undefined, local: true }, now).status, 'ok');
    assert.equal(checkTitle(checkTls(tls, remote, now)), 'Encrypted, but the server is not verified');
    assert.equal(checkTls(tls, { ...remote, verified: 'chain and name' }, now).status, 'ok');
    assert.match(
      checkDetail(checkTls(tls, { ...remote, verified: 'chain' }, now)),
      /^TLSv1\.3, AES; the certificate of db expires on 2026-04-11\. Verified: certificate chain\.$/,
    );
    assert.equal(
      checkTitle(checkTls({ ...tls, validTo: now + 5 * 86_400_000 }, { ...remote, verified: 'chain' }, now)),
      'The certificate expires in 5 days',
    );
    assert.equal(
      checkTitle(checkTls({ ...tls, validTo: now - 86_400_000 }, remote, now)),
      'The certificate has expired',
    );
  });

  it('quotes names in the SQL of fixes', () => {
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

  it('reports missing and old versions of pg_background', () => {
    assert.match(
      checkDetail(checkExtension({ ...facts, available: undefined, extension: undefined })[0]!),
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

  it('reports worker slots, time limits, and pooling proxies', () => {
    assert.equal(checkSlots(facts).status, 'ok');
    assert.equal(checkTitle(checkSlots({ ...facts, slotsUsed: 7 })), '1 worker slot is free');
    assert.equal(checkSlots({ ...facts, slotsUsed: 8 }).status, 'error');
    assert.match(checkDetail(checkSlots({ ...facts, mayReadStats: false })), /^At least 1 of the server’s 8/);
    assert.equal(checkLimits(facts).status, 'ok');
    const limits = new Map([
      ['statement_timeout', '5min'],
      ['lock_timeout', '0'],
      ['pg_background.max_workers', '16'],
    ]);
    assert.match(
      checkDetail(checkLimits({ ...facts, settings: limits })),
      /statement_timeout = 5min\. A worker .* may run 16 workers/,
    );
    assert.deepEqual(
      [checkPooler(facts, 7, false), checkPooler(facts, 8, false), checkPooler(facts, 8, true)].map(
        ({ status }) => status,
      ),
      ['ok', 'info', 'error'],
    );
  });

  it('has a title and a fix for each reason of a failure', () => {
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
      const failure = checkFailure(new ConnectError(reason, { code: 'connect.canceled' }));
      assert.equal(failure.status, 'error');
      assert.ok(failure.fixes.length > 0, reason);
      assert.ok(checkTitle(failure).length > 0 && failure.fixes.every((fix) => fixTitle(fix) !== ''), reason);
      assert.equal(checkDetail(failure), 'Connecting was canceled.');
    }
  });
});
