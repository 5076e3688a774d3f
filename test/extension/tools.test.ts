import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { ConnectionInfo, PgBackgroundApi } from '../../src/api';
import { eventually } from './editorSupport';
import { Stubs } from './stubs';
import { activate, databaseUrl, reaches, sql } from './support';

interface Dialog {
  readonly message: string;
  readonly detail: string;
  readonly buttons: readonly string[];
}

interface Answer {
  readonly id: string;
  readonly state: string;
  readonly readOnly: boolean;
  readonly connection: string;
  readonly label: string;
  readonly launchedBy: string;
  readonly ended: boolean;
  readonly result: string;
  readonly total: number;
  readonly nextOffset: number;
  readonly rows: readonly (readonly (string | null)[])[];
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly cut: readonly { readonly row: number; readonly column: number; readonly length: number }[];
  readonly commentsWithoutEffect: readonly string[];
  readonly error: { readonly sqlstate: string; readonly message: string };
  readonly messages: readonly { readonly severity: string; readonly message: string }[];
  readonly connections: readonly { readonly name: string; readonly production?: boolean; readonly default?: boolean }[];
  readonly jobs: readonly { readonly id: string; readonly launchedBy: string; readonly state: string }[];
}

describe('the tools for language models in VS Code', () => {
  const stubs = new Stubs();
  const configuration = () => vscode.workspace.getConfiguration('pgBackground');
  let api: PgBackgroundApi;
  let others: unknown[];
  let dialogs: Dialog[];
  /** The buttons that the user presses, in order. */
  let presses: string[];

  before(async () => {
    api = await activate();
    await sql('CREATE TABLE IF NOT EXISTS tool_writes (a int); TRUNCATE tool_writes');
    await sql(`CREATE OR REPLACE FUNCTION tool_write() RETURNS int LANGUAGE sql VOLATILE AS
      'INSERT INTO tool_writes VALUES (1) RETURNING a'`);
  });

  beforeEach(async () => {
    others = configuration().inspect<unknown[]>('connections')?.workspaceValue ?? [];
    const { hostname, port, pathname, username } = new URL(databaseUrl());
    const production: ConnectionInfo = {
      name: 'tool production',
      host: hostname,
      port: Number(port),
      database: pathname.slice(1),
      user: username,
      production: true,
    };
    await configuration().update('connections', [...others, production], vscode.ConfigurationTarget.Workspace);
    dialogs = [];
    presses = [];
    stubs.stub(vscode.window, 'showWarningMessage', (message: string, ...rest: unknown[]) => {
      const [{ detail = '' }, ...items] = rest as [vscode.MessageOptions, ...(string | vscode.MessageItem)[]];
      const titles = items.map((item) => (typeof item === 'string' ? item : item.title));
      dialogs.push({ message, detail, buttons: titles });
      const pressed = titles.indexOf(presses.shift() ?? '');
      return Promise.resolve(pressed < 0 ? undefined : items[pressed]);
    });
  });

  afterEach(async () => {
    stubs.restore();
    await configuration().update('connections', others, vscode.ConfigurationTarget.Workspace);
    await configuration().update('languageModelTools.enabled', undefined, vscode.ConfigurationTarget.Global);
    await configuration().update('languageModelTools.allowWrites', undefined, vscode.ConfigurationTarget.Global);
  });

  async function invoke(
    name: string,
    input: object,
    more: Partial<vscode.LanguageModelToolInvocationOptions<object>> = {},
    token?: vscode.CancellationToken,
  ): Promise<Answer> {
    const options = { input, toolInvocationToken: undefined, ...more };
    const { content } = await vscode.lm.invokeTool(`pgbackground_${name}`, options, token);
    assert.equal(content.length, 1);
    const [part] = content;
    assert.ok(part instanceof vscode.LanguageModelTextPart);
    return JSON.parse(part.value) as Answer;
  }

  const run = (text: string, more: object = {}): Promise<Answer> =>
    invoke('run', { sql: text, connection: 'test', ...more });

  const ownTools = () => vscode.lm.tools.filter(({ name }) => name.startsWith('pgbackground_'));

  it('are offered with their schemas, and list connections by name', async () => {
    await eventually(() => (ownTools().length === 5 ? true : undefined), 'the tools are offered');
    for (const { inputSchema } of ownTools()) assert.ok(inputSchema);
    const { connections } = await invoke('list', {});
    assert.deepEqual(
      connections.find(({ name }) => name === 'tool production'),
      {
        name: 'tool production',
        production: true,
      },
    );
    assert.ok(!JSON.stringify(connections).includes(new URL(databaseUrl()).hostname));
  });

  it('run SQL read-only as a job that is listed and marked, and return its rows', async () => {
    const launched = await run(
      `-- label: from the comment\n-- durable: yes\n-- into: tool_copy\n-- read-only: no\n-- set: work_mem = 1GB
      SELECT n, NULL AS nothing, current_setting('transaction_read_only') AS read_only, current_setting('work_mem') <> '1GB'
      FROM generate_series(1, 250) n`,
    );
    assert.deepEqual(launched, {
      id: launched.id,
      state: launched.state,
      label: 'from the comment',
      connection: 'test',
      readOnly: true,
      commentsWithoutEffect: ['set', 'read-only', 'into', 'durable'],
    });
    const job = api.jobs().find(({ id }) => id === launched.id)!;
    assert.deepEqual([job.launchedBy, job.durable, job.label], ['tool', false, 'from the comment']);
    const status = await invoke('status', { id: launched.id });
    assert.deepEqual([status.state, status.ended, status.launchedBy], ['succeeded', true, 'tool']);

    const page = await invoke('rows', { id: launched.id, offset: 200, limit: 40 });
    assert.deepEqual(page.columns[0], { name: 'n', type: 'integer' });
    assert.deepEqual(page.rows[0], ['201', null, 'on', 't']);
    assert.deepEqual([page.rows.length, page.total, page.nextOffset], [40, 250, 240]);
    const { jobs } = await invoke('list', {});
    assert.deepEqual([jobs[0]?.id, jobs[0]?.launchedBy, jobs[0]?.state], [launched.id, 'tool', 'succeeded']);
    assert.deepEqual(dialogs, []);
  });

  it('cut rows to the tokens that the caller accepts', async () => {
    const { id } = await run("SELECT n, repeat('x', 3000) FROM generate_series(1, 100) n");
    await invoke('status', { id });
    const whole = await invoke('rows', { id, limit: 100 });
    assert.ok(whole.rows.length > 5 && whole.rows.length < 100, String(whole.rows.length));
    assert.deepEqual(whole.cut[0], { row: 0, column: 1, length: 3000 });
    const countTokens = (text: string): Promise<number> => Promise.resolve(text.length / 4);
    const few = await invoke('rows', { id, limit: 100 }, { tokenizationOptions: { tokenBudget: 700, countTokens } });
    assert.ok(JSON.stringify(few).length / 4 <= 700);
    assert.deepEqual([few.rows.length, few.nextOffset, few.total], [2, 2, 100]);
  });

  it('refuse SQL that does not clearly read, and launch nothing', async () => {
    const before = api.jobs().length;
    for (const text of [
      'INSERT INTO tool_writes VALUES (1)',
      'SET transaction_read_only = off; SELECT tool_write()',
      "SELECT set_config('transaction_read_only', 'off', false)",
      "SELECT pg_background_launch_v2('INSERT INTO tool_writes VALUES (1)')",
    ]) {
      await assert.rejects(run(text), /may only run SQL that clearly reads.*allowWrites/);
    }
    await assert.rejects(run('BEGIN READ WRITE'), /BEGIN/);
    assert.deepEqual([api.jobs().length, dialogs], [before, []]);
  });

  it('leave the rest to the server: a query that calls a function that writes fails', async () => {
    const { id } = await run('SELECT tool_write()');
    const { state, error } = await invoke('status', { id });
    assert.deepEqual([state, error.sqlstate], ['failed', '25006']);
    assert.deepEqual(await sql('SELECT * FROM tool_writes'), []);
  });

  it('run writes only with the setting, and only after a dialog with the SQL and the target', async () => {
    await configuration().update('languageModelTools.allowWrites', true, vscode.ConfigurationTarget.Global);
    const before = api.jobs().length;
    const write = 'INSERT INTO tool_writes VALUES (2); DELETE FROM tool_writes WHERE a = 3';
    await assert.rejects(run(write), /The user declined/);
    assert.equal(api.jobs().length, before);
    presses = ['Run'];
    const { id, readOnly } = await run(write, { label: 'a write' });
    assert.equal(readOnly, false);
    assert.equal((await invoke('status', { id })).state, 'succeeded');
    assert.deepEqual(await sql('DELETE FROM tool_writes RETURNING a'), [[2]]);
    assert.equal(dialogs.length, 2);
    const [, { message, detail, buttons } = { message: '', detail: '', buttons: [] }] = dialogs;
    assert.match(message, /may change data on the connection “test”/);
    for (const part of ['Connection: test', 'Label: a write', new URL(databaseUrl()).hostname, write]) {
      assert.ok(detail.includes(part), `${part}: ${detail}`);
    }
    assert.deepEqual(buttons, ['Run']);
    // A query still runs read-only, without a dialog.
    assert.equal((await run('SELECT 1')).readOnly, true);
    assert.equal(dialogs.length, 2);
  });

  it('show SQL that is too long for a dialog before it can be run', async () => {
    await configuration().update('languageModelTools.allowWrites', true, vscode.ConfigurationTarget.Global);
    const long = `${'-- a comment\n'.repeat(100)}DELETE FROM tool_writes WHERE a = 4`;
    let shown: string | undefined;
    presses = ['Show All of the SQL', 'Run'];
    const listener = vscode.window.onDidChangeActiveTextEditor(
      (editor) => (shown = editor?.document.getText() ?? shown),
    );
    const { id } = await run(long);
    listener.dispose();
    assert.equal(shown, long);
    assert.equal((await invoke('status', { id })).state, 'succeeded');
    assert.deepEqual(
      dialogs.map(({ buttons }) => buttons),
      [['Show All of the SQL'], ['Run', 'Don’t Run']],
    );
  });

  it('ask each time before they query a production connection', async () => {
    const connection = 'tool production';
    const before = api.jobs().length;
    await assert.rejects(run('SELECT 1', { connection }), /The user declined/);
    // The effective connection counts, also if a comment names it.
    await assert.rejects(invoke('run', { sql: `-- connection: ${connection}\nSELECT 1` }), /The user declined/);
    assert.equal(api.jobs().length, before);
    presses = ['Run', 'Run'];
    for (const text of ['SELECT 1', 'SELECT 2']) {
      const { id, readOnly } = await run(text, { connection });
      assert.equal(readOnly, true);
      assert.equal((await invoke('status', { id })).state, 'succeeded');
      await invoke('rows', { id });
    }
    assert.deepEqual(
      dialogs.map(({ message }) => /query the production connection “tool production”/.test(message)),
      [true, true, true, true],
    );
  });

  it('name the connections if the request does not name one that exists', async () => {
    await assert.rejects(run('SELECT 1', { connection: 'nowhere' }), /no connection “nowhere”.*tool production/);
    await assert.rejects(
      invoke('run', { sql: 'SELECT 1', durable: true }),
      /no field “durable”.*sql, connection, label/,
    );
  });

  it('ask before they cancel a job that the user launched, and cancel their own without a question', async () => {
    const { id } = await api.run({ sql: 'SELECT pg_sleep(600)', connection: 'test' });
    await reaches(api, id, 'running');
    await assert.rejects(invoke('cancel', { id }), /The user declined/);
    assert.equal(api.jobs().find((job) => job.id === id)?.state, 'running');
    presses = ['Cancel Job'];
    assert.deepEqual(await invoke('cancel', { id }), { id, result: 'stopped', state: 'canceled' });
    assert.equal(dialogs.length, 2);

    const own = await run('SELECT pg_sleep(600)');
    await reaches(api, own.id, 'running');
    assert.equal((await invoke('status', { id: own.id, waitSeconds: 0 })).ended, false);
    assert.equal((await invoke('cancel', { id: own.id })).state, 'canceled');
    assert.equal((await invoke('cancel', { id: own.id })).result, 'alreadyEnded');
    assert.equal(dialogs.length, 2);
  });

  it('ask once before they read a job that the user launched on a production connection', async () => {
    const { id } = await api.run({ sql: 'SELECT 42 AS secret', connection: 'tool production' });
    await api.waitFor(id);
    await assert.rejects(invoke('rows', { id }), /The user declined/);
    await assert.rejects(invoke('status', { id }), /The user declined/);
    presses = ['Allow'];
    assert.deepEqual((await invoke('rows', { id })).rows, [['42']]);
    assert.equal((await invoke('status', { id })).state, 'succeeded');
    assert.equal(dialogs.length, 3);
  });

  it('stop waiting when the caller cancels, without an effect on the job', async () => {
    const { id } = await run('SELECT pg_sleep(600)');
    await reaches(api, id, 'running');
    const source = new vscode.CancellationTokenSource();
    const status = invoke('status', { id }, {}, source.token);
    source.cancel();
    await assert.rejects(status);
    assert.equal(api.jobs().find((job) => job.id === id)?.state, 'running');
    await api.cancel(id);
  });

  it('do nothing if they are turned off or the workspace is not trusted', async () => {
    const before = api.jobs().length;
    const { id } = await api.run({ sql: 'SELECT 1', connection: 'test' });
    await api.waitFor(id);
    const calls = (): [string, object][] => [
      ['run', { sql: 'SELECT 1', connection: 'test' }],
      ['status', { id }],
      ['rows', { id }],
      ['cancel', { id }],
      ['list', {}],
    ];
    const contexts: unknown[] = [];
    const { executeCommand } = vscode.commands;
    stubs.stub(vscode.commands, 'executeCommand', (command: string, ...rest: unknown[]) => {
      if (rest[0] === 'pgBackground.hasTools') contexts.push(rest[1]);
      return executeCommand(command, ...rest);
    });
    const offers = (offer: boolean): Promise<true> =>
      eventually(() => (contexts.at(-1) === offer ? true : undefined), `the tools are offered: ${offer}`);
    await configuration().update('languageModelTools.enabled', false, vscode.ConfigurationTarget.Global);
    await offers(false);
    for (const [name, input] of calls()) await assert.rejects(invoke(name, input), /turned off/, name);
    await configuration().update('languageModelTools.enabled', undefined, vscode.ConfigurationTarget.Global);
    await offers(true);
    stubs.stub(vscode.workspace, 'isTrusted', false);
    for (const [name, input] of calls()) await assert.rejects(invoke(name, input), /not trusted/, name);
    assert.equal(api.jobs().length, before + 1);
  });
});
