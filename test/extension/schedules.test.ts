import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from '../../src/api';
import { Dialogs, DurableDatabase } from './durableSupport';
import { closeAll, cursorAt, open } from './editorSupport';
import { activate } from './support';

/** The objects of pg_cron that the extension uses. The server of these tests has no pg_cron; test/server/cron.test.ts uses the real one. */
const STAND_IN = `
  CREATE SCHEMA cron;
  CREATE TABLE cron.job (jobid bigint GENERATED ALWAYS AS IDENTITY, jobname text, schedule text, command text,
    database text DEFAULT current_database(), username text DEFAULT CURRENT_USER, active bool DEFAULT true, UNIQUE (jobname, username));
  CREATE TABLE cron.job_run_details (jobid bigint, runid bigint GENERATED ALWAYS AS IDENTITY, database text, username text, command text,
    status text, return_message text, start_time timestamptz, end_time timestamptz);
  CREATE FUNCTION cron.schedule(job_name text, schedule text, command text) RETURNS bigint LANGUAGE plpgsql AS $$
  DECLARE id bigint;
  BEGIN
    IF $2 !~ '^([0-9*]+ ){4}[0-9*]+$' THEN
      RAISE EXCEPTION 'invalid schedule: %', $2 USING ERRCODE = 'invalid_parameter_value', HINT = 'Use cron format';
    END IF;
    INSERT INTO cron.job AS j (jobname, schedule, command) VALUES ($1, $2, $3)
      ON CONFLICT (jobname, username) DO UPDATE SET schedule = EXCLUDED.schedule, command = EXCLUDED.command
      RETURNING j.jobid INTO id;
    RETURN id;
  END $$;
  INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    VALUES (424242, 'pg_cron', 10, 'cron'::regnamespace, false, '1.6');
  ALTER EXTENSION pg_cron ADD FUNCTION cron.schedule(text, text, text)`;

describe('schedules in VS Code', () => {
  let api: PgBackgroundApi;
  let database: DurableDatabase;
  let dialogs: Dialogs;
  let inputs: vscode.InputBoxOptions[];

  before(async () => {
    api = await activate();
  });
  beforeEach(async () => {
    database = await DurableDatabase.create();
    dialogs = new Dialogs();
    inputs = [];
  });
  afterEach(async () => {
    dialogs.restore();
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await closeAll();
    await database.drop();
  });

  /** Answers input boxes in this order; undefined accepts the suggested value. */
  function answerInputs(...answers: (string | undefined)[]): void {
    dialogs.stub(vscode.window, 'showInputBox', (options: vscode.InputBoxOptions) => {
      inputs.push(options);
      return Promise.resolve(answers.shift() ?? options.value);
    });
  }
  const schedule = (argument?: unknown): Thenable<unknown> =>
    vscode.commands.executeCommand('pgBackground.scheduleSql', argument);
  const jobs = (): Promise<string[][]> =>
    database.query('SELECT jobname, schedule, command FROM cron.job ORDER BY jobid');
  const shown = (): string => vscode.window.activeTextEditor?.document.getText() ?? '';

  it('are made from the statement at the cursor, with a name and a schedule that the server accepts', async () => {
    await database.query(STAND_IN);
    const editor = await open(
      `-- connection: ${database.name}\n-- label: nightly\n-- timeout: 5min\nSELECT 'it''s';\n`,
    );
    cursorAt(editor, 'SELECT');
    answerInputs(undefined, 'every day', '0 3 * * *');
    dialogs.answer = 'Run';
    await schedule();
    assert.deepEqual(
      inputs.map(({ value }) => value),
      ['nightly', '', 'every day'],
    );
    assert.match(inputs[2]?.prompt ?? '', /^invalid schedule: every day\. Use cron format — Minute/);
    const [modal] = dialogs.modals;
    assert.equal(modal?.message, `Schedule “nightly” on “${database.name}”?`);
    assert.match(
      modal.detail,
      /Role: postgres\nSchedule: 0 3 \* \* \*[^]*time limits and settings of this job do not apply/,
    );
    const [[name, when, command] = [], ...more] = await jobs();
    assert.deepEqual([name, when, more], ['nightly', '0 3 * * *', []]);
    assert.match(command ?? '', /SELECT 'it''s'/);
    assert.match(dialogs.infos.at(-1) ?? '', /^“nightly” is scheduled on /);

    answerInputs('nightly', '0 4 * * *');
    dialogs.answer = 'Copy SQL';
    await vscode.window.showTextDocument(editor.document);
    await schedule();
    assert.match(dialogs.modals[1]?.detail ?? '', /This replaces your schedule of the same name \(0 3 \* \* \*\)\./);
    assert.match(dialogs.copied, /^SELECT cron\.schedule\('nightly', '0 4 \* \* \*', /);
    assert.equal((await jobs())[0]?.[1], '0 3 * * *');
  });

  it('are made from a job', async () => {
    await database.query(STAND_IN);
    await database.connection({ production: true });
    const { id } = await api.run({ sql: 'SELECT 42', label: 'answer', connection: database.name });
    await api.waitFor(id);
    answerInputs(undefined, '0 3 * * *');
    await schedule(id);
    assert.equal(dialogs.modals[0]?.message, `Schedule “answer” on the production connection “${database.name}”?`);
    assert.equal(shown(), `SELECT cron.schedule('answer', '0 3 * * *', 'SELECT 42');\n`);
    assert.deepEqual(await jobs(), []);
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    dialogs.answer = 'Run';
    answerInputs(undefined, '0 3 * * *');
    await schedule(id);
    assert.deepEqual(await jobs(), [['answer', '0 3 * * *', 'SELECT 42']]);
  });

  it('are refused in one sentence without pg_cron', async () => {
    const { id } = await api.run({ sql: 'SELECT 42', connection: database.name });
    await api.waitFor(id);
    answerInputs();
    await schedule(id);
    await vscode.commands.executeCommand('pgBackground.showScheduledRuns', database.name);
    const sentence = `pg_cron, which runs SQL on a schedule, is not installed for the database “${database.name}”. Ask an administrator to install it.`;
    assert.deepEqual(
      dialogs.errors.map(({ message }) => message),
      [sentence, sentence],
    );
    assert.deepEqual([inputs, dialogs.modals], [[], []]);
  });

  it('are listed with their runs, the newest first, and open with their SQL and message', async () => {
    await database.query(STAND_IN);
    const show = (): Thenable<unknown> =>
      vscode.commands.executeCommand('pgBackground.showScheduledRuns', database.name);
    await show();
    assert.match(dialogs.infos[0] ?? '', /has no schedules/);
    await database.query(`
      SELECT cron.schedule('nightly', '0 3 * * *', 'SELECT 1/0');
      INSERT INTO cron.job_run_details (jobid, database, username, command, status, return_message, start_time, end_time)
        VALUES (1, current_database(), 'postgres', 'SELECT 1', 'succeeded', '1 row', '2026-01-02 03:00Z', '2026-01-02 03:00:07Z'),
               (1, current_database(), 'postgres', 'SELECT 1/0', 'failed', E'ERROR: division by zero\n*/ hint', '2026-01-03 03:00Z', '2026-01-03 03:00Z'),
               (7, 'elsewhere', 'postgres', 'SELECT 7', 'succeeded', '', '2026-01-03 03:00Z', '2026-01-03 03:00Z')`);
    const lists: (readonly vscode.QuickPickItem[])[] = [];
    dialogs.stub(vscode.window, 'showQuickPick', (items: readonly vscode.QuickPickItem[]) => {
      lists.push(items);
      return Promise.resolve(items[1]);
    });
    await show();
    const [list = []] = lists;
    assert.deepEqual(
      list.map(({ label, description = '' }) => `${label}: ${description.replace(/·[^·]*2026[^·]*·/, '·')}`),
      [
        'Runs: ',
        'nightly: failed · 0 ms · postgres',
        'nightly: succeeded · 7.0 s · postgres',
        'Schedules: ',
        'nightly: 0 3 * * * · postgres',
      ],
    );
    const lines = shown().split('\n');
    assert.deepEqual(lines.slice(-4), ['-- ERROR: division by zero', '-- */ hint', 'SELECT 1/0', '']);
    assert.ok(lines.slice(0, -2).every((line) => line.startsWith('-- ')));
  });
});
