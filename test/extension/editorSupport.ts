/** Helpers of the editor tests. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import type { JobInfo, PgBackgroundApi } from '../../src/api';

/** Calls `look` until it returns a value. */
export async function eventually<T>(look: () => T | undefined | Promise<T | undefined>, what: string): Promise<T> {
  for (const end = Date.now() + 40_000; Date.now() < end;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Waited in vain: ${what}`);
}

/** The editor of a new SQL file. (VS Code reuses the name of an untitled document for the next one, sometimes with its content.) */
export async function open(content: string): Promise<vscode.TextEditor> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(folder);
  const uri = vscode.Uri.joinPath(folder.uri, `${randomUUID()}.sql`);
  await vscode.workspace.fs.writeFile(uri, Buffer.from(content));
  return vscode.window.showTextDocument(uri);
}

/** Closes all editors without asking. */
export async function closeAll(): Promise<void> {
  await vscode.workspace.saveAll(false);
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
}

export function cursorAt(editor: vscode.TextEditor, text: string): void {
  const position = editor.document.positionAt(editor.document.getText().indexOf(text));
  editor.selection = new vscode.Selection(position, position);
}

export async function replace(editor: vscode.TextEditor, from: string, to: string): Promise<void> {
  const { document } = editor;
  const start = document.getText().indexOf(from);
  assert.ok(start >= 0, from);
  const range = new vscode.Range(document.positionAt(start), document.positionAt(start + from.length));
  assert.ok(await editor.edit((edit) => edit.replace(range, to)));
}

export async function lenses(
  document: vscode.TextDocument,
): Promise<{ line: number; title: string; lens: vscode.CodeLens }[]> {
  const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
    'vscode.executeCodeLensProvider',
    document.uri,
    999,
  );
  return found
    .filter(({ command }) => command?.command.startsWith('pgBackground.'))
    .map((lens) => ({ line: lens.range.start.line, title: lens.command?.title ?? '', lens }));
}

export function problems(document: vscode.TextDocument): vscode.Diagnostic[] {
  return vscode.languages.getDiagnostics(document.uri).filter(({ source }) => source === 'pg_background');
}

export async function set(name: string, value: unknown): Promise<void> {
  await vscode.workspace.getConfiguration('pgBackground').update(name, value, vscode.ConfigurationTarget.Global);
}

/** Runs a command and waits for its jobs. @returns the jobs, oldest first */
export async function launchedBy(api: PgBackgroundApi, command: string, ...rest: unknown[]): Promise<JobInfo[]> {
  const before = new Set(api.jobs().map(({ id }) => id));
  await vscode.commands.executeCommand(command, ...rest);
  const fresh = api.jobs().filter(({ id }) => !before.has(id));
  return Promise.all(fresh.map(({ id }) => api.waitFor(id)));
}
