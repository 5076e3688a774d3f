import * as vscode from 'vscode';
import { faultOf } from '../../core/base/fault';
import type { JobService } from '../../core/jobs/jobService';
import type { SpoolFiles } from '../../core/results/spool/spoolStore';
import type { Connections } from '../connections/connections';
import type { DurableAdmin } from '../durable/durableAdmin';
import type { Disposables } from '../base/disposables';
import type { EditorFeatures } from '../editor/editorFeatures';
import { takeSnapshot, type EditorSnapshot } from '../editor/editorSnapshot';
import { isLensTarget } from '../editor/lensTarget';
import { RepeatedRequests } from '../base/repeatedRequests';
import { commandId, WORKERS_VIEW, type CommandName } from '../base/commandIds';
import { once } from '../base/once';
import { plain } from '../base/plainText';
import type { OtherJobs } from '../tree/otherJobs';
import type { Results } from '../results/results';
import type { ActiveFilter } from '../tree/activeFilter';
import type { WorkersView } from '../tree/workersView';
import { BatchCommands } from './batches';
import { chooseConnections } from './chooseConnections';
import type { ConnectionCommands } from './connections';
import { openFaultyConnection } from './faultyConnection';
import type { JobCommands } from './jobs';
import type { Launcher } from '../launch/launcher';
import { pickJob, targetsOf } from './jobTargets';
import { errorText } from '../messages/faultText';
import { sqlToSchedule } from './sqlToSchedule';
import * as ui from '../base/ui';

export interface CommandParts {
  readonly disposables: Disposables;
  readonly channel: vscode.LogOutputChannel;
  readonly jobs: JobService;
  readonly launcher: Launcher;
  readonly editor: EditorFeatures;
  readonly view: WorkersView;
  readonly filter: ActiveFilter;
  readonly otherJobs: OtherJobs;
  readonly results: Results;
  readonly connections: Connections;
  readonly jobCommands: JobCommands;
  readonly connectionCommands: ConnectionCommands;
  readonly durableAdmin: DurableAdmin;
  readonly files: SpoolFiles;
  readonly extensionUri: vscode.Uri;
}

/** @param here the active editor when the command was called. Handlers use it instead of the editor that is active after an await. */
type Handler = (first: unknown, selected: unknown, here: EditorSnapshot | undefined) => unknown;

/** Registers every command of {@link CommandName}. A missing handler is a compile error. */
export function registerCommands(parts: CommandParts): void {
  const { jobs, launcher, editor, view, results, jobCommands, connectionCommands } = parts;
  // Loaded when first used, as other code that a window may never need.
  const connectionActions = once(async () => {
    const { ConnectionActions } = await import('./connectionActions');
    return new ConnectionActions(parts.connections, jobs);
  });
  const explainer = once(async () => {
    const { Explain } = await import('../explain/explain');
    return parts.disposables.add(new Explain({ ...parts, editor: editor.commands }));
  });
  const comparisons = once(async () => {
    const { Comparisons } = await import('../results/compare/comparisons');
    return parts.disposables.add(new Comparisons({ ...parts, pickJob }));
  });
  const explain = async (analyze: boolean, here: EditorSnapshot | undefined): Promise<string | undefined> => {
    const explaining = await explainer();
    const id = await show(await explaining.run(analyze, here));
    if (id !== undefined) await explaining.showWhenEnded(id);
    return id;
  };
  /** The job on which a command was called, or the one that the user chooses. */
  const withJob = async (
    first: unknown,
    question: string,
    here: EditorSnapshot | undefined,
    readOnly = false,
  ): Promise<ReturnType<JobService['get']>> => {
    const targets = targetsOf(jobs, first, undefined);
    const [job] = readOnly ? [...targets.jobs, ...targets.others] : targets.jobs;
    return job ?? (first === undefined ? pickJob(jobs.jobs, question, await editor.jobsAtCursor(here)) : undefined);
  };
  /** Runs a task for the connection on which a command was called, or the one that the user chooses. */
  const withConnection = async (
    first: unknown,
    question: string,
    task: (name: string) => Promise<void>,
  ): Promise<void> => {
    const [name] = await chooseConnections(parts.connections, first, undefined, question);
    if (name !== undefined) await task(name);
  };
  const clicks = new RepeatedRequests(() => performance.now());
  const show = async (id: string | undefined): Promise<string | undefined> => {
    if (id === undefined) return undefined;
    // Shows the new job in the tree without moving the focus away from the editor.
    await view.reveal(id).then(undefined, () => undefined);
    return id;
  };
  /** Shows the batch of new jobs in the tree. */
  const showBatch = (ids: readonly string[]): readonly string[] => {
    const [id] = ids;
    if (id !== undefined) void view.revealBatch(id).then(undefined, () => undefined);
    return ids;
  };
  const untilEnded = async (ids: readonly string[]): Promise<readonly string[]> => {
    await Promise.all(ids.map(async (id) => jobs.get(id)?.ended));
    return ids;
  };
  const batches = new BatchCommands(jobs, jobCommands, launcher, results, editor.commands);
  const filter = async (): Promise<void> => {
    // From the palette the user would not see the result.
    if (!view.view.visible) await vscode.commands.executeCommand(`${WORKERS_VIEW}.focus`);
    const { filterJobs } = await import('./filterJobs');
    await filterJobs(
      parts.filter,
      jobs,
      parts.connections.profiles.map(({ name }) => name),
    );
  };
  const handlers: Record<CommandName, Handler> = {
    runInBackground: async (first, _selected, here) =>
      show((await launcher.runFromCode(first)) ?? (await (await editor.commands()).run(here))[0]),
    runInBackgroundWithOptions: async (_first, _selected, here) =>
      show((await (await editor.commands()).runWithOptions(here))[0]),
    runOnConnections: async (_first, _selected, here) =>
      showBatch(await (await editor.commands()).runOnConnections(here)),
    runFileInBackground: async (first, selected, here) =>
      show((await (await editor.commands()).runFiles(urisOf(first, selected, here), here))[0]),
    runEachStatementInBackground: async (first, selected, here) =>
      untilEnded(showBatch(await (await editor.commands()).runEach(urisOf(first, selected, here), here))),
    runAfterJob: async (first, _selected, here) => showBatch(await batches.runAfter(first, here)),
    cancelBatch: (first) => batches.cancelAll(first),
    rerunFailedOfBatch: async (first) => showBatch(await batches.rerunFailed(first)),
    showFirstFailureOfBatch: (first) => batches.showFirstFailure(first),
    runStatementInBackground: async (first) =>
      isLensTarget(first) ? show((await (await editor.commands()).runLens(first))[0]) : undefined,
    setFileConnection: (first, _selected, here) => editor.setFileConnection(first, here),
    rerunJob: async (first, _selected, here) => {
      const job = await withJob(first, vscode.l10n.t('Choose a job to run again'), here);
      if (!job) return undefined;
      const question = vscode.l10n.t('The list has just changed. Run “{0}” again?', job.record.label);
      if (!(await jobCommands.confirmIfMoved(first, question, vscode.l10n.t('Run Again')))) return undefined;
      return show(await launcher.rerun(job, false));
    },
    rerunJobWithTimeout: async (first, _selected, here) => {
      const job = await withJob(first, vscode.l10n.t('Choose a job to run again with a timeout'), here);
      return job && show(await launcher.rerun(job, true));
    },
    showResults: async (first, _selected, here) => {
      const [newest] = isAtCursor(first) ? await editor.jobsAtCursor(here) : [];
      const job = await withJob(
        isAtCursor(first) ? newest : first,
        vscode.l10n.t('Choose the job whose results to show'),
        here,
        true,
      );
      if (job) await results.show(job.id);
    },
    compareResults: async (first, selected) => {
      const { jobs: own, others } = targetsOf(jobs, first, selected);
      return (await comparisons()).compare([...own, ...others]);
    },
    previewResults: async (first) => {
      const { jobs: own, others } = targetsOf(jobs, first, undefined);
      const job = own[0] ?? others[0];
      if (!job) return;
      // As in VS Code's trees, a double click opens the panel permanently.
      const isDoubleClick = clicks.isRepeat(job.id);
      await (isDoubleClick ? results.show(job.id) : results.preview(job.id));
    },
    pickJobOfStatement: async (first) => {
      const own = (Array.isArray(first) ? first : [])
        .map((id) => jobs.get(String(id)))
        .filter((job) => job !== undefined);
      const job = await pickJob(own, vscode.l10n.t('Choose a job to show'));
      if (job) await results.show(job.id);
    },
    showActivity: async (first) => {
      const { jobs: own, others, workers } = targetsOf(jobs, first, undefined);
      const job = own[0] ?? others[0];
      if (job) await results.showActivity(job.id);
      else if (workers[0]) await results.showWorkerActivity(workers[0].connection, workers[0].worker);
    },
    showJobDetails: async (first, _selected, here) => {
      const job = await withJob(first, vscode.l10n.t('Choose the job whose details to show'), here);
      if (job) await results.showDetails(job.id);
    },
    cancelJob: (first, selected, here) =>
      jobCommands.cancel(first, selected, undefined, () => editor.jobsAtCursor(here)),
    cancelJobWithGrace: (first, selected) => jobCommands.cancelWithGrace(first, selected),
    cancelAllJobs: () => jobCommands.cancelAll(),
    cancelConnectionJobs: (first, selected) => jobCommands.cancelAll(targetsOf(jobs, first, selected).connection),
    cancelJobsByLabel: () => jobCommands.cancelByLabel(),
    detachJob: (first, selected) => jobCommands.detach(first, selected),
    runJobNext: (first) => {
      for (const { id, record } of targetsOf(jobs, first, undefined).jobs) {
        jobs.runNext(id);
        view.queueChanged(record.connection);
      }
    },
    resumeQueuedJobs: () => jobs.resumeHeld(),
    copyPid: (first, selected) => jobCommands.copyPid(first, selected),
    copyJobLink: (first, selected) => jobCommands.copyLinks(first, selected),
    copySql: (first, selected) => jobCommands.copySql(first, selected),
    clearFinishedJobs: (first, selected) => jobCommands.clearFinished(first, selected),
    pinJob: (first, selected) => jobCommands.setPinned(first, selected, true),
    unpinJob: (first, selected) => jobCommands.setPinned(first, selected, false),
    filterJobs: () => filter(),
    changeJobFilter: () => filter(),
    clearJobFilter: () => parts.filter.set(''),
    includeOtherWorkspaces: () => parts.otherJobs.include(true),
    excludeOtherWorkspaces: () => parts.otherJobs.include(false),
    showJobs: () => vscode.commands.executeCommand(`${WORKERS_VIEW}.focus`),
    addConnection: (first) => connectionCommands.add(first),
    editConnection: (first) => connectionCommands.edit(first),
    removeConnection: (first) => connectionCommands.remove(first),
    testConnection: (first) => connectionCommands.test(first),
    connectConnection: async (first, selected) => (await connectionActions()).connect(first, selected),
    disconnectConnection: async (first, selected) => (await connectionActions()).disconnect(first, selected),
    enterPassword: async (first) => (await connectionActions()).enterPassword(first),
    forgetPassword: async (first) => (await connectionActions()).forgetPassword(first),
    duplicateConnection: async (first) => (await connectionActions()).duplicate(first),
    openPsql: async (first) => (await connectionActions()).openPsql(first),
    copyConnectionUri: async (first, selected) => (await connectionActions()).copyUri(first, selected),
    setDefaultConnection: async (first, scope) => (await connectionActions()).setDefault(first, scope),
    useConnectionForWorkspace: async (first) => (await connectionActions()).useForWorkspace(first),
    useConnectionForFile: async (first) => (await connectionActions()).useForFile(first),
    setUpDurableJobs: (first) =>
      withConnection(first, vscode.l10n.t('Choose the connection on which to set up durable jobs'), (name) =>
        parts.durableAdmin.setUp(name),
      ),
    purgeDurableJobs: (first) =>
      withConnection(first, vscode.l10n.t('Choose the connection whose durable jobs to purge'), (name) =>
        parts.durableAdmin.purge(name),
      ),
    removeDurableJobs: (first) =>
      withConnection(first, vscode.l10n.t('Choose the connection from which to remove durable jobs'), (name) =>
        parts.durableAdmin.remove(name),
      ),
    scheduleSql: async (first, _selected, here) => {
      const targets = targetsOf(jobs, first, undefined);
      const scheduled = await sqlToSchedule(jobs, targets.jobs, first, here, editor.commands);
      if (!scheduled) return;
      const { scheduleWithCron } = await import('../schedule/schedule');
      await scheduleWithCron(parts.connections, scheduled);
    },
    showScheduledRuns: (first) =>
      withConnection(first, vscode.l10n.t('Choose the connection whose scheduled runs to show'), async (name) => {
        const { showScheduledRuns } = await import('../schedule/schedule');
        await showScheduledRuns(parts.connections, name);
      }),
    dropInvalidIndex: async (first) => {
      const [job] = targetsOf(jobs, first, undefined).jobs;
      if (!job) return;
      const { dropInvalidIndexes } = await import('../jobs/invalidIndex');
      const link = parts.connections.link(job.record.connection);
      showBatch(await dropInvalidIndexes(job, link, launcher));
    },
    explain: (_first, _selected, here) => explain(false, here),
    explainAnalyze: (_first, _selected, here) => explain(true, here),
    openFaultyConnection: (first) => openFaultyConnection(first),
    refresh: () => jobCommands.refresh(),
    showLog: () => parts.channel.show(),
  };
  for (const [name, handler] of Object.entries(handlers) as [CommandName, Handler][]) {
    parts.disposables.add(
      vscode.commands.registerCommand(commandId(name), async (first: unknown, selected: unknown) => {
        try {
          return await handler(first, selected, takeSnapshot());
        } catch (error) {
          parts.channel.error(error instanceof Error ? error : String(error));
          // Code that launches SQL gets the error. In all other cases the user sees it.
          if (typeof first === 'object' && first !== null && 'sql' in first) throw error;
          void showError(error);
          return undefined;
        }
      }),
    );
  }
}

/** Shows the error of a command, and offers what would fix it. */
async function showError(error: unknown): Promise<void> {
  const isNotSetUp = faultOf(error).code === 'durable.notSetUp';
  const setUp = vscode.l10n.t('Set Up Durable Jobs…');
  const choice = await ui.showErrorMessage(plain(errorText(error)), ...(isNotSetUp ? [setUp] : []));
  if (choice === setUp) await vscode.commands.executeCommand(commandId('setUpDurableJobs'));
}

/** Whether a key binding asks for the statement at the cursor, without a choice. */
function isAtCursor(argument: unknown): boolean {
  return typeof argument === 'object' && argument !== null && 'atCursor' in argument && argument.atCursor === true;
}

/**
 * The files on which a command was called. The explorer passes the clicked file and all selected ones. Empty if the command was called
 * from the active editor, whose menu also passes its file: then the selection in the editor counts.
 */
function urisOf(first: unknown, selected: unknown, here: EditorSnapshot | undefined): vscode.Uri[] {
  const active = here?.document.uri.toString();
  if (!Array.isArray(selected) && first instanceof vscode.Uri && first.toString() === active) return [];
  const all: readonly unknown[] = Array.isArray(selected) && selected.length > 0 ? selected : [first];
  return all.filter((argument) => argument instanceof vscode.Uri);
}
