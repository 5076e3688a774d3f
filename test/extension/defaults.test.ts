import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { ConnectionInfo, JobInfo, PgBackgroundApi } from '../../src/api';
import { closeAll, cursorAt, eventually, launchedBy, open } from './editorSupport';
import { activate, databaseUrl } from './support';

/** The address of the test database. */
type Place = Omit<ConnectionInfo, 'name'>;

describe('which connection a run uses', () => {
  let api: PgBackgroundApi;
  let where: Place;
  const restores: (() => void)[] = [];
  /** The shown pick lists with their labels, and the shown messages. */
  let asked: { readonly placeHolder: string; readonly labels: readonly string[] }[];
  let messages: string[];
  let answer: (labels: readonly string[]) => string | undefined;

  before(async () => {
    api = await activate();
    const url = new URL(databaseUrl());
    where = { host: url.hostname, port: Number(url.port), database: url.pathname.slice(1), user: url.username };
  });
  beforeEach(() => {
    asked = [];
    messages = [];
    answer = () => undefined;
    stub('showQuickPick', (items: readonly vscode.QuickPickItem[], { placeHolder = '' }: vscode.QuickPickOptions) => {
      const choices = items.filter(({ kind }) => kind !== vscode.QuickPickItemKind.Separator);
      asked.push({ placeHolder, labels: choices.map(({ label }) => label) });
      const chosen = answer(choices.map(({ label }) => label));
      return Promise.resolve(choices.find(({ label }) => label === chosen));
    });
    stub('showInformationMessage', (message: string, _options: unknown, ...buttons: unknown[]) => {
      messages.push([message, ...buttons].filter((part) => typeof part === 'string').join(' | '));
      return Promise.resolve(undefined);
    });
  });
  afterEach(async () => {
    for (const restore of restores.splice(0)) restore();
    await settings('connections', undefined);
    await settings('defaultConnection', undefined);
    await settings('defaultConnection', undefined, vscode.ConfigurationTarget.Workspace);
    await closeAll();
  });

  function stub(name: 'showQuickPick' | 'showInformationMessage' | 'showWarningMessage', replacement: unknown): void {
    const original = vscode.window[name];
    const put = (value: unknown): unknown =>
      Object.defineProperty(vscode.window, name, { value, configurable: true, writable: true });
    put(replacement);
    restores.push(() => put(original));
  }
  async function settings(
    name: string,
    value: unknown,
    target: vscode.ConfigurationTarget = vscode.ConfigurationTarget.Global,
  ): Promise<void> {
    await vscode.workspace.getConfiguration('pgBackground').update(name, value, target);
  }
  const run = (command: string, ...rest: unknown[]): Thenable<unknown> =>
    vscode.commands.executeCommand(`pgBackground.${command}`, ...rest);
  const named = (name: string): ConnectionInfo => ({ name, ...where });
  const inSettings = (): unknown[] => {
    const inspected = vscode.workspace.getConfiguration('pgBackground').inspect('defaultConnection');
    return [inspected?.globalValue, inspected?.workspaceValue];
  };
  async function launch(): Promise<JobInfo> {
    const [job] = await launchedBy(api, 'pgBackground.runInBackground');
    assert.ok(job, 'nothing was launched');
    return job;
  }

  it('the first connection stays the default when others are added; code has to name one', async () => {
    await api.addConnection(named('second'));
    await api.addConnection(named('third'));
    cursorAt(await open('SELECT 1;\n'), 'SELECT');
    assert.equal((await launch()).connection, 'test');
    assert.deepEqual(asked, []);
    assert.deepEqual(inSettings(), [undefined, undefined]);
    await assert.rejects(api.run({ sql: 'SELECT 1' }), /There are several connections/);
  });

  it('if the default does not exist, the user is asked once per file; nothing is guessed', async () => {
    await api.addConnection(named('second'));
    await settings('defaultConnection', 'gone');
    cursorAt(await open('SELECT 1;\n'), 'SELECT');
    assert.deepEqual(
      await launchedBy(api, 'pgBackground.runInBackground'),
      [],
      'nothing is launched without an answer',
    );
    assert.match(
      asked[0]?.placeHolder ?? '',
      /“gone” does not exist\. Connection to run on\. It is remembered for .*\.sql/,
    );
    answer = () => 'second';
    assert.equal((await launch()).connection, 'second');
    assert.equal(asked.length, 2);
    cursorAt(vscode.window.activeTextEditor!, '1');
    await eventually(
      async () => ((await launchedBy(api, 'pgBackground.runEachStatementInBackground')).length > 0 ? true : undefined),
      'the second launch',
    );
    assert.equal(asked.length, 2, 'the answer is remembered for this file');
    cursorAt(await open('SELECT 2;\n'), 'SELECT');
    assert.equal((await launch()).connection, 'second');
    assert.equal(asked.length, 3, 'another file');
    assert.deepEqual(inSettings(), ['gone', undefined]);
  });

  it('“Always” in the same question makes the answer the workspace’s default, and shows a message', async () => {
    await api.addConnection(named('second'));
    await settings('defaultConnection', 'gone');
    cursorAt(await open('SELECT 1;\n'), 'SELECT');
    answer = (labels) => labels.find((label) => /^Always use “second” in this workspace$/.test(label));
    assert.equal((await launch()).connection, 'second');
    assert.deepEqual(inSettings(), ['gone', 'second']);
    assert.deepEqual(messages, ['“second” is now the default in this workspace’s settings. | Open Settings']);
    cursorAt(await open('SELECT 2;\n'), 'SELECT');
    assert.equal((await launch()).connection, 'second');
    assert.equal(asked.length, 1);
  });

  it('a file whose connection was removed asks again', async () => {
    await api.addConnection(named('second'));
    cursorAt(await open('SELECT 1;\n'), 'SELECT');
    await run('useConnectionForFile', 'second');
    assert.equal((await launch()).connection, 'second');
    await settings('connections', undefined);
    await eventually(() => (api.connections().length === 1 ? true : undefined), 'the connection to be gone');
    cursorAt(vscode.window.activeTextEditor!, '1');
    answer = () => 'test';
    await eventually(
      async () => ((await launchedBy(api, 'pgBackground.runFileInBackground')).length > 0 ? true : undefined),
      'a launch',
    );
    assert.match(asked[0]?.placeHolder ?? '', /“second” does not exist/);
  });

  it('the workspace’s default takes precedence over the user’s; each message shows where it was written', async () => {
    await api.addConnection(named('second'));
    await run('setDefaultConnection', 'second');
    assert.equal((await api.run({ sql: 'SELECT 1' })).connection, 'second');
    await run('useConnectionForWorkspace', 'test');
    assert.equal((await api.run({ sql: 'SELECT 1' })).connection, 'test');
    assert.deepEqual(inSettings(), ['second', 'test']);
    await run('setDefaultConnection', 'second');
    assert.deepEqual(messages, [
      '“second” is now the default in your user settings. | Open Settings',
      '“test” is now the default in this workspace’s settings. | Open Settings',
      '“second” is now the default in your user settings. In this workspace, its own settings take precedence: “test” is the default. | Use “second” Here Too | Open Settings',
    ]);
    assert.deepEqual(asked, []);
  });

  it('Set as Default Connection… asks where a user’s connection becomes the default; a workspace’s can only be its own', async () => {
    await api.addConnection(named('second'));
    const answers = ['second', 'Workspace Settings'];
    answer = () => answers.shift();
    await run('setDefaultConnection');
    assert.deepEqual(asked[1], {
      placeHolder: 'Settings in which to make “second” the default',
      labels: ['Workspace Settings', 'User Settings'],
    });
    assert.deepEqual(inSettings(), [undefined, 'second']);
    answers.push('test');
    await run('setDefaultConnection');
    assert.deepEqual([asked.length, inSettings()], [3, [undefined, 'test']]);
  });

  it('removing the default connection makes the first one the default again', async () => {
    await api.addConnection(named('second'));
    await run('setDefaultConnection', 'second');
    await run('useConnectionForWorkspace', 'second');
    stub('showWarningMessage', () => Promise.resolve('Remove'));
    await run('removeConnection', 'second');
    assert.deepEqual(inSettings(), [undefined, undefined]);
    cursorAt(await open('SELECT 1;\n'), 'SELECT');
    assert.equal((await launch()).connection, 'test');
    assert.deepEqual(asked, []);
  });

  it('the connection can be set for the active file', async () => {
    await api.addConnection(named('second'));
    cursorAt(await open('SELECT 1;\n'), 'SELECT');
    await run('useConnectionForFile', 'second');
    assert.equal((await launch()).connection, 'second');
    assert.deepEqual(inSettings(), [undefined, undefined]);
  });
});
