import assert from 'node:assert/strict';
import {
  fill,
  originOf,
  passwordFromOf,
  profileOf,
  suggestName,
  valuesOf,
} from '../../../src/host/connectionPages/formModel';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import type { FormValues, Problems } from '../../../src/shared/connectionProtocol';

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

function problems(changed: Partial<FormValues>): Problems {
  const result = profileOf({ ...valuesOf({ name: 'x' }, 'stored', 'user'), ...changed });
  return 'problems' in result ? result.problems : {};
}

describe('the form of a connection', () => {
  it('every field comes back as it was, those that the form does not show too', () => {
    assert.deepEqual(made(valuesOf(FULL, 'stored', 'user')), FULL);
    assert.deepEqual(made(valuesOf({ ...FULL, askPassword: true }, 'ask', 'user')), { ...FULL, askPassword: true });
    const command = { ...FULL, passwordCommand: 'pass show x' };
    assert.deepEqual(made(valuesOf(command, 'command', 'workspace')), command);
  });

  it('what is empty or the default is left out', () => {
    assert.deepEqual(made(valuesOf({ name: ' x ', host: '  ' }, 'lookup', 'user')), { name: 'x' });
  });

  it('numbers become numbers, lists of ports stay texts', () => {
    const values = { ...valuesOf({ name: 'x', host: 'a,b' }, 'stored', 'user'), connectTimeoutSeconds: '7' };
    assert.deepEqual(made({ ...values, port: '5433' }), {
      name: 'x',
      host: 'a,b',
      port: 5433,
      connectTimeoutSeconds: 7,
    });
    assert.equal(made({ ...values, port: '1,2' }).port, '1,2');
  });

  it('the ways to the password: one of them at a time', () => {
    const values = { ...valuesOf({ name: 'x' }, 'stored', 'user'), passwordCommand: 'token' };
    assert.deepEqual(made(values), { name: 'x' });
    assert.deepEqual(made({ ...values, passwordFrom: 'command' }), { name: 'x', passwordCommand: 'token' });
    assert.deepEqual(made({ ...values, passwordFrom: 'ask' }), { name: 'x', askPassword: true });
    assert.equal(passwordFromOf({ name: 'x' }, true), 'stored');
    assert.equal(passwordFromOf({ name: 'x' }, false), 'lookup');
    assert.equal(passwordFromOf({ name: 'x', passwordCommand: 'c' }, true), 'command');
    assert.equal(passwordFromOf({ name: 'x', askPassword: true }, true), 'ask');
  });

  it('says what is wrong, at the field', () => {
    const cases: readonly (readonly [Partial<FormValues>, keyof Problems, RegExp])[] = [
      [{ name: ' ' }, 'name', /^It must be a text that is not empty\.$/],
      [{ port: '54x2' }, 'port', /^It must be a whole number from 1 to 65535/],
      [{ port: '70000' }, 'port', /^It must be/],
      [{ host: 'a,b,c', port: '1,2' }, 'port', /^It has 2 ports in "port" but 3 in "host"/],
      [{ host: 'a', rest: { hostaddr: '1.1.1.1,2.2.2.2' } }, 'host', /^It has 1 in "host" but 2 in "hostaddr"/],
      [{ host: 'postgres://h/d' }, 'host', /^It must be a host alone/],
      [{ connectTimeoutSeconds: 'soon' }, 'connectTimeoutSeconds', /^It must be a whole number of seconds/],
      [{ keepalivesIdleSeconds: '-1' }, 'keepalivesIdleSeconds', /^It must be a whole number of seconds/],
      [{ color: 'red; x' }, 'color', /^It must be a color such as/],
      [{ passwordFrom: 'command' }, 'passwordCommand', /^It must be a shell command\.$/],
      [{ sslrootcert: 'system', sslmode: 'require' }, 'sslmode', /^It must be "verify-full"/],
      [{ rest: { password: 'secret' } }, 'name', /unknown field "password"/],
    ];
    for (const [changed, field, sentence] of cases) {
      const found = problems(changed);
      assert.deepEqual(Object.keys(found), [field], JSON.stringify(changed));
      assert.match(found[field] ?? '', sentence);
    }
    assert.deepEqual(Object.keys(problems({ port: 'x', color: '?' })), ['port', 'color']);
  });

  it('a name does not confuse the sentence about something else', () => {
    const found = problems({ name: 'a" has "b', host: 'a', port: '1,2' });
    assert.match(found.port ?? '', /2 ports in "port" but 1 in "host"/);
  });

  it('filling in takes over where it leads, and leaves what is the user’s own word', () => {
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

  it('suggests a name that nothing has yet', () => {
    const taken = new Set(['shop@db', 'shop@db (2)']);
    const suggest = (profile: Partial<ConnectionProfile>): string => suggestName(profile, (name) => taken.has(name));
    assert.equal(suggest({ host: 'db', database: 'shop' }), 'shop@db (3)');
    assert.equal(suggest({ host: 'h1,h2', user: 'u' }), 'u@h1');
    assert.equal(suggest({}), 'postgres@localhost');
    assert.equal(suggest({ service: 'warehouse' }), 'warehouse');
  });

  it('knows on which computer connections start', () => {
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
    for (const [remote, beside, web, origin] of cases) assert.equal(originOf(remote, beside, web), origin, remote);
  });
});
