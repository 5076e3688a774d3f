import * as vscode from 'vscode';
import { commandId } from '../base/commandIds';
import type { Problems } from './diagnostics';

/** What can be done about an error of a job right at its place. */
export class QuickFixes implements vscode.CodeActionProvider {
  readonly #problems: Problems;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  provideCodeActions(
    document: vscode.TextDocument,
    _range: vscode.Range,
    { diagnostics }: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    return diagnostics.flatMap((diagnostic) => {
      if (this.#problems.needsRunEach(document.uri, diagnostic)) return [runEach(document, diagnostic)];
      const jobId = this.#problems.timedOutJob(document.uri, diagnostic);
      if (jobId === undefined) return [];
      const title = vscode.l10n.t('Run Again with a Longer statement_timeout…');
      const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
      action.command = { command: commandId('rerunJobWithTimeout'), title, arguments: [jobId] };
      action.diagnostics = [diagnostic];
      return [action];
    });
  }
}

/** The statements of the file one by one: SET and what it says still holds for those after it. */
function runEach({ uri }: vscode.TextDocument, diagnostic: vscode.Diagnostic): vscode.CodeAction {
  const title = vscode.l10n.t('Run Each Statement in Background');
  const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
  // As from the explorer: the whole file, whatever is selected in it.
  action.command = { command: commandId('runEachStatementInBackground'), title, arguments: [uri, [uri]] };
  action.diagnostics = [diagnostic];
  return action;
}
