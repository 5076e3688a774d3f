import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { ConnectionInfo, PgBackgroundApi } from '../../src/api';
import { makeScramUser, PASSWORD } from './scramUser';
import { activate, databaseUrl } from './support';

/** A trusted workspace has a connection that would use a secret of the user. */
describe('the user’s own secrets in VS Code', () => {
  const { window } = vscode;
  const configuration = () => vscode.workspace.getConfiguration('pgBackground');
  let api: PgBackgroundApi;
  let others: unknown[];
  let folder: string;
  let trap: string;
  let theirs: ConnectionInfo;
  let modals: string[];
  let inputs: string[];
  let errors: string[];
  let answer: string | undefined;
  const restores: (() => void)[] = [];

  before(async () => {
    api = await activate();
    await makeScramUser();
  });

  beforeEach(async () => {
    others = configuration().inspect<unknown[]>('connections')?.workspaceValue ?? [];
    folder = await mkdtemp(join(tmpdir(), 'pgbg-approval-'));
    trap = join(folder, 'ran');
    await writeFile(join(folder, 'secret'), PASSWORD);
    const { hostname, port, pathname } = new URL(databaseUrl());
    theirs = {
      // A new name each time, because approvals are remembered.
      name: `theirs ${folder}`,
      host: hostname,
      port: Number(port),
      database: pathname.slice(1),
      user: 'scram_user',
      sslmode: 'disable',
      passwordCommand: `touch ${trap}; cat ${join(folder, 'secret')}`,
    };
    await put(theirs);
    modals = [];
    inputs = [];
    errors = [];
    stub('showErrorMessage', (message: string) => {
      errors.push(message);
      return Promise.resolve(undefined);
    });
    answer = undefined;
    stub('showWarningMessage', (message: string, { modal, detail }: vscode.MessageOptions = {}) => {
      if (modal === true) modals.push(`${message}\n${detail ?? ''}`);
      return Promise.resolve(modal === true ? answer : undefined);
    });
    stub('showInputBox', ({ prompt }: vscode.InputBoxOptions) => {
      inputs.push(prompt ?? '');
      return Promise.resolve(undefined);
    });
  });
  afterEach(async () => {
    for (const restore of restores.splice(0)) restore();
    await configuration().update('connections', others, vscode.ConfigurationTarget.Workspace);
    await rm(folder, { recursive: true });
  });

  async function put(connection: ConnectionInfo): Promise<void> {
    await configuration().update('connections', [...others, connection], vscode.ConfigurationTarget.Workspace);
  }

  function stub(name: 'showInputBox' | 'showWarningMessage' | 'showErrorMessage', replacement: unknown): void {
    const original = window[name];
    Object.defineProperty(window, name, { value: replacement, configurable: true, writable: true });
    restores.push(() => Object.defineProperty(window, name, { value: original, configurable: true, writable: true }));
  }

  const connect = (): Thenable<unknown> =>
    vscode.commands.executeCommand('pgBackground.connectConnection', theirs.name);

  async function outcome(): Promise<string> {
    const { id } = await api.run({ sql: 'SELECT session_user', connection: theirs.name });
    const { state, error } = await api.waitFor(id);
    return state === 'succeeded' ? state : `${state}: ${error?.message ?? ''}`;
  }

  it('are not used by code, which cannot ask; the job’s error explains how to allow it', async () => {
    assert.match(await outcome(), /^failed: .*needs one of your own passwords.*Run “pg_background: Connect”/);
    assert.deepEqual([modals, inputs, existsSync(trap)], [[], [], false]);
  });

  it('are not used if the user does not allow it', async () => {
    await connect();
    assert.match(errors.join(), /did not allow this connection to use your own passwords/);
    assert.equal(existsSync(trap), false);
    const [modal = ''] = modals;
    assert.equal(modals.length, 1);
    assert.match(modal, /Use your own passwords for the workspace’s connection/);
    for (const part of [`${theirs.host!}:${theirs.port!}`, 'scram_user', 'sslmode disable', theirs.passwordCommand!]) {
      assert.ok(modal.includes(part), part);
    }
    assert.ok(!modal.includes(PASSWORD));
    // Activity in the background does not ask again.
    assert.match(await outcome(), /^failed: /);
    assert.equal(modals.length, 1);
  });

  it('are used after the user allowed it, until the connection changes', async () => {
    answer = 'Allow';
    await connect();
    assert.equal(existsSync(trap), true);
    assert.equal(await outcome(), 'succeeded');
    await vscode.commands.executeCommand('pgBackground.disconnectConnection', theirs.name);
    assert.equal(await outcome(), 'succeeded');
    assert.equal(modals.length, 1);

    await put({ ...theirs, host: 'localhost' });
    assert.match(await outcome(), /^failed: .*needs one of your own passwords/);
    await put({ ...theirs, passwordCommand: `${theirs.passwordCommand!} ` });
    assert.match(await outcome(), /^failed: .*needs one of your own passwords/);
    assert.equal(modals.length, 1);
  });

  it('are not sent in clear text if only a workspace allows it', async () => {
    await put({ ...theirs, allowCleartextPassword: true, hostaddr: '10.6.6.6' });
    const shown = api.connections().find(({ name }) => name === theirs.name)!;
    assert.deepEqual([shown.allowCleartextPassword, shown.hostaddr], [undefined, undefined]);
  });
});
