import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from '../../src/api';
import { Dialogs, DurableDatabase } from './durableSupport';
import { eventually } from './editorSupport';
import { activate } from './support';

describe('the purge of durable jobs in VS Code', () => {
  let api: PgBackgroundApi;
  let database: DurableDatabase;
  let dialogs: Dialogs;

  before(async () => {
    api = await activate();
  });
  beforeEach(async () => {
    database = await DurableDatabase.create();
    dialogs = new Dialogs();
    await api.setUpDurableJobs(database.name);
    await database.query(`
      INSERT INTO pgbackground_jobs.jobs (label, sql, options, gated, state, finished_at, seen_at)
        VALUES ('seen', 'SELECT 1', '{}', true, 'succeeded', '2026-01-02 03:04Z', '2026-01-02 03:04Z'),
               ('unseen', 'SELECT 1', '{}', true, 'failed', '2026-01-02 03:04Z', NULL),
               ('recent', 'SELECT 1', '{}', true, 'succeeded', clock_timestamp(), clock_timestamp()),
               ('running', 'SELECT 1', '{}', true, 'running', NULL, NULL)`);
  });
  afterEach(async () => {
    dialogs.restore();
    await database.drop();
  });

  const purge = (): Thenable<unknown> => vscode.commands.executeCommand('pgBackground.purgeDurableJobs', database.name);
  const left = async (): Promise<string[]> =>
    (await database.query('SELECT label FROM pgbackground_jobs.jobs ORDER BY id')).flat();

  /** Answers the list of jobs. @returns the lists that were shown */
  function choose(
    select: (items: readonly vscode.QuickPickItem[]) => readonly vscode.QuickPickItem[],
  ): (readonly vscode.QuickPickItem[])[] {
    const lists: (readonly vscode.QuickPickItem[])[] = [];
    dialogs.stub(vscode.window, 'showQuickPick', (items: readonly vscode.QuickPickItem[]) => {
      lists.push(items);
      return Promise.resolve(select(items));
    });
    return lists;
  }

  it('lists finished jobs, preselects those that were seen, and purges the selected ones', async () => {
    const lists = choose((items) => items.filter(({ picked }) => picked));
    await purge();
    const [list = []] = lists;
    assert.deepEqual(
      list.map(({ label, picked }) => [label, picked]),
      [
        ['seen', true],
        ['unseen', false],
        ['recent', true],
      ],
    );
    assert.match(list[1]?.description ?? '', /^failed · .*2026.* · postgres · not seen$/);
    assert.deepEqual(await left(), ['unseen', 'running']);
    assert.deepEqual([dialogs.infos, dialogs.modals], [['2 durable jobs were purged.'], []]);
  });

  it('asks before results that no one has seen are lost', async () => {
    choose((items) => items);
    await purge();
    assert.deepEqual(await left(), ['seen', 'unseen', 'recent', 'running']);
    const [modal] = dialogs.modals;
    assert.equal(modal?.message, `Purge 3 jobs of “${database.name}”?`);
    assert.equal(modal.detail, 'No one has seen the result of 1 of them. It will be lost.');
    dialogs.answer = 'Purge';
    await purge();
    assert.deepEqual(await left(), ['running']);
    await purge();
    assert.match(dialogs.infos.at(-1) ?? '', /has no finished durable jobs\.$/);
  });

  it('is done when the extension connects, for jobs that were seen longer ago than the connection allows', async () => {
    await database.connection({ durableRetentionDays: 7 });
    await vscode.commands.executeCommand('pgBackground.connectConnection', database.name);
    const labels = await eventually(async () => {
      const found = await left();
      return found.includes('seen') ? undefined : found;
    }, 'the purge');
    assert.deepEqual(labels, ['unseen', 'recent', 'running']);
  });
});
