import * as vscode from 'vscode';
import { commandId } from '../base/commandIds';
import type { EditorDiagnostics } from './editorDiagnostics';

/** Quick fixes for the errors of jobs. */
export class QuickFixes implements vscode.CodeActionProvider {
  readonly #diagnostics: EditorDiagnostics;

  constructor(diagnostics: EditorDiagnostics) {
    this.#diagnostics = diagnostics;
  }

  provideCodeActions(
    document: vscode.TextDocument,
    _range: vscode.Range,
    { diagnostics }: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    return diagnostics.flatMap((diagnostic) => {
      if (this.#diagnostics.needsRunEach(document.uri, diagnostic)) return [runEach(document, diagnostic)];
      const jobId = this.#diagnostics.timedOutJob(document.uri, diagnostic);
      if (jobId === undefined) return [];
      const title = vscode.l10n.t('Run Again with a Longer statement_timeout…');
      const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
      action.command = { command: commandId('rerunJobWithTimeout'), title, arguments: [jobId] };
      action.diagnostics = [diagnostic];
      return [action];
    });
  }
}

/** Runs each statement separately, with the settings of earlier SET statements. */
function runEach({ uri }: vscode.TextDocument, diagnostic: vscode.Diagnostic): vscode.CodeAction {
  const title = vscode.l10n.t('Run Each Statement in Background');
  const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
  // The arguments of a call from the explorer, so that the whole file is run regardless of the selection.
  action.command = { command: commandId('runEachStatementInBackground'), title, arguments: [uri, [uri]] };
  action.diagnostics = [diagnostic];
  return action;
}
