import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { ConnectionInfo, PgBackgroundApi } from '../../src/api';
import { closeAll, eventually } from './editorSupport';
import { makeScramUser, PASSWORD } from './scramUser';
import { activate, databaseUrl, reaches, sql } from './support';

describe('connections in VS Code', () => {
  let api: PgBackgroundApi;
  let where: { host: string; port: number; database: string };
  const restores: (() => void)[] = [];
  const { window } = vscode;

  before(async () => {
    api = await activate();
    const url = new URL(databaseUrl());
    where = { host: url.hostname, port: Number(url.port), database: url.pathname.slice(1) };
    await makeScramUser();
  });

  afterEach(async () => {
    for (const restore of restores.splice(0)) restore();
    for (const { name } of api.connections()) {
      if (name !== 'test') await run('disconnectConnection', name);
    }
    await run('resumeQueuedJobs');
    await settings('connections', undefined);
    await settings('defaultConnection', undefined);
    await settings('defaultConnection', undefined, vscode.ConfigurationTarget.Workspace);
    await settings('maxConcurrentJobs', undefined);
    await closeAll();
  });

  function run(command: string, ...rest: unknown[]): Thenable<unknown> {
    return vscode.commands.executeCommand(`pgBackground.${command}`, ...rest);
  }

  async function settings(
    name: string,
    value: unknown,
    target: vscode.ConfigurationTarget = vscode.ConfigurationTarget.Global,
  ): Promise<void> {
    await vscode.workspace.getConfiguration('pgBackground').update(name, value, target);
  }

  /** Answers input boxes. @returns the prompts for passwords */
  function answerInputs(answer: string | undefined): string[] {
    const asked: string[] = [];
    stub('showInputBox', (options: vscode.InputBoxOptions) => {
      // The copy of a connection is opened for editing, which may ask for other things.
      if (/^Password of /.test(options.prompt ?? '')) asked.push(options.prompt ?? '');
      return Promise.resolve(answer);
    });
    return asked;
  }

  function stub(name: 'showInputBox' | 'showWarningMessage', replacement: unknown): void {
    const original = window[name];
    Object.defineProperty(window, name, { value: replacement, configurable: true, writable: true });
    restores.push(() => Object.defineProperty(window, name, { value: original, configurable: true, writable: true }));
  }

  const scram = (more: Partial<ConnectionInfo> = {}): ConnectionInfo => ({
    name: 'scram',
    ...where,
    user: 'scram_user',
    sslmode: 'disable',
    ...more,
  });

  /** Runs a job and returns its state and error. */
  async function outcome(connection: string): Promise<string> {
    const job = await api.run({ sql: 'SELECT session_user', connection });
    const ended = await api.waitFor(job.id);
    return ended.state === 'succeeded' ? 'succeeded' : `${ended.state}: ${ended.error?.message ?? ''}`;
  }

  /** Returns the number of the user's sessions on the server. */
  async function sessions(): Promise<number> {
    const [row] = await sql(
      "SELECT count(*)::int FROM pg_stat_activity WHERE usename = 'scram_user' AND backend_type = 'client backend'",
    );
    return row![0] as number;
  }

  it('uses the stored password until it is forgotten; then asks, and stores the answer if it is right', async () => {
    let asked = answerInputs(undefined);
    await api.addConnection(scram(), PASSWORD);
    assert.equal(await outcome('scram'), 'succeeded');
    assert.deepEqual(asked, []);

    await run('forgetPassword', 'scram');
    await eventually(async () => ((await sessions()) === 0 ? true : undefined), 'its sessions to close');
    assert.match(await outcome('scram'), /^failed: .*password/i);
    assert.deepEqual(asked, [`Password of scram_user at ${where.host}, port ${where.port}`]);

    asked = answerInputs('wrong');
    assert.match(await outcome('scram'), /^failed: .*did not accept the password/);
    assert.equal(asked.length, 1);

    asked = answerInputs(PASSWORD);
    assert.equal(await outcome('scram'), 'succeeded');
    assert.equal(asked.length, 1);
    await run('disconnectConnection', 'scram');
    assert.equal(await outcome('scram'), 'succeeded');
    assert.equal(asked.length, 1, 'the password is stored now');
  });

  it('asks once per window for a password with “askPassword”, and never stores it', async () => {
    const asked = answerInputs(PASSWORD);
    await api.addConnection(scram({ name: 'asks', askPassword: true }));
    assert.equal(await outcome('asks'), 'succeeded');
    await run('disconnectConnection', 'asks');
    assert.equal(await outcome('asks'), 'succeeded');
    assert.equal(asked.length, 1);
    await run('forgetPassword', 'asks');
    assert.equal(await outcome('asks'), 'succeeded');
    assert.equal(asked.length, 2);
  });

  it('does not send the user’s password to a workspace’s connection of the same name', async () => {
    await api.addConnection(scram(), PASSWORD);
    assert.equal(await outcome('scram'), 'succeeded');
    const configuration = vscode.workspace.getConfiguration('pgBackground');
    const before = configuration.inspect<unknown[]>('connections')?.workspaceValue ?? [];
    const put = (connection: ConnectionInfo): Promise<void> =>
      settings('connections', [...before, connection], vscode.ConfigurationTarget.Workspace);
    try {
      // Like in a cloned repository. The server is the same, so that only the password matters.
      await put(scram());
      const asked = answerInputs(undefined);
      assert.match(await outcome('scram'), /^failed: .*password/i);
      assert.deepEqual(asked, [`Password of scram_user at ${where.host}, port ${where.port}`]);

      // The user enters the password for this connection, which is then changed to another target.
      answerInputs(PASSWORD);
      assert.equal(await outcome('scram'), 'succeeded');
      await put(scram({ host: 'localhost' }));
      const again = answerInputs(undefined);
      assert.match(await outcome('scram'), /^failed: .*password/i);
      assert.match(again.join(), /at localhost.* The stored password is not sent.*server \(was .*, is localhost:/);
    } finally {
      await settings('connections', before, vscode.ConfigurationTarget.Workspace);
    }
    // The user's own connection still has its password.
    answerInputs(undefined);
    assert.equal(await outcome('scram'), 'succeeded');
  });

  it('keeps the password of a connection that the user edits, renames, or duplicates', async () => {
    const asked = answerInputs(undefined);
    await api.addConnection(scram(), PASSWORD);
    await api.addConnection(scram({ database: 'postgres', color: 'charts.red' }));
    await api.addConnection(scram({ color: 'charts.blue' }));
    assert.equal(await outcome('scram'), 'succeeded');
    assert.deepEqual(asked, []);
    stub('showInputBox', () => Promise.resolve('its copy'));
    assert.equal(await run('duplicateConnection', 'scram'), 'its copy');
    const questions = answerInputs(undefined);
    assert.equal(await outcome('its copy'), 'succeeded');
    assert.deepEqual(questions, []);
    assert.ok(
      !JSON.stringify(vscode.workspace.getConfiguration('pgBackground').inspect('connections')).includes('S3cret'),
    );
  });

  it('drops the password of a connection whose target code changes', async () => {
    await api.addConnection(scram(), PASSWORD);
    const asked = answerInputs(undefined);
    await api.addConnection(scram({ hostaddr: where.host, host: 'other.name' }));
    assert.match(await outcome('scram'), /^failed: .*password/i);
    assert.match(asked.join(), /^Password of scram_user at other\.name/);
  });

  it('disconnecting closes the sessions; workers keep running, queued jobs wait, and nothing reconnects', async () => {
    await api.addConnection(scram(), PASSWORD);
    await settings('maxConcurrentJobs', 1);
    const running = await api.run({ sql: 'SELECT pg_sleep(600)', connection: 'scram', label: 'runs on' });
    const { pid } = await reaches(api, running.id, 'running');
    const queued = await api.run({ sql: 'SELECT 1', connection: 'scram', label: 'waits' });
    const asked: string[] = [];
    stub('showWarningMessage', (message: string, { detail }: vscode.MessageOptions) => {
      asked.push(message, detail ?? '');
      return Promise.resolve(undefined);
    });
    await run('disconnectConnection', 'scram');
    assert.match(
      asked.join(),
      /“runs on” is still running\. Disconnect anyway\?.*The workers keep running and commit/s,
    );
    assert.ok((await sessions()) > 0, 'the user answered no');

    stub('showWarningMessage', () => Promise.resolve('Disconnect'));
    await run('disconnectConnection', 'scram');
    await reaches(api, running.id, 'detached');
    await eventually(async () => ((await sessions()) === 0 ? true : undefined), 'its sessions to close');
    const find = (id: string) => api.jobs().find((job) => job.id === id)!;
    assert.match(find(queued.id).reason ?? '', /disconnected before the job was launched/);
    // Longer than the interval in which a detached job looks for its connection.
    const looked = Date.now();
    await eventually(() => (Date.now() - looked > 2500 ? true : undefined), 'the time in which it would connect');
    assert.equal(await sessions(), 0);
    assert.equal(find(running.id).state, 'detached');
    assert.equal(find(queued.id).state, 'queued');

    await run('connectConnection', 'scram');
    assert.ok((await sessions()) > 0);
    await sql(`SELECT pg_terminate_backend(${pid!})`);
    await reaches(api, running.id, 'finished');
    assert.equal(find(queued.id).state, 'queued');
    await run('resumeQueuedJobs');
    assert.equal((await api.waitFor(queued.id)).state, 'succeeded');
  });

  it('a launch reconnects a disconnected connection', async () => {
    await api.addConnection(scram(), PASSWORD);
    assert.equal(await outcome('scram'), 'succeeded');
    await run('disconnectConnection', 'scram');
    assert.equal(await outcome('scram'), 'succeeded');
  });

  it('accepts every field through the API, and names an invalid one', async () => {
    const full: Required<ConnectionInfo> = {
      name: 'full',
      host: 'h',
      hostaddr: '127.0.0.1',
      port: 1,
      database: 'd',
      user: 'u',
      sslmode: 'verify-full',
      sslrootcert: 'system',
      sslcrl: '~/crl',
      sslcert: '~/crt',
      sslkey: '~/key',
      sslnegotiation: 'direct',
      sslsni: false,
      sslMinProtocolVersion: 'TLSv1.2',
      sslMaxProtocolVersion: 'TLSv1.3',
      channelBinding: 'require',
      requireAuth: 'scram-sha-256',
      applicationName: 'a',
      searchPath: 's',
      role: 'r',
      options: '-c geqo=off',
      connectTimeoutSeconds: 1,
      keepalives: true,
      keepalivesIdleSeconds: 1,
      targetSessionAttrs: 'any',
      loadBalanceHosts: 'random',
      service: 's',
      serviceFile: '~/s',
      passfile: '~/p',
      color: '#aabbcc',
      production: true,
      durable: true,
      readOnly: true,
      workerSettings: { lock_timeout: '5s' },
      passwordCommand: 'echo secret',
      askPassword: false,
      durableRetentionDays: 0,
      allowCleartextPassword: false,
    };
    await api.addConnection(full);
    const kept = vscode.workspace.getConfiguration('pgBackground').inspect<unknown[]>('connections')?.globalValue;
    assert.deepEqual(kept, [full]);
    const { passwordCommand, ...shown } = full;
    assert.ok(passwordCommand);
    assert.deepEqual(
      api.connections().find(({ name }) => name === 'full'),
      shown,
    );
    await assert.rejects(
      api.addConnection({ name: 'x', sslmode: 'on' } as unknown as ConnectionInfo),
      /“sslmode” is invalid\. Use one of these values: disable/,
    );
    await assert.rejects(
      api.addConnection({ name: 'x', password: 'p' } as unknown as ConnectionInfo),
      /Remove “password”\. Passwords are kept in .*never in settings/,
    );
  });

  describe('of other extensions', () => {
    const asked: string[] = [];
    const changed = new vscode.EventEmitter<void>();
    let connections: ConnectionInfo[];
    let registration: { dispose(): void } | undefined;

    beforeEach(() => {
      asked.length = 0;
      connections = [scram({ name: 'cloud' })];
    });
    afterEach(() => registration?.dispose());

    function register(password: string | undefined): void {
      registration = api.registerConnectionProvider({
        id: 'test.provider',
        label: 'Cloud Tool',
        connections: () => Promise.resolve(connections),
        password: (name) => {
          asked.push(name);
          return Promise.resolve(password);
        },
        onDidChange: changed.event,
      });
    }

    const listed = (): string[] => api.connections().map(({ name }) => name);
    const appears = (name: string): Promise<true> =>
      eventually(() => (listed().includes(name) ? true : undefined), `${name} to be listed`);

    it('are listed with their origin, use the provider’s password, and are not stored', async () => {
      register(PASSWORD);
      await appears('cloud (Cloud Tool)');
      const questions = answerInputs(undefined);
      assert.equal(await outcome('cloud (Cloud Tool)'), 'succeeded');
      // Also by its own name, if the name is unambiguous.
      const job = await api.run({ sql: 'SELECT 1', connection: 'cloud' });
      assert.equal(job.connection, 'cloud (Cloud Tool)');
      assert.equal((await api.waitFor(job.id)).state, 'succeeded');
      assert.ok(asked.length > 0);
      assert.deepEqual([...new Set(asked)], ['cloud']);
      assert.deepEqual(questions, []);
      const inspected = JSON.stringify(vscode.workspace.getConfiguration('pgBackground').inspect('connections'));
      assert.ok(!inspected.includes('cloud'));

      registration?.dispose();
      assert.ok(!listed().includes('cloud (Cloud Tool)'));
      await eventually(async () => ((await sessions()) === 0 ? true : undefined), 'its sessions to close');
    });

    it('follow the provider’s changes, and an invalid one does not hide the others', async () => {
      register(PASSWORD);
      await appears('cloud (Cloud Tool)');
      connections = [{ name: 'bad', port: 'x' }, scram({ name: 'new' })];
      changed.fire();
      await appears('new (Cloud Tool)');
      assert.deepEqual(listed(), ['test', 'new (Cloud Tool)']);
    });

    it('ask for the password if the provider does not know it', async () => {
      register(undefined);
      await appears('cloud (Cloud Tool)');
      const questions = answerInputs(PASSWORD);
      assert.equal(await outcome('cloud (Cloud Tool)'), 'succeeded');
      assert.equal(questions.length, 1);
    });

    it('cannot be changed by this extension', async () => {
      register(PASSWORD);
      await appears('cloud (Cloud Tool)');
      await assert.rejects(api.addConnection(scram({ name: 'cloud (Cloud Tool)' })), /comes from Cloud Tool/);
    });

    it('rejects an invalid provider with the reason', () => {
      const given = (provider: unknown): void => {
        registration = api.registerConnectionProvider(provider as Parameters<typeof api.registerConnectionProvider>[0]);
      };
      const connections = (): ConnectionInfo[] => [];
      assert.throws(() => given(undefined), /registerConnectionProvider: the provider must be an object/);
      assert.throws(() => given({ connections }), /must be an object with an "id"/);
      assert.throws(() => given({ id: 'x' }), /an "id" and "connections"/);
      assert.throws(() => given({ id: 'x', connections, password: 'p' }), /"password" must be a function/);
      register(PASSWORD);
      assert.throws(
        () => given({ id: 'test.provider', connections }),
        /with the id "test\.provider" is already registered/,
      );
    });
  });
});
