import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from '../../src/api';
import { withGate } from '../gate';
import { eventually, set } from './editorSupport';
import { Stubs } from './stubs';
import { activate, place, reaches } from './support';

describe('the end of jobs', () => {
  const stubs = new Stubs();
  let api: PgBackgroundApi;
  let folder: string;

  before(async () => {
    api = await activate();
    folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
    await set('notifyAfterSeconds', 0);
  });

  afterEach(() => stubs.restore());

  after(async () => {
    await set('notifyAfterSeconds', undefined);
    await set('onJobEnd', undefined);
    await set('maxConcurrentJobs', undefined);
  });

  it('is one notification if many jobs end together, which shows the list of jobs', async () => {
    const shown: string[] = [];
    stubs.stub(vscode.window, 'showErrorMessage', (text: string, ...items: unknown[]) => {
      shown.push([text, ...items.filter((item) => typeof item === 'string')].join(' | '));
      return Promise.resolve(undefined);
    });
    await set('maxConcurrentJobs', 6);
    await withGate(place(), async (gate) => {
      const texts = Array.from({ length: 6 }, (_, index) => `SELECT ${gate.wait}, 1 / ${index === 3 ? 0 : 1}`);
      const jobs = await Promise.all(texts.map((text, index) => api.run({ sql: text, label: `together ${index}` })));
      await Promise.all(jobs.map(({ id }) => reaches(api, id, 'running')));
      await gate.open();
      await Promise.all(jobs.map(({ id }) => api.waitFor(id)));
    });
    await eventually(() => (shown.length > 0 ? true : undefined), 'the notification');
    assert.deepEqual(shown, ['6 jobs ended, 1 failed | Show']);
  });

  it('runs the command of the user’s settings, with the job on its standard input', async () => {
    const file = join(folder, 'ended.json');
    await set('onJobEnd', ['tee', file]);
    const { id } = await api.run({ sql: 'SELECT 1 AS one', label: 'with a command' });
    const ended = await eventually(async () => {
      const text = await readFile(file, 'utf8').catch(() => '');
      return text.endsWith('\n') ? (JSON.parse(text) as { version: number; job: Record<string, unknown> }) : undefined;
    }, 'the output of the command');
    await set('onJobEnd', undefined);
    assert.equal(ended.version, 1);
    assert.deepEqual(
      ['id', 'label', 'connection', 'state', 'rowCount'].map((name) => ended.job[name]),
      [id, 'with a command', 'test', 'succeeded', 1],
    );
    assert.equal('sql' in ended.job, false);
    const configuration = vscode.workspace.getConfiguration('pgBackground');
    await assert.rejects(
      async () => configuration.update('onJobEnd', ['tee', file], vscode.ConfigurationTarget.Workspace),
      'a workspace cannot set it',
    );
  });
});
