import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from '../../src/api';
import { eventually } from './editorSupport';
import { Stubs } from './stubs';
import { activate, sql } from './support';

describe('invalid indexes', () => {
  let api: PgBackgroundApi;
  const stubs = new Stubs();

  before(async () => {
    api = await activate();
    await sql('DROP TABLE IF EXISTS twice; CREATE TABLE twice AS SELECT 1 AS id FROM generate_series(1, 2)');
  });
  after(() => sql('DROP TABLE twice'));
  afterEach(() => stubs.restore());

  it('are shown with a notification, and dropped by a job if the user confirms', async () => {
    const warnings: string[] = [];
    stubs.stub(vscode.window, 'showErrorMessage', () => Promise.resolve(undefined));
    stubs.stub(
      vscode.window,
      'showWarningMessage',
      (text: string, ...rest: (string | vscode.MessageItem | vscode.MessageOptions)[]) => {
        warnings.push(text);
        const title = (item: (typeof rest)[number]): unknown =>
          typeof item === 'string' ? item : 'title' in item && item.title;
        return Promise.resolve(rest.find((item) => /^Drop/.test(String(title(item)))));
      },
    );
    const { id } = await api.run({ sql: 'CREATE UNIQUE INDEX CONCURRENTLY "Twice" ON twice (id)' });
    assert.equal((await api.waitFor(id)).state, 'failed');
    assert.match(api.notices(id).at(-1)?.message ?? '', /invalid index "public"\."Twice" on "public"\."twice"/);
    const dropping = await eventually(
      () => api.jobs().find(({ sql: text }) => text === 'DROP INDEX CONCURRENTLY "public"."Twice"'),
      'the index is dropped',
    );
    assert.equal((await api.waitFor(dropping.id)).state, 'succeeded');
    assert.match(warnings.join('\n'), /left the invalid index "public"\."Twice"[^]*Drop the invalid index on “test”\?/);
    assert.deepEqual(await sql(`SELECT 1 FROM pg_class WHERE relname = 'Twice'`), []);
  });
});
