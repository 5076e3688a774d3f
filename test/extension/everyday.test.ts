import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from '../../src/api';
import { closeAll, eventually, open, set } from './editorSupport';
import { activate, reaches } from './support';

describe('everyday use', () => {
  let api: PgBackgroundApi;

  before(async () => {
    api = await activate();
  });
  afterEach(closeAll);

  /** The columns of the editor groups that have a results panel in front. */
  const resultsIn = (): number[] =>
    vscode.window.tabGroups.all.flatMap(({ activeTab, viewColumn }) =>
      activeTab?.input instanceof vscode.TabInputWebview ? [viewColumn] : [],
    );
  const results = (): string[] =>
    vscode.window.tabGroups.all.flatMap(({ tabs }) =>
      tabs.flatMap(({ label, input }) => (input instanceof vscode.TabInputWebview ? [label] : [])),
    );

  it('asks before canceling a single job with Cancel All, and Keep Running cancels nothing', async () => {
    const { id } = await api.run({ sql: 'SELECT pg_sleep(600)', label: 'the only one', connection: 'test' });
    await reaches(api, id, 'running');
    const asked: unknown[] = [];
    const original = vscode.window.showWarningMessage;
    const answer = (message: string, options: vscode.MessageOptions, ...items: vscode.MessageItem[]): unknown => {
      asked.push(message, options.detail, ...items.map(({ title }) => title));
      return Promise.resolve(items.at(-1));
    };
    Object.defineProperty(vscode.window, 'showWarningMessage', { value: answer, configurable: true, writable: true });
    try {
      await vscode.commands.executeCommand('pgBackground.cancelAllJobs');
    } finally {
      Object.defineProperty(vscode.window, 'showWarningMessage', {
        value: original,
        configurable: true,
        writable: true,
      });
    }
    assert.deepEqual(asked, [
      'Cancel “the only one”?',
      '1 running job will be rolled back.',
      'Cancel 1 Job',
      'Keep Running',
    ]);
    assert.equal(api.jobs().find((job) => job.id === id)?.state, 'running');
    await api.cancel(id);
  });

  for (const [location, column] of [
    ['active', 1],
    ['beside', 2],
    ['below', 2],
  ] as const) {
    it(`opens results in the group that results.openIn sets: ${location}`, async () => {
      const { id } = await api.run({ sql: 'SELECT 1 AS n', connection: 'test' });
      await api.waitFor(id);
      await open('SELECT 1;\n');
      await set('results.openIn', location);
      try {
        await vscode.commands.executeCommand('pgBackground.showResults', id);
        await eventually(() => (resultsIn().includes(column) ? true : undefined), `results in column ${column}`);
        assert.equal(vscode.window.tabGroups.all.length, column);
      } finally {
        await set('results.openIn', undefined);
      }
    });
  }

  it('replaces a preview by the next one, but keeps a panel that was opened permanently', async () => {
    const ids: string[] = [];
    for (const label of ['first', 'second', 'third']) {
      const { id } = await api.run({ sql: 'SELECT 1 AS n', label, connection: 'test' });
      await api.waitFor(id);
      ids.push(id);
    }
    await vscode.commands.executeCommand('pgBackground.showResults', ids[0]);
    await vscode.commands.executeCommand('pgBackground.previewResults', ids[1]);
    await vscode.commands.executeCommand('pgBackground.previewResults', ids[2]);
    const labels = (): string =>
      results()
        .map((label) => label.replace(/ \(\d+\)$/, ''))
        .join();
    // VS Code lists opened and closed tabs a moment later.
    await eventually(() => labels() === 'first,third' || undefined, 'the panels of the first and the third job');
  });
});
