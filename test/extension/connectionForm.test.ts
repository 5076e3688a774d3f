import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from '../../src/api';
import { activate, databaseUrl } from './support';

const FORM = 'pgBackground.connection';
const DOCTOR = 'pgBackground.doctor';

describe('the form of a connection, and its test', () => {
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
      // VS Code puts its own prefix before the type.
      .filter(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.endsWith(type));

  /** Resolves when a page of that type is open. */
  function opened(type: string): Promise<vscode.Tab> {
    return new Promise((resolve) => {
      const look = (): boolean => {
        const [tab] = tabsOf(type);
        if (tab) resolve(tab);
        return tab !== undefined;
      };
      if (look()) return;
      const listener = window.tabGroups.onDidChangeTabs(() => {
        if (look()) listener.dispose();
      });
    });
  }

  it('Add Connection opens the form once; closed without saving, it gives nothing', async () => {
    const adding = vscode.commands.executeCommand('pgBackground.addConnection');
    await opened(FORM);
    const again = vscode.commands.executeCommand('pgBackground.addConnection');
    assert.equal(tabsOf(FORM).length, 1);
    await window.tabGroups.close(tabsOf(FORM));
    assert.deepEqual(await Promise.all([adding, again]), [undefined, undefined]);
  });

  it('Edit Connection opens the form of that connection', async () => {
    const editing = vscode.commands.executeCommand('pgBackground.editConnection', 'test');
    const tab = await opened(FORM);
    assert.match(tab.label, /“test”/);
    await window.tabGroups.close(tabsOf(FORM));
    await editing;
  });

  it('Test Connection opens the findings, one page for a connection', async () => {
    await vscode.commands.executeCommand('pgBackground.testConnection', 'test');
    assert.match((await opened(DOCTOR)).label, /“test”/);
    await vscode.commands.executeCommand('pgBackground.testConnection', 'test');
    assert.equal(tabsOf(DOCTOR).length, 1);
  });

  it('a URI from code adds a connection under the name that the user agrees to, and keeps its password out of the settings', async () => {
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
      assert.ok(api.connections().some((one) => one.name === name && one.user === url.username));
      const inspected = JSON.stringify(vscode.workspace.getConfiguration('pgBackground').inspect('connections'));
      assert.ok(inspected.includes(name) && !inspected.includes('p4ss'));
    } finally {
      const configuration = vscode.workspace.getConfiguration('pgBackground');
      await configuration.update('connections', undefined, vscode.ConfigurationTarget.Global);
    }
  });
});
