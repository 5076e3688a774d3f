import assert from 'node:assert/strict';
import type { ConnectionInfo } from '../../../src/api';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { entriesFor, findEntry, readEntries, type Source } from '../../../src/host/connections/connectionEntries';
import { findInSettings } from '../../../src/host/connections/settingsPosition';

const user = (...values: unknown[]): Source => ({ origin: { kind: 'user' }, values });
const workspace = (...values: unknown[]): Source => ({ origin: { kind: 'workspace' }, values });
const folder = (name: string, ...values: unknown[]): Source => ({
  origin: { kind: 'folder', uri: `file:///${name}`, name },
  values,
});
const provider = (id: string, ...values: unknown[]): Source => ({
  origin: { kind: 'provider', id, name: id.toUpperCase() },
  values,
});

describe('connections of several origins', () => {
  it('a workspace’s connection replaces the user’s connection of the same name, and no other', () => {
    const { entries, faults } = readEntries([
      user({ name: 'a', host: 'u' }, { name: 'b', host: 'u' }),
      workspace({ name: 'a', host: 'w' }),
    ]);
    assert.deepEqual(
      entries.map(({ profile, origin, hidesUsers }) => [profile.name, profile.host, origin.kind, hidesUsers]),
      [
        ['a', 'w', 'workspace', true],
        ['b', 'u', 'user', false],
      ],
    );
    assert.deepEqual(faults, []);
  });

  it('each folder of a multi-root workspace has its own connections, which its files find first', () => {
    const { entries } = readEntries([
      user({ name: 'dev', host: 'u' }),
      folder('one', { name: 'dev', host: '1' }),
      folder('two', { name: 'dev', host: '2' }),
    ]);
    const names = entries.map(({ profile }) => profile.name);
    assert.deepEqual(names, ['dev', 'dev (one)', 'dev (two)']);
    const host = (name: string, of?: string): string | undefined => findEntry(entries, name, of)?.profile.host;
    assert.equal(host('dev'), 'u');
    assert.equal(host('dev', 'file:///one'), '1');
    assert.equal(host('dev', 'file:///two'), '2');
    assert.equal(host('dev (one)', 'file:///two'), '1');
    assert.equal(host('dev', 'file:///three'), 'u');
    assert.deepEqual(
      entriesFor(entries, 'file:///one').map(({ profile }) => profile.name),
      ['dev', 'dev (one)'],
    );
    assert.deepEqual(
      entriesFor(entries, undefined).map(({ profile }) => profile.name),
      ['dev'],
    );
  });

  it('adding a connection in one origin never renames a connection of another', () => {
    const alone = readEntries([folder('one', { name: 'dev' }), provider('p', { name: 'x' })]).entries;
    const among = readEntries([
      user({ name: 'dev' }, { name: 'x' }),
      folder('one', { name: 'dev' }),
      provider('p', { name: 'x' }),
    ]).entries;
    const names = among.map(({ profile }) => profile.name);
    for (const { profile } of alone) assert.ok(names.includes(profile.name), profile.name);
  });

  it('a provider’s connection is found by its own name if the name is unambiguous', () => {
    const { entries } = readEntries([
      user({ name: 'mine' }),
      provider('p', { name: 'mine' }, { name: 'theirs' }),
      provider('q', { name: 'both' }),
    ]);
    assert.equal(findEntry(entries, 'theirs')?.profile.name, 'theirs (P)');
    assert.equal(findEntry(entries, 'mine')?.origin.kind, 'user');
    assert.equal(findEntry(entries, 'mine (P)')?.origin.kind, 'provider');
    const more = readEntries([provider('p', { name: 'both' }), provider('q', { name: 'both' })]).entries;
    assert.equal(findEntry(more, 'both'), undefined);
  });

  it('reports the index and field of each invalid entry, and keeps the valid ones', () => {
    const { entries, faults } = readEntries([
      user({ name: 'good' }, { name: 'bad', port: 'x' }, 5, { name: 'good' }, { host: 'h' }),
      workspace({ nam: 'x' }),
    ]);
    assert.deepEqual(
      entries.map(({ profile }) => profile.name),
      ['good'],
    );
    assert.deepEqual(
      faults.map(({ id, name, index, field }) => [id, name, index, field]),
      [
        ['workspace#0', '#1', 0, 'name'],
        ['user#1', 'bad', 1, 'port'],
        ['user#2', '#3', 2, undefined],
        ['user#3', 'good', 3, 'name'],
        ['user#4', '#5', 4, 'name'],
      ],
    );
    assert.deepEqual([faults[1]!.fault.code, faults[1]!.fault.field], ['profile.notPort', 'port']);
    assert.deepEqual(faults[3]!.fault, { code: 'connections.sameName', params: { name: 'good' } });
  });

  it('a workspace cannot allow clear-text passwords, or redirect a host name to another address', () => {
    const risky = { name: 'a', host: 'prod', hostaddr: '10.6.6.6', allowCleartextPassword: true };
    for (const source of [workspace(risky), folder('f', risky)]) {
      const { entries, faults } = readEntries([source]);
      assert.deepEqual(
        entries.map(({ profile }) => [profile.host, profile.hostaddr, profile.allowCleartextPassword]),
        [['prod', undefined, undefined]],
      );
      assert.deepEqual(
        faults.map(({ fault, field, index, name }) => [fault.code, fault.params?.['field'], field, index, name]),
        [
          ['connections.fieldIgnored', 'allowCleartextPassword', 'allowCleartextPassword', 0, 'a'],
          ['connections.fieldIgnored', 'hostaddr', 'hostaddr', 0, 'a'],
        ],
      );
      assert.equal(new Set(faults.map(({ id }) => id)).size, 2);
    }
    // Connections of the user and of other extensions are accepted unchanged, and so are safe settings.
    for (const source of [user(risky), provider('p', risky)]) {
      const { entries, faults } = readEntries([source]);
      assert.equal(entries[0]!.profile.hostaddr, '10.6.6.6');
      assert.equal(entries[0]!.profile.allowCleartextPassword, true);
      assert.deepEqual(faults, []);
    }
    const fine = { name: 'a', hostaddr: '10.6.6.6', allowCleartextPassword: false };
    const { entries, faults } = readEntries([workspace(fine)]);
    assert.deepEqual([entries[0]!.profile, faults], [fine, []]);
  });

  it('a workspace cannot have the user’s durable jobs deleted', () => {
    const limited = { name: 'a', host: 'prod', durableRetentionDays: 1 };
    const { entries, faults } = readEntries([workspace(limited)]);
    assert.deepEqual(
      [entries[0]!.profile, faults.map(({ fault, field }) => [fault.code, field])],
      [{ name: 'a', host: 'prod' }, [['connections.retentionIgnored', 'durableRetentionDays']]],
    );
    assert.equal(readEntries([user(limited)]).entries[0]!.profile.durableRetentionDays, 1);
  });

  it('a workspace cannot unmark the user’s production connection, by name or by server', () => {
    const own = { name: 'prod', host: 'db.example', production: true };
    const asks = (...given: unknown[]): (boolean | undefined)[] =>
      readEntries([user(own), workspace(...given)])
        .entries.filter(({ origin }) => origin.kind === 'workspace')
        .map(({ profile }) => profile.production);
    assert.deepEqual(
      asks(
        { name: 'prod', host: 'elsewhere', production: false },
        { name: 'dev', host: 'DB.example', port: 5432 },
        { name: 'other port', host: 'db.example', port: 5433 },
        { name: 'other', host: 'dev.example' },
        { name: 'own', host: 'x', production: true },
      ),
      [true, true, undefined, undefined, true],
    );
  });

  it('a workspace cannot make the user’s read-only connection writable', () => {
    const own = { name: 'reports', host: 'db.example', readOnly: true };
    const { entries } = readEntries([user(own), workspace({ name: 'other', host: 'db.example', readOnly: false })]);
    assert.deepEqual(
      entries.map(({ profile }) => profile.readOnly),
      [true, true],
    );
  });

  it('the fields of the API’s ConnectionInfo are those of a profile', () => {
    // The compiler checks that each type is assignable to the other.
    const info = (profile: ConnectionProfile): Required<ConnectionInfo> => profile as Required<ConnectionProfile>;
    const profile = (given: ConnectionInfo): Required<ConnectionProfile> => given as Required<ConnectionInfo>;
    assert.equal(typeof info, typeof profile);
  });
});

describe('findInSettings', () => {
  const text = `// mine, "pgBackground.connections": []
{
  "a": [1, {"pgBackground.connections": [true]}], /* { */
  "pgBackground.connections": [
    { "name": "x, \\"]\\"", "port": 1 }, // ]
    { "name": "y", "port": "z" },
    7,
  ],
}`;
  const found = (index: number, field?: string): string | undefined => {
    const place = findInSettings(text, 'pgBackground.connections', index, field);
    return place && text.slice(place.start, place.end);
  };

  it('finds an entry and a field of it', () => {
    assert.equal(found(0), '{ "name": "x, \\"]\\"", "port": 1 }');
    assert.equal(found(0, 'port'), '1');
    assert.equal(found(1, 'port'), '"z"');
    assert.equal(found(1, 'host'), '{ "name": "y", "port": "z" }');
    assert.equal(found(2), '7');
    assert.equal(found(3), undefined);
  });

  it('finds an entry in a .code-workspace file', () => {
    const file = `{"folders": [], "settings": {"pgBackground.connections": [{"name": "n"}]}}`;
    const place = findInSettings(file, 'pgBackground.connections', 0, 'name')!;
    assert.equal(file.slice(place.start, place.end), '"n"');
  });

  it('returns undefined without overflowing the stack if the text is nested too deeply', () => {
    for (const open of ['[', '{"a":', '[{"a":[']) {
      for (const deep of [open.repeat(20_000), `{"pgBackground.connections": [${open.repeat(20_000)}`]) {
        assert.equal(findInSettings(deep, 'pgBackground.connections', 0), undefined);
      }
    }
    const strings = `{"pgBackground.connections": [{"name": "${'['.repeat(20_000)}"}]}`;
    assert.ok(findInSettings(strings, 'pgBackground.connections', 0, 'name'));
  });

  it('returns undefined if the text is malformed or empty', () => {
    for (const broken of [
      '',
      '{',
      '[',
      '{"a"',
      '{"a":',
      '{"pgBackground.connections": [',
      '{"x": "',
      '/*',
      '{,}',
      ']',
      '\u0000',
    ]) {
      assert.equal(findInSettings(broken, 'pgBackground.connections', 0), undefined, broken);
    }
    for (let cut = 0; cut < text.length; cut++)
      findInSettings(text.slice(0, cut), 'pgBackground.connections', 1, 'port');
  });
});
