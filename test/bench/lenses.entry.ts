/** Runs in the extension host: types in the middle of a large SQL file. Writes the times to a file. */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import * as vscode from 'vscode';
import { MEGABYTE, sqlText } from './sqlText';

/** Alternating, so that other work of the window, such as coloring the file, affects both alike. */
const TURNS = 5;
const LETTERS = 8;

export interface LensTimes {
  /** All in milliseconds. */
  readonly first: number;
  readonly typed: readonly number[];
  readonly without: readonly number[];
  readonly blocked: number;
}

export async function run(): Promise<void> {
  await vscode.extensions.getExtension('pg-background.pg-background-workers')?.activate();
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  if (!folder) throw new Error('There is no folder.');
  const uri = vscode.Uri.joinPath(folder.uri, 'large.sql');
  const text = sqlText(10 * MEGABYTE);
  await vscode.workspace.fs.writeFile(uri, Buffer.from(text));
  const editor = await vscode.window.showTextDocument(uri);
  const at = editor.document.positionAt(text.indexOf('SELECT o.customer', text.length / 2) + 'SELECT '.length);
  editor.revealRange(new vscode.Range(at, at), vscode.TextEditorRevealType.InCenter);

  const lenses = async (): Promise<number> => {
    const start = performance.now();
    const found = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri);
    const took = performance.now() - start;
    if (found.length === 0 && isOn()) throw new Error('There are no lenses.');
    return took;
  };
  let column = 0;
  const type = async (): Promise<number[]> => {
    const times: number[] = [];
    for (let letter = 0; letter < LETTERS; letter++) {
      await editor.edit((edit) => edit.insert(at.translate(0, column++), 'x'));
      times.push(await lenses());
    }
    return times;
  };
  const first = await lenses();
  const typed: number[] = [];
  const without: number[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  for (let turn = 0; turn < TURNS; turn++) {
    await set(undefined);
    delay.enable();
    typed.push(...(await type()));
    delay.disable();
    await set(false);
    without.push(...(await type()));
  }
  await set(undefined);
  const times: LensTimes = { first, typed, without, blocked: delay.max / 1e6 };
  writeFileSync(process.env['PGBG_BENCH_OUT'] ?? '', JSON.stringify(times));
}

function isOn(): boolean {
  return vscode.workspace.getConfiguration('pgBackground').get<boolean>('codeLens') === true;
}

async function set(value: boolean | undefined): Promise<void> {
  await vscode.workspace
    .getConfiguration('pgBackground')
    .update('codeLens', value, vscode.ConfigurationTarget.Workspace);
}
