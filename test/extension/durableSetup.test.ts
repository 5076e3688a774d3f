import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from '../../src/api';
import { Dialogs, DurableDatabase } from './durableSupport';
import { activate, sql } from './support';

describe('the setup of durable jobs in VS Code', () => {
  let api: PgBackgroundApi;
  let database: DurableDatabase;
  let dialogs: Dialogs;

  before(async () => {
    api = await activate();
  });
  beforeEach(async () => {
    database = await DurableDatabase.create();
    dialogs = new Dialogs();
  });
  afterEach(async () => {
    dialogs.restore();
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await database.drop();
  });

  const run = (command: string): Thenable<unknown> =>
    vscode.commands.executeCommand(`pgBackground.${command}`, database.name);
  const shown = (): string => vscode.window.activeTextEditor?.document.getText() ?? '';

  it('shows the script, runs it if the user confirms, and closes it', async () => {
    let script = '';
    dialogs.answer = 'Run';
    dialogs.stub(vscode.window, 'showWarningMessage', (message: string, { detail }: vscode.MessageOptions) => {
      script = shown();
      dialogs.modals.push({ message, detail: detail ?? '', buttons: [] });
      return Promise.resolve('Run');
    });
    await run('setUpDurableJobs');
    assert.match(script, /^-- pg_background Workers: durable jobs, version 2\.[^]*CREATE SCHEMA pgbackground_jobs;/);
    const [modal] = dialogs.modals;
    assert.equal(modal?.message, `Set up durable jobs on “${database.name}”?`);
    assert.match(modal.detail, new RegExp(`Database: ${database.name}\nRole: postgres`));
    assert.equal(await database.version(), 2);
    assert.deepEqual(dialogs.infos, [`Durable jobs are set up on “${database.name}” (version 2).`]);
    assert.ok(!shown().includes('pgbackground_jobs'));

    await run('setUpDurableJobs');
    assert.equal(dialogs.modals.length, 1);
    assert.match(dialogs.infos[1] ?? '', /already set up .* \(version 2\)\.$/);
  });

  it('copies the script, or keeps it open if the user gives up, and runs nothing', async () => {
    await run('setUpDurableJobs');
    assert.deepEqual(dialogs.modals[0]?.buttons, ['Run', 'Copy SQL']);
    assert.match(shown(), /CREATE SCHEMA pgbackground_jobs;/);
    const script = shown();
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    dialogs.answer = 'Copy SQL';
    await run('setUpDurableJobs');
    assert.equal(dialogs.copied, script);
    assert.equal(await database.version(), undefined);
  });

  it('upgrades in place, and names a production connection', async () => {
    await api.setUpDurableJobs(database.name);
    await database.query("UPDATE pgbackground_jobs.setup SET functions = 'others'");
    await database.connection({ production: true });
    dialogs.answer = 'Run';
    await run('setUpDurableJobs');
    const [modal] = dialogs.modals;
    assert.equal(modal?.message, `Upgrade the setup of durable jobs on the production connection “${database.name}”?`);
    assert.match(modal.detail, /^Version 2 is adapted to the installed pg_background\. All jobs and rows are kept\./);
    const [[functions] = []] = await database.query('SELECT functions FROM pgbackground_jobs.setup');
    assert.match(functions ?? '', /pg_background_launch/);
  });

  it('is refused in one sentence, with the SQL for an administrator', async () => {
    const role = `plain_${database.name}`;
    await sql(`CREATE ROLE ${role} LOGIN`);
    try {
      await database.connection({ user: role });
      dialogs.answer = 'Copy SQL';
      await run('setUpDurableJobs');
      assert.deepEqual(dialogs.errors, [
        {
          message: `The role “${role}” may not create schemas in the database “${database.name}”. Ask its owner to run the setup script, or to run GRANT CREATE ON DATABASE.`,
          buttons: ['Copy SQL'],
        },
      ]);
      assert.match(dialogs.copied, /CREATE SCHEMA pgbackground_jobs;/);
      await assert.rejects(api.setUpDurableJobs(database.name), /may not create schemas .* Ask its owner/);
      await database.connection({});
      await database.query('DROP EXTENSION pg_background CASCADE');
      await run('setUpDurableJobs');
      assert.match(dialogs.errors[1]?.message ?? '', /is not installed .* CREATE EXTENSION pg_background there\.$/);
      assert.deepEqual(dialogs.errors[1]?.buttons, []);
      assert.deepEqual(dialogs.modals, []);
    } finally {
      await sql(`DROP ROLE ${role}`);
    }
  });

  it('is noticed by a connection that was open before, which shows the jobs of others', async () => {
    await vscode.commands.executeCommand('pgBackground.connectConnection', database.name);
    await api.setUpDurableJobs(database.name);
    const listed = new Promise<void>((resolve) => {
      const listener = api.onDidChangeJob(({ label, connection, durable }) => {
        if (label !== 'of another session' || connection !== database.name || !durable) return;
        listener.dispose();
        resolve();
      });
    });
    await database.query(`
      INSERT INTO pgbackground_jobs.jobs (label, sql, options, gated, state, finished_at)
        VALUES ('of another session', 'SELECT 1', '{}', true, 'succeeded', clock_timestamp());
      SELECT pg_notify('pgbackground_jobs', max(id)::text) FROM pgbackground_jobs.jobs`);
    await listed;
    await vscode.commands.executeCommand('pgBackground.disconnectConnection', database.name);
  });

  it('is done by the API without questions, as often as it is called', async () => {
    await api.setUpDurableJobs(database.name);
    await api.setUpDurableJobs(database.name);
    assert.equal(await database.version(), 2);
    assert.deepEqual([dialogs.modals, dialogs.errors], [[], []]);
    await assert.rejects(api.setUpDurableJobs('no such connection'), /There is no connection/);
  });

  it('is removed after a question that shows what is lost', async () => {
    await run('removeDurableJobs');
    assert.match(dialogs.errors[0]?.message ?? '', /are not set up in the database/);
    await api.setUpDurableJobs(database.name);
    await database.query(
      `INSERT INTO pgbackground_jobs.jobs (label, sql, options, gated, state)
       VALUES ('nightly', 'SELECT 1', '{}', true, 'running'), ('done', 'SELECT 1', '{}', true, 'succeeded')`,
    );
    await run('removeDurableJobs');
    assert.equal(await database.version(), 2);
    const [modal] = dialogs.modals;
    assert.equal(modal?.message, `Remove durable jobs from “${database.name}”, with all records and rows?`);
    assert.match(modal.detail, /have not ended[^]*nightly \(postgres\)[^]*1 finished job will be deleted/);
    dialogs.answer = 'Run';
    await run('removeDurableJobs');
    assert.equal(await database.version(), undefined);
    assert.deepEqual(dialogs.infos, [`Durable jobs were removed from “${database.name}”.`]);
  });
});
