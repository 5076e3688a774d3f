import * as vscode from 'vscode';
import { CAREFUL, moreCareful } from './strictestSetting';

/** The extension's id, as other extensions ask for it. */
export const EXTENSION_ID = 'pg-background.pg-background-workers';

const PREFIX = 'pgBackground.';

/** The commands, without their prefix. Those of DESIGN.md are a contract: add, don't break. */
export type CommandName =
  | 'addConnection'
  | 'cancelAllJobs'
  | 'cancelConnectionJobs'
  | 'cancelJob'
  | 'cancelJobWithGrace'
  | 'cancelJobsByLabel'
  | 'clearFinishedJobs'
  | 'connectConnection'
  | 'copyConnectionUri'
  | 'copyPid'
  | 'copySql'
  | 'detachJob'
  | 'disconnectConnection'
  | 'duplicateConnection'
  | 'editConnection'
  | 'enterPassword'
  | 'forgetPassword'
  | 'openFaultyConnection'
  | 'pickJobOfStatement'
  | 'refresh'
  | 'removeConnection'
  | 'rerunJob'
  | 'rerunJobWithTimeout'
  | 'resumeQueuedJobs'
  | 'runEachStatementInBackground'
  | 'runFileInBackground'
  | 'runInBackground'
  | 'runInBackgroundWithOptions'
  | 'runJobNext'
  | 'runStatementInBackground'
  | 'setDefaultConnection'
  | 'setFileConnection'
  | 'showJobDetails'
  | 'showJobs'
  | 'showLog'
  | 'previewResults'
  | 'showResults'
  | 'testConnection'
  | 'useConnectionForFile'
  | 'useConnectionForWorkspace';

export const WORKERS_VIEW = 'pgBackground.workers';

export type ContextKey =
  | 'ready'
  | 'hasConnections'
  | 'hasJobs'
  | 'hasRunningJobs'
  | 'hasFinishedJobs'
  | 'hasHeldJobs'
  /** True for a moment: see walkthrough.ts. */
  | 'didConnect'
  | 'didRun'
  | 'didWatch'
  | 'didSeeResults';

/** Every setting and its type; the defaults stand in package.json. */
export interface Settings {
  readonly connections: unknown;
  readonly defaultConnection: string;
  readonly cancelGraceSeconds: number;
  readonly maxConcurrentJobs: number;
  readonly showForeignWorkers: boolean;
  readonly codeLens: boolean;
  readonly confirmUnboundedWrites: boolean;
  readonly onStatementFailure: 'ask' | 'stop' | 'continue';
  readonly notifyAfterSeconds: number;
  readonly notifications: 'all' | 'failures' | 'none';
  readonly 'history.maxJobs': number;
  readonly 'history.maxDays': number;
  readonly 'results.openIn': 'active' | 'beside' | 'below';
  readonly 'results.maxRows': number;
  readonly 'results.maxMegabytes': number;
  readonly 'results.csvDelimiter': 'comma' | 'semicolon' | 'tab';
  readonly 'results.csvByteOrderMark': boolean;
  readonly 'results.escapeFormulas': boolean;
}

export function commandId(name: CommandName): string {
  return PREFIX + name;
}

/** @param scope the document that it is for, if the setting may differ by folder or language */
export function readSetting<K extends keyof Settings>(key: K, scope?: vscode.TextDocument): Settings[K] {
  const configuration = vscode.workspace.getConfiguration('pgBackground', scope ?? null);
  const order: readonly Settings[K][] | undefined = (CAREFUL as Partial<Record<K, readonly Settings[K][]>>)[key];
  const inspected = order && configuration.inspect<Settings[K]>(key);
  const careful = order && inspected && moreCareful(order, inspected);
  // package.json gives every setting a default, so that get() never finds nothing.
  return careful ?? (configuration.get(key) as Settings[K]);
}

/** Writes a setting where the user sets it for all windows. */
export async function updateSetting<K extends keyof Settings>(key: K, value: Settings[K]): Promise<void> {
  await vscode.workspace.getConfiguration('pgBackground').update(key, value, vscode.ConfigurationTarget.Global);
}

export function affectsSetting(event: vscode.ConfigurationChangeEvent, key: keyof Settings): boolean {
  return event.affectsConfiguration(PREFIX + key);
}

export function setContext(key: ContextKey, value: boolean): void {
  void vscode.commands.executeCommand('setContext', PREFIX + key, value);
}
