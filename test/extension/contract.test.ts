import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { activate, EXTENSION_ID } from './support';

/** The public contract (docs/internals/design.md): what other code may rely on. */
const COMMANDS = [
  'runInBackground',
  'runInBackgroundWithOptions',
  'cancelJob',
  'cancelAllJobs',
  'cancelJobsByLabel',
  'detachJob',
  'rerunJob',
  'showResults',
  'showJobDetails',
  'copyPid',
  'copySql',
  'clearFinishedJobs',
  'showJobs',
  'addConnection',
  'editConnection',
  'removeConnection',
  'testConnection',
  'setUpDurableJobs',
  'removeDurableJobs',
  'purgeDurableJobs',
  'scheduleSql',
  'showScheduledRuns',
  'refresh',
].map((name) => `pgBackground.${name}`);

interface Manifest {
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly category?: string }[];
    readonly configuration: { readonly properties: Record<string, unknown> };
  };
}

describe('public contract', () => {
  it('contributes and registers every command, with its category', async () => {
    await activate();
    const registered = await vscode.commands.getCommands(true);
    const manifest = vscode.extensions.getExtension(EXTENSION_ID)!.packageJSON as Manifest;
    const contributed = manifest.contributes.commands;
    for (const id of COMMANDS) {
      assert.ok(registered.includes(id), `${id} is registered`);
      assert.equal(contributed.find(({ command }) => command === id)?.category, 'pg_background', id);
    }
    for (const { command } of contributed) assert.ok(registered.includes(command), `${command} is registered`);
  });

  it('has every member of the API', async () => {
    const api = await activate();
    for (const member of [
      'run',
      'runBatch',
      'jobs',
      'onDidChangeJob',
      'cancel',
      'waitFor',
      'rows',
      'notices',
      'activity',
      'addConnection',
      'connections',
      'workers',
      'setUpDurableJobs',
    ] as const) {
      assert.equal(typeof api[member], 'function', member);
    }
  });
});

describe('connections in settings', () => {
  it('include a connection added through the API, without its password', async () => {
    const api = await activate();
    await api.addConnection({ name: 'added', host: '127.0.0.1', port: 5999, database: 'd', user: 'u' }, 'p4ss-w0rd');
    try {
      assert.ok(api.connections().some(({ name }) => name === 'added'));
      const inspected = vscode.workspace.getConfiguration('pgBackground').inspect('connections');
      assert.ok(JSON.stringify(inspected).includes('"added"'));
      assert.ok(!JSON.stringify(inspected).includes('p4ss-w0rd'));
    } finally {
      const configuration = vscode.workspace.getConfiguration('pgBackground');
      await configuration.update('connections', undefined, vscode.ConfigurationTarget.Global);
      await configuration.update(
        'connections',
        (configuration.inspect<{ name: string }[]>('connections')?.workspaceValue ?? []).filter(
          ({ name }) => name !== 'added',
        ),
        vscode.ConfigurationTarget.Workspace,
      );
    }
  });

  it('are listed even if another one is invalid', async () => {
    const api = await activate();
    const configuration = vscode.workspace.getConfiguration('pgBackground');
    const before = configuration.inspect<unknown[]>('connections')?.workspaceValue ?? [];
    await configuration.update(
      'connections',
      [...before, { name: 'broken', port: 'not a port' }],
      vscode.ConfigurationTarget.Workspace,
    );
    try {
      assert.deepEqual(
        api.connections().map(({ name }) => name),
        ['test'],
      );
    } finally {
      await configuration.update('connections', before, vscode.ConfigurationTarget.Workspace);
    }
  });
});
