import * as vscode from 'vscode';
import * as ui from './ui';

/** Asks whether to run SQL, and copies it if the user prefers that. */
export async function askToRun(question: string, detail: string, sql: string): Promise<'run' | 'copied' | undefined> {
  const run = vscode.l10n.t('Run');
  const copy = vscode.l10n.t('Copy SQL');
  const choice = await ui.showWarningMessage(question, { modal: true, detail }, run, copy);
  if (choice === run) return 'run';
  if (choice !== copy) return undefined;
  await copySql(sql);
  return 'copied';
}

export async function copySql(sql: string): Promise<void> {
  await vscode.env.clipboard.writeText(sql);
  ui.setStatusBarMessage(vscode.l10n.t('Copied.'), 3000);
}
