import assert from 'node:assert/strict';
import { BINDING_PARTS, type Binding } from '../../../src/core/postgres/connect/open/bindingParts';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import type { Origin } from '../../../src/host/connections/connectionEntries';
import { PasswordStore, type SecretOwner, type StoredPassword } from '../../../src/host/connections/passwordStore';

/** A fake of VS Code's secret storage: a map of texts. */
class Secrets {
  readonly kept = new Map<string, string>();
  get = (key: string): Promise<string | undefined> => Promise.resolve(this.kept.get(key));
  store = (key: string, value: string): Promise<void> => Promise.resolve(void this.kept.set(key, value));
  delete = (key: string): Promise<void> => Promise.resolve(void this.kept.delete(key));
}

const USER: Origin = { kind: 'user' };
const WORKSPACE: Origin = { kind: 'workspace' };
const BINDING = Object.fromEntries(BINDING_PARTS.map((part) => [part, `${part} 1`])) as Binding;
const EXPLICIT: ConnectionProfile = { name: 'prod', host: 'db', user: 'u', sslmode: 'require' };

describe('stored passwords', () => {
  let secrets: Secrets;
  let warnings: string[];
  beforeEach(() => {
    secrets = new Secrets();
    warnings = [];
  });

  const storeOf = (workspace = 'file:///w', machine = ''): PasswordStore =>
    new PasswordStore(secrets, { warn: (message) => warnings.push(message) }, { workspace, machine });
  const owner = (store: PasswordStore, origin: Origin, binding: Binding | undefined = BINDING): SecretOwner =>
    store.ownerOf({ origin, ownName: 'prod', profile: EXPLICIT }, binding);
  const get = (store: PasswordStore, of: SecretOwner, profile = EXPLICIT): Promise<StoredPassword> =>
    store.get(of, { profile });

  it('a stored password is returned for the connection and target that it was entered for', async () => {
    const store = storeOf();
    await store.set(owner(store, USER), 'p4ss');
    assert.deepEqual(await get(store, owner(store, USER)), { password: 'p4ss' });
    // Only the target that the profile resolves to matters.
    assert.deepEqual(await get(store, owner(store, USER), { name: 'prod', service: 's' }), { password: 'p4ss' });
  });

  it('a workspace’s connection of the same name does not get a stored password', async () => {
    const store = storeOf();
    await store.set(owner(store, USER), 'p4ss');
    assert.deepEqual(await get(store, owner(store, WORKSPACE)), {});
    const folder: Origin = { kind: 'folder', uri: 'file:///w/f', name: 'f' };
    assert.deepEqual(await get(store, owner(store, folder)), {});
    assert.deepEqual(await get(store, owner(store, { kind: 'provider', id: 'x', name: 'X' })), {});
  });

  it('another workspace does not get a stored password', async () => {
    const store = storeOf();
    await store.set(owner(store, WORKSPACE), 'p4ss');
    const other = storeOf('file:///other');
    assert.deepEqual(await get(other, owner(other, WORKSPACE)), {});
    assert.deepEqual(await get(store, owner(store, WORKSPACE)), { password: 'p4ss' });
  });

  it('a stored password is not returned if any part of the target has changed, and the change is reported', async () => {
    const store = storeOf();
    await store.set(owner(store, WORKSPACE), 'p4ss');
    for (const part of BINDING_PARTS) {
      const other = owner(store, WORKSPACE, { ...BINDING, [part]: `${part} 2` });
      assert.deepEqual(await get(store, other), {
        changed: [{ part, before: `${part} 1`, now: `${part} 2` }],
      });
    }
    const remote = storeOf('file:///w', 'container-1');
    assert.deepEqual(await get(remote, owner(remote, WORKSPACE)), {
      changed: [{ part: 'machine', before: '', now: 'container-1' }],
    });
  });

  it('no stored password is returned while the target is unknown', async () => {
    const store = storeOf();
    await store.set(owner(store, USER), 'p4ss');
    const { password, changed } = await get(
      store,
      store.ownerOf({ origin: USER, ownName: 'prod', profile: EXPLICIT }, undefined),
    );
    assert.equal(password, undefined);
    assert.equal(changed?.length, BINDING_PARTS.length);
  });

  describe('of version 1, which were bound to the fields of the profile', () => {
    const v1 = (profile: ConnectionProfile, machine = ''): string => {
      const { host, hostaddr, port, user, service, serviceFile, sslmode, sslrootcert, channelBinding } = profile;
      const { requireAuth, allowCleartextPassword } = profile;
      const fields = [host, hostaddr, port, user, service, serviceFile, sslmode, sslrootcert, channelBinding];
      const place = [...fields, requireAuth, allowCleartextPassword].map((value) => String(value ?? ''));
      return JSON.stringify([JSON.stringify([...place, machine]), 'old']);
    };

    it('a version 1 password is bound to the target if the profile alone defines it', async () => {
      const store = storeOf();
      secrets.kept.set(owner(store, WORKSPACE).key, v1(EXPLICIT));
      assert.deepEqual(await get(store, owner(store, WORKSPACE)), { password: 'old' });
      const moved = await get(store, owner(store, WORKSPACE, { ...BINDING, hosts: 'attacker' }));
      assert.equal(moved.password, undefined);
    });

    it('a version 1 password is not returned if a service defines the target, or the profile has changed', async () => {
      const store = storeOf();
      for (const [stored, now] of [
        [
          { name: 'prod', service: 's' },
          { name: 'prod', service: 's' },
        ],
        [
          { name: 'prod', host: 'db' },
          { name: 'prod', host: 'db' },
        ],
        [EXPLICIT, { ...EXPLICIT, host: 'attacker' }],
        [EXPLICIT, { ...EXPLICIT, sslmode: 'disable' }],
      ] as const) {
        secrets.kept.set(owner(store, USER).key, v1(stored));
        assert.deepEqual(await get(store, owner(store, USER), now), { changed: 'unknown' });
      }
    });
  });

  it('a password that was stored by name alone goes to the user’s own connection only', async () => {
    const store = storeOf();
    secrets.kept.set('pgBackground.password:prod', 'old');
    assert.deepEqual(await get(store, owner(store, WORKSPACE)), {});
    assert.deepEqual(await get(store, owner(store, USER), { name: 'prod', service: 's' }), { changed: 'unknown' });
    assert.deepEqual(await get(store, owner(store, USER)), { password: 'old' });
    assert.equal(secrets.kept.has('pgBackground.password:prod'), false);
    // From now on the password is bound to the target.
    const moved = await get(store, owner(store, USER, { ...BINDING, hosts: 'attacker' }));
    assert.equal(moved.password, undefined);
  });

  it('forgetting a password removes every version of it', async () => {
    const store = storeOf();
    secrets.kept.set('pgBackground.password:prod', 'old');
    await store.set(owner(store, USER), 'p4ss');
    await store.forget(owner(store, USER, undefined));
    assert.deepEqual([...secrets.kept], []);
  });

  it('a malformed stored password counts as missing and is not logged', async () => {
    const store = storeOf();
    for (const broken of ['p4ss broken', '{"version":2,"password":"p4ss"}', '["p4ss"]', '7', 'null']) {
      warnings = [];
      secrets.kept.set(owner(store, USER).key, broken);
      assert.deepEqual(await get(store, owner(store, USER)), {});
      assert.equal(warnings.length, 1);
      assert.ok(!warnings.join().includes('p4ss'));
    }
  });
});
