/** The extension's id, which other extensions use to get its API. */
export const EXTENSION_ID = 'pg-background.pg-background-workers';

/** The id of the view of connections, jobs, and workers. */
export const WORKERS_VIEW = 'pgBackground.workers';

/**
 * The commands, without the prefix `pgBackground.`. Those that package.json contributes are part of the public contract
 * (docs/internals/design.md): add commands, never rename or remove one.
 */
export type CommandName =
  | 'addConnection'
  | 'cancelAllJobs'
  | 'cancelBatch'
  | 'cancelConnectionJobs'
  | 'cancelJob'
  | 'cancelJobsByLabel'
  | 'cancelJobWithGrace'
  | 'changeJobFilter'
  | 'clearFinishedJobs'
  | 'clearJobFilter'
  | 'compareResults'
  | 'connectConnection'
  | 'copyConnectionUri'
  | 'openPsql'
  | 'copyJobLink'
  | 'copyPid'
  | 'copySql'
  | 'detachJob'
  | 'disconnectConnection'
  | 'dropInvalidIndex'
  | 'duplicateConnection'
  | 'editConnection'
  | 'enterPassword'
  | 'excludeOtherWorkspaces'
  | 'explain'
  | 'explainAnalyze'
  | 'filterJobs'
  | 'forgetPassword'
  | 'includeOtherWorkspaces'
  | 'openFaultyConnection'
  | 'pickJobOfStatement'
  | 'pinJob'
  | 'previewResults'
  | 'purgeDurableJobs'
  | 'refresh'
  | 'removeConnection'
  | 'removeDurableJobs'
  | 'rerunFailedOfBatch'
  | 'rerunJob'
  | 'rerunJobWithTimeout'
  | 'resumeQueuedJobs'
  | 'runAfterJob'
  | 'runEachStatementInBackground'
  | 'runFileInBackground'
  | 'runInBackground'
  | 'runInBackgroundWithOptions'
  | 'runOnConnections'
  | 'runJobNext'
  | 'runStatementInBackground'
  | 'scheduleSql'
  | 'setDefaultConnection'
  | 'setFileConnection'
  | 'setUpDurableJobs'
  | 'showActivity'
  | 'showFirstFailureOfBatch'
  | 'showJobDetails'
  | 'showJobs'
  | 'showLog'
  | 'showResults'
  | 'showScheduledRuns'
  | 'testConnection'
  | 'unpinJob'
  | 'useConnectionForFile'
  | 'useConnectionForWorkspace';

/** The full id of a command. */
export function commandId(name: CommandName): string {
  return `pgBackground.${name}`;
}
