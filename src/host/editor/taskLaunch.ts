import type * as vscode from 'vscode';
import type { BatchOptions } from '../../core/jobs/batches/batchPart';
import type { RunOptions } from '../launch/request';

/** A launch for a task: its definition answers what a command would ask for, and its terminal shows what a command would report. */
export interface TaskLaunch {
  /** The file, or the document with the SQL of the task. */
  readonly uri: vscode.Uri;
  /** They take precedence over comments and the file's defaults. */
  readonly options: RunOptions;
  /** Set if each statement is a job of its own. */
  readonly batch?: Pick<BatchOptions, 'parallel' | 'onFailure'>;
  /** The values of variables, as the user would type them. The user is asked for others. */
  readonly variables: ReadonlyMap<string, string>;
  /** Shows what was found before the launch. */
  readonly report: (severity: 'error' | 'warning' | 'info', text: string, at?: vscode.Location) => void;
  /** Returns whether the task still waits for the launch. */
  readonly isWanted: () => boolean;
}
