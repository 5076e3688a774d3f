import assert from 'node:assert/strict';
import {
  fill,
  type FormFaults,
  hostLocationOf,
  passwordFromOf,
  profileOf,
  suggestName,
  valuesOf,
} from '../../../src/host/connectionPages/formModel';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import type { FormField } from '../../../src/shared/connectionFields';
import type { FormValues } from '../../../src/shared/connectionRequests';
import { lineOf } from '../connect/support';

const FULL: ConnectionProfile = {
  name: 'full',
  host: 'a,b',
  hostaddr: '10.0.0.1,10.0.0.2',
  port: '5432,5433',
  database: 'd',
  user: 'u',
  sslmode: 'verify-full',
  sslrootcert: 'system',
  sslcrl: '/crl',
  sslcert: '~/my.crt',
  sslkey: '~/my.key',
  sslnegotiation: 'direct',
  sslsni: false,
  channelBinding: 'require',
  requireAuth: 'scram-sha-256',
  applicationName: 'a',
  searchPath: 'app, public',
  role: 'r',
  options: '-c geqo=off',
  connectTimeoutSeconds: 0,
  keepalives: false,
  keepalivesIdleSeconds: 60,
  targetSessionAttrs: 'prefer-standby',
  loadBalanceHosts: 'random',
  service: 's',
  serviceFile: '/services',
  passfile: '/pass',
  color: '#c04040',
  production: true,
  allowCleartextPassword: true,
};

function made(values: FormValues): ConnectionProfile {
  const result = profileOf(values);
  assert.ok('profile' in result, JSON.stringify(result));
  return result.profile;
}

function faults(changed: Partial<FormValues>): FormFaults {
  const result = profileOf({ ...valuesOf({ name: 'x' }, 'stored', 'user'), ...changed });
  return 'faults' in result ? result.faults : {};
}

describe('the values of the connection form', () => {
  it('keeps every field of a profile, including those that the form does not show', () => {
    assert.deepEqual(made(valuesOf(FULL, 'stored', 'user')), FULL);
    assert.deepEqual(made(valuesOf({ ...FULL, askPassword: true }, 'ask', 'user')), { ...FULL, askPassword: true });
    const command = { ...FULL, passwordCommand: 'pass show x' };
    assert.deepEqual(made(valuesOf(command, 'command', 'workspace')), command);
  });

  it('leaves out empty fields and defaults', () => {
    assert.deepEqual(made(valuesOf({ name: ' x ', host: '  ' }, 'lookup', 'user')), { name: 'x' });
  });

  it('converts numbers, and keeps lists of ports as text', () => {
    const values = { ...valuesOf({ name: 'x', host: 'a,b' }, 'stored', 'user'), connectTimeoutSeconds: '7' };
    assert.deepEqual(made({ ...values, port: '5433' }), {
      name: 'x',
      host: 'a,b',
      port: 5433,
      connectTimeoutSeconds: 7,
    });
    assert.equal(made({ ...values, port: '1,2' }).port, '1,2');
  });

  it('saves one source of the password at a time', () => {
    const values = { ...valuesOf({ name: 'x' }, 'stored', 'user'), passwordCommand: 'token' };
    assert.deepEqual(made(values), { name: 'x' });
    assert.deepEqual(made({ ...values, passwordFrom: 'command' }), { name: 'x', passwordCommand: 'token' });
    assert.deepEqual(made({ ...values, passwordFrom: 'ask' }), { name: 'x', askPassword: true });
    assert.equal(passwordFromOf({ name: 'x' }, true), 'stored');
    assert.equal(passwordFromOf({ name: 'x' }, false), 'lookup');
    assert.equal(passwordFromOf({ name: 'x', passwordCommand: 'c' }, true), 'command');
    assert.equal(passwordFromOf({ name: 'x', askPassword: true }, true), 'ask');
  });

  it('reports each fault for the field that has it', () => {
    const cases: readonly (readonly [Partial<FormValues>, FormField, string])[] = [
      [{ name: ' ' }, 'name', 'profile.nameEmpty name'],
      [{ port: '54x2' }, 'port', 'profile.notPort port'],
      [{ port: '70000' }, 'port', 'profile.notPort port'],
      [{ host: 'a,b,c', port: '1,2' }, 'port', 'profile.portCount port ports=2 hosts=3'],
      [{ host: 'a', rest: { hostaddr: '1.1.1.1,2.2.2.2' } }, 'host', 'profile.hostCount host hosts=1 addresses=2'],
      [{ host: 'postgres://h/d' }, 'host', 'profile.hostIsUri host'],
      [
        { connectTimeoutSeconds: 'soon' },
        'connectTimeoutSeconds',
        'profile.notSeconds connectTimeoutSeconds max=86400',
      ],
      [{ keepalivesIdleSeconds: '-1' }, 'keepalivesIdleSeconds', 'profile.notSeconds keepalivesIdleSeconds max=86400'],
      [{ color: 'red; x' }, 'color', 'profile.notColor color'],
      [{ passwordFrom: 'command' }, 'passwordCommand', 'profile.notCommand passwordCommand'],
      [
        { sslrootcert: 'system', sslmode: 'require' },
        'sslmode',
        'profile.systemNeedsVerifyFull sslmode sslmode=require',
      ],
      [{ rest: { password: 'secret' } }, 'name', 'profile.passwordField password'],
      [{ rest: { sslcrl: 5 } }, 'name', 'profile.notText sslcrl'],
    ];
    for (const [changed, field, expected] of cases) {
      const found = faults(changed);
      assert.deepEqual(Object.keys(found), [field], JSON.stringify(changed));
      assert.equal(lineOf(found[field]!), expected);
    }
    assert.deepEqual(Object.keys(faults({ port: 'x', color: '?' })), ['port', 'color']);
  });

  it('fills in where the connection goes, and keeps the user’s own settings', () => {
    const before = valuesOf({ ...FULL, name: 'mine' }, 'lookup', 'workspace');
    const after = fill(before, { name: '', host: 'new', user: 'n' }, 'stored');
    assert.deepEqual(made(after), {
      name: 'mine',
      host: 'new',
      user: 'n',
      searchPath: 'app, public',
      role: 'r',
      color: '#c04040',
      production: true,
    });
    assert.equal(after.scope, 'workspace');
    assert.equal(after.passwordFrom, 'stored');
  });

  it('suggests a name that is not in use', () => {
    const taken = new Set(['shop@db', 'shop@db (2)']);
    const suggest = (profile: Partial<ConnectionProfile>): string => suggestName(profile, (name) => taken.has(name));
    assert.equal(suggest({ host: 'db', database: 'shop' }), 'shop@db (3)');
    assert.equal(suggest({ host: 'h1,h2', user: 'u' }), 'u@h1');
    assert.equal(suggest({}), 'postgres@localhost');
    assert.equal(suggest({ service: 'warehouse' }), 'warehouse');
  });

  it('shows on which computer connections start', () => {
    const cases = [
      [undefined, false, false, 'local'],
      [undefined, false, true, 'browser'],
      ['ssh-remote', false, false, 'ssh'],
      ['ssh-remote', true, false, 'local'],
      ['wsl', false, false, 'wsl'],
      ['dev-container', false, false, 'container'],
      ['attached-container', false, true, 'container'],
      ['codespaces', false, true, 'codespace'],
      ['127.0.0.1:8080', false, true, 'browser'],
      ['tunnel', false, false, 'remote'],
    ] as const;
    for (const [remote, local, web, expected] of cases)
      assert.equal(hostLocationOf(remote, local, web), expected, remote);
  });
});
