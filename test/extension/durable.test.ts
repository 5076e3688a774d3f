import assert from 'node:assert/strict';
import { Client } from 'pg';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from '../../src/api';
import { setUp } from '../../src/core/postgres/durable/setup';
import { withGate } from '../gate';
import { Dialogs } from './durableSupport';
import { eventually } from './editorSupport';
import { activate, databaseUrl, openSql, reaches, sql } from './support';

const DATABASE = 'durable_jobs_test';

describe('durable jobs', () => {
  let api: PgBackgroundApi;
  let url: URL;

  before(async () => {
    api = await activate();
    await sql(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`);
    await sql(`CREATE DATABASE ${DATABASE}`);
    url = new URL(databaseUrl());
    url.pathname = `/${DATABASE}`;
    const target = { host: url.hostname, port: Number(url.port), database: DATABASE, user: url.username };
    await api.addConnection({ name: 'durable', ...target });
    await inDatabase(async (client) => {
      await client.query('CREATE EXTENSION pg_background');
    });
  });
  after(async () => {
    await vscode.commands.executeCommand('pgBackground.clearFinishedJobs');
    await vscode.commands.executeCommand('pgBackground.disconnectConnection', 'durable');
    const configuration = vscode.workspace.getConfiguration('pgBackground');
    const own = configuration.inspect<{ name: string }[]>('connections')?.globalValue ?? [];
    const others = own.filter(({ name }) => name !== 'durable');
    await configuration.update(
      'connections',
      others.length > 0 ? others : undefined,
      vscode.ConfigurationTarget.Global,
    );
    await sql(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`);
  });

  async function inDatabase(use: (client: Client) => Promise<void>): Promise<void> {
    const client = new Client({ connectionString: url.href });
    await client.connect();
    try {
      await use(client);
    } finally {
      await client.end();
    }
  }

  it('are refused without the setup, with a sentence that names it, and nothing is listed', async () => {
    const before = api.jobs().length;
    await assert.rejects(
      api.run({ sql: 'SELECT 1', connection: 'durable', durable: true }),
      /not set up in the database “durable_jobs_test”\. Run “Set Up Durable Jobs…”/,
    );
    assert.equal(api.jobs().length, before);
  });

  it('offer the setup to the user who launches one from an editor', async () => {
    const editor = await openSql('-- connection: durable\n-- durable: yes\nSELECT 1;\n');
    editor.selection = new vscode.Selection(2, 0, 2, 0);
    const dialogs = new Dialogs();
    try {
      await vscode.commands.executeCommand('pgBackground.runInBackground');
    } finally {
      dialogs.restore();
    }
    const [error] = dialogs.errors;
    assert.match(error?.message ?? '', /not set up/);
    assert.deepEqual(error?.buttons, ['Set Up Durable Jobs…']);
  });

  describe('after the setup', () => {
    before(() => inDatabase(setUp));

    it('run, wait, and rows work as for other jobs, and the origin is the server', async () => {
      const { id } = await api.run({ sql: "SELECT 1 AS a, NULL AS b, 'x' AS c", connection: 'durable', durable: true });
      const job = await api.waitFor(id);
      assert.deepEqual(
        [job.state, job.durable, job.origin, job.rowCount, job.connection],
        ['succeeded', true, 'server', 1, 'durable'],
      );
      const page = await api.rows(id, 0, 10);
      assert.deepEqual(
        [page.columns.map(({ name, type }) => `${name} ${type}`), page.rows],
        [['a integer', 'b text', 'c text'], [['1', null, 'x']]],
      );
      assert.deepEqual(api.notices(id), []);
      assert.ok(api.jobs().some((listed) => listed.id === id));
      const other = await api.run({ sql: 'SELECT 1', connection: 'durable' });
      assert.deepEqual([other.durable, other.origin], [false, 'thisWindow']);
      await api.waitFor(other.id);
    });

    it('are canceled', async () => {
      const { id } = await api.run({ sql: 'SELECT pg_sleep(600)', connection: 'durable', durable: true });
      await reaches(api, id, 'running');
      assert.equal(await api.cancel(id), 'stopped');
      assert.equal((await api.waitFor(id)).state, 'canceled');
    });

    it('show every state to listeners', async () => {
      const states: string[] = [];
      const listener = api.onDidChangeJob((job) => {
        if (job.durable && job.label === 'states' && states.at(-1) !== job.state) states.push(job.state);
      });
      await withGate({ connectionString: url.href }, async (gate) => {
        const request = { sql: `SELECT ${gate.wait}`, label: 'states', connection: 'durable', durable: true };
        const { id } = await api.run(request);
        await reaches(api, id, 'running');
        await gate.open();
        await api.waitFor(id);
      });
      listener.dispose();
      assert.deepEqual(states.slice(-2), ['running', 'succeeded']);
    });

    it('are chosen with a comment in the SQL', async () => {
      await openSql('-- connection: durable\n-- durable: yes\nSELECT 1;\n');
      const id = await vscode.commands.executeCommand<string>('pgBackground.runInBackground');
      assert.equal((await api.waitFor(id)).durable, true);
    });

    it('are chosen for a connection, which a comment overrides', async () => {
      const known = api.connections().find(({ name }) => name === 'durable')!;
      await api.addConnection({ ...known, durable: true });
      await eventually(
        () => api.connections().find(({ name, durable }) => name === 'durable' && durable === true),
        'the connection is changed',
      );
      const { id } = await api.run({ sql: 'SELECT 1', connection: 'durable' });
      assert.equal((await api.waitFor(id)).durable, true);
      await openSql('-- connection: durable\n-- durable: no\nSELECT 1;\n');
      const other = await vscode.commands.executeCommand<string>('pgBackground.runInBackground');
      assert.equal((await api.waitFor(other)).durable, false);
    });
  });
});
