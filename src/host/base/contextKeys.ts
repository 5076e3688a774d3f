import * as vscode from 'vscode';

/** The context keys that `when` clauses in package.json use, without the prefix `pgBackground.`. */
export type ContextKey =
  | 'ready'
  | 'hasConnections'
  | 'hasJobs'
  | 'hasRunningJobs'
  | 'hasFinishedJobs'
  | 'hasHeldJobs'
  | 'hasJobFilter'
  | 'hasTools'
  | 'includesOtherWorkspaces'
  // True only for a moment: see walkthrough.ts.
  | 'didConnect'
  | 'didRun'
  | 'didWatch'
  | 'didSeeResults';

export function setContext(key: ContextKey, value: boolean): void {
  void vscode.commands.executeCommand('setContext', `pgBackground.${key}`, value);
}
