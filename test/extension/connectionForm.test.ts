import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from '../../src/api';
import { activate, databaseUrl } from './support';

const FORM = 'pgBackground.connection';
const TEST = 'pgBackground.doctor';

describe('connection form and connection test', () => {
  let api: PgBackgroundApi;
  const { window } = vscode;
  const restores: (() => void)[] = [];

  before(async () => {
    api = await activate();
  });
  afterEach(async () => {
    for (const restore of restores.splice(0)) restore();
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  const tabsOf = (type: string): vscode.Tab[] =>
    window.tabGroups.all
      .flatMap(({ tabs }) => tabs)
      // VS Code adds a prefix to the type.
      .filter(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.endsWith(type));

  /** Resolves when a page of the type is open. */
  function opened(type: string): Promise<vscode.Tab> {
    return new Promise((resolve) => {
      const check = (): boolean => {
        const [tab] = tabsOf(type);
        if (tab) resolve(tab);
        return tab !== undefined;
      };
      if (check()) return;
      const listener = window.tabGroups.onDidChangeTabs(() => {
        if (check()) listener.dispose();
      });
    });
  }

  it('Add Connection opens one form, and returns nothing if the form is closed without saving', async () => {
    const adding = vscode.commands.executeCommand('pgBackground.addConnection');
    await opened(FORM);
    const again = vscode.commands.executeCommand('pgBackground.addConnection');
    assert.equal(tabsOf(FORM).length, 1);
    await window.tabGroups.close(tabsOf(FORM));
    assert.deepEqual(await Promise.all([adding, again]), [undefined, undefined]);
  });

  it('Edit Connection opens the form of the connection', async () => {
    const editing = vscode.commands.executeCommand('pgBackground.editConnection', 'test');
    const tab = await opened(FORM);
    assert.match(tab.label, /“test”/);
    await window.tabGroups.close(tabsOf(FORM));
    await editing;
  });

  it('Test Connection opens one report per connection', async () => {
    await vscode.commands.executeCommand('pgBackground.testConnection', 'test');
    assert.match((await opened(TEST)).label, /“test”/);
    await vscode.commands.executeCommand('pgBackground.testConnection', 'test');
    assert.equal(tabsOf(TEST).length, 1);
  });

  it('adding a URI from code asks for a name, and keeps the password out of the settings', async () => {
    const asked: vscode.InputBoxOptions[] = [];
    const original = window.showInputBox;
    const replace = (value: unknown): unknown =>
      Object.defineProperty(window, 'showInputBox', { value, configurable: true, writable: true });
    replace((options: vscode.InputBoxOptions) => {
      asked.push(options);
      return Promise.resolve(options.value);
    });
    restores.push(() => replace(original));
    const url = new URL(databaseUrl());
    url.password = 'p4ss-fr0m-c0de';
    const name = await vscode.commands.executeCommand<string>('pgBackground.addConnection', url.href);
    try {
      assert.equal(name, `${url.pathname.slice(1)}@127.0.0.1`);
      assert.equal(asked.length, 1);
      assert.ok(api.connections().some((connection) => connection.name === name && connection.user === url.username));
      const inspected = JSON.stringify(vscode.workspace.getConfiguration('pgBackground').inspect('connections'));
      assert.ok(inspected.includes(name) && !inspected.includes('p4ss'));
    } finally {
      const configuration = vscode.workspace.getConfiguration('pgBackground');
      await configuration.update('connections', undefined, vscode.ConfigurationTarget.Global);
    }
  });
});
