/**
 * The user's own secrets are not sent to connections that someone else configured, and no command runs, before the user approves.
 * The server requests the password in clear text and records it.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { textFault } from '../../../src/core/base/fault';
import type { ApprovalRequest, Approve } from '../../../src/core/postgres/connect/open/approval';
import { resolveBinding } from '../../../src/core/postgres/connect/open/binding';
import { BINDING_PARTS, type BindingPart } from '../../../src/core/postgres/connect/open/bindingParts';
import { resolveSettings } from '../../../src/core/postgres/connect/conninfo/defaults';
import { ConnectError } from '../../../src/core/postgres/connect/errors';
import { openClient, type OpenOptions } from '../../../src/core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { connectEnvironment } from '../../../src/core/postgres/connect/conninfo/environment';
import { tlsOptions } from '../../../src/core/postgres/connect/open/tls';
import { sharedServer } from '../support';
import { FakeServer } from './fakeServer';
import { environment, failureOf, newHome, removeFolder, sentence } from './support';

describe('the user’s own secrets', () => {
  let server: FakeServer;
  let port: number;
  let home: string;
  let trap: string;
  let asked: (readonly [kind: string, ask: boolean])[];

  before(async () => {
    server = new FakeServer();
    port = await server.listen();
  });
  after(() => server.close());
  beforeEach(async () => {
    home = await newHome({ '.pg_service.conf': `[theirs]\npassword=of the service\n` });
    trap = join(home, 'ran');
    asked = [];
  });
  afterEach(() => removeFolder(home));

  const profile = (more: Partial<ConnectionProfile> = {}): ConnectionProfile => ({
    name: 'x',
    host: '127.0.0.1',
    port,
    user: 'u',
    sslmode: 'disable',
    allowCleartextPassword: true,
    ...more,
  });
  const sent = (): string[] => server.take().map(({ password }) => password);

  /** Answers like the host: `before` if the request was approved earlier, `now` as the answer of the user. */
  function approver(before: boolean, now: boolean | Error): Approve {
    return (request: ApprovalRequest, ask: boolean) => {
      asked.push([request.secrets.map(({ kind }) => kind).join(), ask]);
      if (!ask) return Promise.resolve(before);
      return now instanceof Error ? Promise.reject(now) : Promise.resolve(now);
    };
  }

  const SOURCES: readonly {
    readonly kind: string;
    readonly password: string;
    profile?(): Partial<ConnectionProfile>;
    readonly env?: NodeJS.ProcessEnv;
    prepare?(): Promise<void>;
  }[] = [
    {
      kind: 'passfile',
      password: 'of the file',
      prepare: () => writeFile(join(home, '.pgpass'), '*:*:*:*:of the file\n', { mode: 0o600 }),
    },
    { kind: 'parameter', password: 'of the environment', env: { PGPASSWORD: 'of the environment' } },
    { kind: 'parameter', password: 'of the service', profile: () => ({ service: 'theirs' }) },
    {
      kind: 'command',
      password: 'of the command',
      profile: () => ({ passwordCommand: `touch ${trap}; echo of the command` }),
    },
  ];

  for (const source of SOURCES) {
    describe(source.password, () => {
      let given: ConnectionProfile;
      let env: NodeJS.ProcessEnv;
      beforeEach(async () => {
        await source.prepare?.();
        given = profile(source.profile?.());
        env = environment(home, source.env);
      });
      const open = async (options: OpenOptions): Promise<void> => (await openClient(given, { env, ...options })).end();

      it('is used for the user’s own connection without asking', async () => {
        await open({});
        assert.deepEqual(sent(), [source.password]);
      });

      it('is not sent, and no command runs, if the user does not allow it', async () => {
        const failure = await failureOf(given, { env, approve: approver(false, false) });
        assert.equal(failure.reason, 'notApproved');
        assert.match(sentence(failure), /did not allow this connection to use your own passwords/);
        assert.deepEqual(sent(), []);
        assert.equal(existsSync(trap), false);
        assert.deepEqual(asked, [
          [source.kind, false],
          [source.kind, true],
        ]);
      });

      it('is sent after the user allowed it, and then without asking again', async () => {
        await open({ approve: approver(false, true) });
        assert.deepEqual(sent(), [source.password]);
        asked = [];
        await open({ approve: approver(true, new Error('the user cannot be asked')) });
        assert.deepEqual(sent(), [source.password]);
        assert.deepEqual(asked, [[source.kind, false]]);
      });

      it('is not sent if the user cannot be asked, and the host’s error is passed on', async () => {
        const refusal = new ConnectError('notApproved', textFault('Run Connect to decide.'));
        const failure = await failureOf(given, { env, approve: approver(false, refusal) });
        assert.equal(failure, refusal);
        assert.deepEqual(sent(), []);
        assert.equal(existsSync(trap), false);
      });

      it('is not used if the user enters a password for this connection', async () => {
        await open({ approve: approver(false, false), askPassword: () => Promise.resolve('entered') });
        assert.deepEqual(sent(), ['entered']);
      });
    });
  }

  it('need no approval if a password is stored, or the server wants none', async () => {
    const env = environment(home, { PGPASSWORD: 'of the environment' });
    const never = approver(false, new Error('asked'));
    await (await openClient(profile(), { env, approve: never, password: () => Promise.resolve('stored') })).end();
    assert.deepEqual(sent(), ['stored']);
    assert.deepEqual(asked, []);
    const { host, port: real } = await sharedServer();
    await (await openClient({ ...profile(), host, port: real, user: 'postgres' }, { env, approve: never })).end();
    assert.deepEqual(asked, [['parameter', false]]);
  });

  it('include the client key, which is not used without approval', async () => {
    await writeFile(join(home, 'my.crt'), 'not looked at');
    await writeFile(join(home, 'my.key'), 'not looked at', { mode: 0o600 });
    const connectEnv = connectEnvironment(environment(home));
    const keys = { sslcert: join(home, 'my.crt'), sslkey: join(home, 'my.key') };
    const settings = await resolveSettings(profile({ sslmode: 'require', ...keys }), connectEnv);
    const [target] = settings.targets;
    const files: string[] = [];
    const mayUseKey = (file: string): Promise<boolean> => Promise.resolve(files.push(file) < 0);
    await tlsOptions(settings, target!, { environment: connectEnv, mayUseKey });
    assert.deepEqual(files, [keys.sslkey]);
    await assert.rejects(tlsOptions(settings, target!, { environment: connectEnv }), /connect\.clientKeyNotPem/);
  });
});

describe('the binding of a secret', () => {
  let home: string;
  beforeEach(async () => {
    home = await newHome({
      '.pg_service.conf': '[s]\nhost=db.example\nport=5432\nuser=u\n',
      'root.crt': 'one',
      'other.crt': 'one',
    });
  });
  afterEach(() => removeFolder(home));

  /** Returns the parts of the binding that a change affects. */
  async function changed(
    given: Omit<ConnectionProfile, 'name'>,
    change: { profile?: Partial<ConnectionProfile>; env?: NodeJS.ProcessEnv; files?: () => Promise<void> },
  ): Promise<readonly BindingPart[]> {
    const first = await resolveBinding({ ...given, name: 'x' }, environment(home));
    await change.files?.();
    const second = await resolveBinding({ ...given, ...change.profile, name: 'x' }, environment(home, change.env));
    return BINDING_PARTS.filter((part) => first[part] !== second[part]);
  }

  it('contains the service’s target, not its name', async () => {
    const service = join(home, '.pg_service.conf');
    const to = (text: string) => ({ files: () => writeFile(service, `[s]\n${text}\n`) });
    assert.deepEqual(await changed({ service: 's' }, {}), []);
    assert.deepEqual(await changed({ service: 's' }, to('host=attacker.example\nuser=u')), ['hosts']);
    assert.deepEqual(await changed({ service: 's' }, to('host=attacker.example\nhostaddr=10.6.6.6\nuser=u')), [
      'hosts',
    ]);
    assert.deepEqual(await changed({ service: 's' }, to('host=attacker.example\nuser=v')), ['hosts', 'user']);
    assert.deepEqual(await changed({ service: 's' }, { files: () => appendFile(service, 'sslmode=disable\n') }), [
      'sslmode',
    ]);
  });

  it('contains the values of environment variables', async () => {
    const given = { host: 'db.example', user: 'u' };
    assert.deepEqual(await changed(given, { env: { PGHOST: 'unused', PGPASSWORD: 'x', PGDATABASE: 'd' } }), []);
    assert.deepEqual(await changed(given, { env: { PGHOSTADDR: '10.6.6.6' } }), ['hosts']);
    assert.deepEqual(await changed(given, { env: { PGPORT: '6666' } }), ['hosts']);
    assert.deepEqual(await changed(given, { env: { PGSSLMODE: 'disable' } }), ['sslmode']);
    assert.deepEqual(await changed(given, { env: { PGREQUIREAUTH: 'password' } }), ['requireAuth']);
    assert.deepEqual(await changed(given, { env: { PGCHANNELBINDING: 'disable' } }), ['channelBinding']);
  });

  it('contains the content of the root certificates', async () => {
    const file = join(home, 'root.crt');
    const given = { host: 'db.example', user: 'u', sslmode: 'verify-full', sslrootcert: file } as const;
    assert.deepEqual(await changed(given, { files: () => writeFile(file, 'two') }), ['sslrootcert']);
    assert.deepEqual(await changed(given, { profile: { sslrootcert: join(home, 'other.crt') } }), ['sslrootcert']);
    const usual = newRoot(home);
    assert.deepEqual(await changed({ host: 'h', user: 'u' }, { files: usual }), ['sslrootcert']);
  });

  it('contains every setting that protects the secret, and nothing else', async () => {
    const given = { host: 'db.example', user: 'u' };
    for (const [profile, parts] of [
      [{ allowCleartextPassword: true }, ['allowCleartextPassword']],
      [{ sslnegotiation: 'direct', sslmode: 'require' }, ['sslmode', 'sslnegotiation']],
      [{ sslMaxProtocolVersion: 'TLSv1.2' }, ['tlsVersions']],
      [{ sslcrl: '/none' }, ['sslcrl']],
      [{ host: 'db.example,attacker.example' }, ['hosts']],
      [{ database: 'd', color: '#000000', role: 'r', options: '-c geqo=off', connectTimeoutSeconds: 1 }, []],
    ] as const) {
      assert.deepEqual(await changed(given, { profile }), parts, JSON.stringify(profile));
    }
  });
});

function newRoot(home: string): () => Promise<void> {
  return async () => {
    await mkdir(join(home, '.postgresql'), { recursive: true });
    await writeFile(join(home, '.postgresql', 'root.crt'), 'new');
  };
}
