import '../../vscodeStandIn';
import assert from 'node:assert/strict';
import { parseRequireAuth, requestProblem, type AuthPolicy } from '../../../src/core/postgres/connect/open/authMethods';
import { ConnectError } from '../../../src/core/postgres/connect/errors';

describe('requireAuth', () => {
  it('accepts the listed methods, or all but the methods listed with “!”', () => {
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

  it('rejects lists that libpq rejects', () => {
    for (const text of ['password,!md5', '!md5,password', 'scram', 'md5,md5', '']) {
      assert.throws(() => parseRequireAuth(text), ConnectError, text);
    }
  });
});

describe('requestProblem', () => {
  const policy: AuthPolicy = {
    secure: true,
    tls: true,
    allowCleartextPassword: false,
    channelBinding: 'prefer',
    requireAuth: undefined,
  };
  const codeFor = (
    changed: Partial<AuthPolicy>,
    method: Parameters<typeof requestProblem>[1],
    bound = false,
  ): unknown => requestProblem({ ...policy, ...changed }, method, bound)?.fault.code;

  it('refuses to send a password in clear text over an unencrypted connection, unless the user allows it', () => {
    const insecure = { secure: false, tls: false };
    assert.equal(codeFor(insecure, 'password'), 'connect.cleartextPassword');
    assert.equal(codeFor({ ...insecure, allowCleartextPassword: true }, 'password'), undefined);
    assert.equal(codeFor(insecure, 'scram-sha-256'), undefined);
    assert.equal(codeFor({}, 'password'), undefined);
  });

  it('refuses methods that requireAuth does not accept', () => {
    assert.equal(codeFor({ requireAuth: 'scram-sha-256' }, 'md5'), 'connect.requireAuthViolated');
    assert.equal(codeFor({ requireAuth: 'scram-sha-256' }, 'none'), 'connect.noAuthenticationRequest');
    assert.equal(codeFor({ requireAuth: 'scram-sha-256' }, 'scram-sha-256'), undefined);
  });

  it('requires channel binding if the profile does', () => {
    assert.equal(codeFor({ channelBinding: 'require' }, 'scram-sha-256'), 'connect.channelBindingMissing');
    assert.equal(codeFor({ channelBinding: 'require' }, 'scram-sha-256', true), undefined);
  });
});
