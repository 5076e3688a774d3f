import assert from 'node:assert/strict';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/profile';
import type { Origin } from '../../../src/host/connectionEntries';
import { PasswordStore, type SecretOwner } from '../../../src/host/passwordStore';

/** VS Code's secret storage, as far as it is used: a map of texts. */
class Secrets {
  readonly kept = new Map<string, string>();
  get = (key: string): Promise<string | undefined> => Promise.resolve(this.kept.get(key));
  store = (key: string, value: string): Promise<void> => Promise.resolve(void this.kept.set(key, value));
  delete = (key: string): Promise<void> => Promise.resolve(void this.kept.delete(key));
}

const USER: Origin = { kind: 'user' };
const WORKSPACE: Origin = { kind: 'workspace' };

describe('stored passwords', () => {
  let secrets: Secrets;
  let warnings: string[];
  beforeEach(() => {
    secrets = new Secrets();
    warnings = [];
  });

  const storeOf = (workspace = 'file:///w', machine = ''): PasswordStore =>
    new PasswordStore(secrets, { warn: (message) => warnings.push(message) }, { workspace, machine });
  const owner = (store: PasswordStore, origin: Origin, profile: Partial<ConnectionProfile> = {}): SecretOwner =>
    store.ownerOf({ origin, ownName: 'prod', profile: { name: 'prod', host: 'db', user: 'u', ...profile } });

  it('are given out for what they were entered for', async () => {
    const store = storeOf();
    await store.set(owner(store, USER), 'p4ss');
    assert.deepEqual(await store.get(owner(store, USER)), { password: 'p4ss', elsewhere: false });
    // What does not change to whom it goes does not matter.
    const other = owner(store, USER, { database: 'd', color: '#000000', connectTimeoutSeconds: 5 });
    assert.deepEqual(await store.get(other), { password: 'p4ss', elsewhere: false });
  });

  it('are not given to a workspace’s connection of the same name', async () => {
    const store = storeOf();
    await store.set(owner(store, USER), 'p4ss');
    for (const profile of [{}, { host: 'attacker.example' }]) {
      assert.deepEqual(await store.get(owner(store, WORKSPACE, profile)), { elsewhere: false });
    }
    const folder: Origin = { kind: 'folder', uri: 'file:///w/f', name: 'f' };
    assert.deepEqual(await store.get(owner(store, folder)), { elsewhere: false });
    assert.deepEqual(await store.get(owner(store, { kind: 'provider', id: 'x', name: 'X' })), { elsewhere: false });
  });

  it('are not given to another workspace', async () => {
    const store = storeOf();
    await store.set(owner(store, WORKSPACE), 'p4ss');
    const other = storeOf('file:///other');
    assert.deepEqual(await other.get(owner(other, WORKSPACE)), { elsewhere: false });
    assert.deepEqual(await store.get(owner(store, WORKSPACE)), { password: 'p4ss', elsewhere: false });
  });

  it('are not given where the connection was changed to lead elsewhere, or to be less safe', async () => {
    const store = storeOf();
    await store.set(owner(store, WORKSPACE), 'p4ss');
    const changes: readonly Partial<ConnectionProfile>[] = [
      { host: 'attacker.example' },
      { host: 'db,attacker.example' },
      { hostaddr: '10.6.6.6' },
      { port: 6666 },
      { user: 'other' },
      { service: 's' },
      { serviceFile: './s.conf' },
      { sslmode: 'disable' },
      { sslrootcert: './theirs.crt' },
      { channelBinding: 'disable' },
      { requireAuth: 'password' },
      { allowCleartextPassword: true },
    ];
    for (const change of changes) {
      assert.deepEqual(await store.get(owner(store, WORKSPACE, change)), { elsewhere: true }, JSON.stringify(change));
    }
    const remote = storeOf('file:///w', 'container-1');
    assert.deepEqual(await remote.get(owner(remote, WORKSPACE)), { elsewhere: true });
  });

  it('that were kept by name alone become the user’s own connection’s, and nobody else’s', async () => {
    const store = storeOf();
    secrets.kept.set('pgBackground.password:prod', 'old');
    assert.deepEqual(await store.get(owner(store, WORKSPACE)), { elsewhere: false });
    assert.deepEqual(await store.get(owner(store, USER)), { password: 'old', elsewhere: false });
    assert.equal(secrets.kept.has('pgBackground.password:prod'), false);
    // From now on it is bound.
    assert.deepEqual(await store.get(owner(store, USER, { host: 'attacker.example' })), { elsewhere: true });
  });

  it('are forgotten wholly', async () => {
    const store = storeOf();
    secrets.kept.set('pgBackground.password:prod', 'old');
    await store.set(owner(store, USER), 'p4ss');
    await store.forget(owner(store, USER, { host: 'moved' }));
    assert.deepEqual([...secrets.kept], []);
  });

  it('that cannot be read are as good as none, and are shown nowhere', async () => {
    const store = storeOf();
    secrets.kept.set(owner(store, USER).key, 'p4ss broken');
    assert.deepEqual(await store.get(owner(store, USER)), { elsewhere: false });
    assert.equal(warnings.length, 1);
    assert.ok(!warnings.join().includes('p4ss'));
  });
});
