import { createHash, randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from './api';
import { systemClock } from './core/base/clock';
import { JobHistory } from './core/jobs/store/jobFolder';
import { JobPlaces } from './core/jobs/store/jobPlaces';
import { JobService } from './core/jobs/jobService';
import { OtherWorkspaces } from './core/jobs/workspaces/otherWorkspaces';
import { listWorkspace } from './core/jobs/workspaces/workspaceList';
import { SpoolFiles } from './core/results/spool/spoolStore';
import { Canceling, defaultGraceMs } from './host/jobs/canceling';
import { ConnectionCommands } from './host/commands/connections';
import { JobCommands } from './host/commands/jobs';
import { registerCommands } from './host/commands/register';
import { Launcher } from './host/launch/launcher';
import { Connections } from './host/connections/connections';
import { Disposables } from './host/base/disposables';
import { DurableAdmin } from './host/durable/durableAdmin';
import { Retention } from './host/durable/retention';
import { EditorFeatures } from './host/editor/editorFeatures';
import { setContext } from './host/base/contextKeys';
import { readSetting } from './host/base/settings';
import { openJobLinks } from './host/jobLinks';
import { loggerOf } from './host/base/log';
import { Notifications } from './host/jobs/notifications';
import { createApi } from './host/publicApi';
import { Results } from './host/results/results';
import { registerTasks } from './host/tasks/registerTasks';
import { StorageWarning } from './host/jobs/storageWarning';
import { StatusBar } from './host/jobs/statusBar';
import { Walkthrough } from './host/walkthrough';
import { registerTools } from './host/tools/registerTools';
import { ActiveFilter } from './host/tree/activeFilter';
import { OtherJobs } from './host/tree/otherJobs';
import { WorkersView } from './host/tree/workersView';
import * as ui from './host/base/ui';

let shutDown: (() => Promise<void>) | undefined;

/** Creates and connects all parts. Returns the public API (src/api.ts) before the jobs of earlier sessions are restored. */
export function activate(context: vscode.ExtensionContext): PgBackgroundApi {
  const channel = vscode.window.createOutputChannel('pg_background', { log: true });
  const log = loggerOf(channel);
  const disposables = new Disposables();
  disposables.add(channel);
  context.subscriptions.push(disposables);

  const connections = new Connections(context.secrets, context.globalState, context.workspaceState, systemClock, log);
  const storage = storageOf(context);
  const workspace = { key: basename(storage), name: vscode.workspace.name ?? '', folder: storage };
  const history = new JobHistory(join(storage, 'jobs'), randomUUID(), log, systemClock, {
    entered: () => {
      listWorkspace(workspace, Date.now()).catch((error: unknown) => {
        channel.warn(`Other workspaces cannot show the jobs of this one: ${String(error)}`);
      });
    },
  });
  const files = new SpoolFiles(join(storage, 'rows'), () => ({
    maxRows: readSetting('results.maxRows'),
    maxBytes: readSetting('results.maxMegabytes') * 1024 * 1024,
  }));
  const jobs = new JobService({
    links: connections,
    history,
    files,
    places: new JobPlaces({ history, clock: systemClock, log }),
    cleared: {
      get: () => context.workspaceState.get<string[]>('clearedDurableJobs', []),
      set: (ids) => void context.workspaceState.update('clearedDurableJobs', ids),
    },
    clock: systemClock,
    log,
    newId: () => randomUUID(),
    settings: () => ({
      maxConcurrentJobs: readSetting('maxConcurrentJobs'),
      graceMs: defaultGraceMs(),
      keepFinishedJobs: readSetting('history.maxJobs'),
      keepFinishedDays: readSetting('history.maxDays'),
    }),
  });
  shutDown = async () => {
    await jobs.dispose();
    await connections.dispose();
    await jobs.settled();
    await history.close();
  };

  const launcher = disposables.add(new Launcher(jobs, connections, context.workspaceState));
  const canceling = new Canceling(jobs, connections);
  const walkthrough = disposables.add(new Walkthrough(context.globalState));
  disposables.add(jobs.onDidChange(() => walkthrough.mark('run')));
  const filter = disposables.add(new ActiveFilter(context.workspaceState));
  const otherWorkspaces = new OtherWorkspaces(dirname(storage), workspace.key);
  const otherJobs = disposables.add(new OtherJobs(otherWorkspaces, context.workspaceState));
  const view = disposables.add(new WorkersView(jobs, connections, walkthrough, filter, otherJobs));
  const results: Results = disposables.add(
    new Results(
      context,
      jobs,
      launcher,
      canceling,
      files,
      walkthrough,
      (job) => editor.failureLocation(job),
      otherJobs,
      connections,
    ),
  );
  const notifications = disposables.add(new Notifications(jobs, (id) => results.isVisible(id), log));
  const editor: EditorFeatures = disposables.add(
    new EditorFeatures({ jobs, connections, launcher, memory: context.workspaceState }, log),
  );
  disposables.add(registerTasks({ jobs, editor, canceling, log }));
  const statusBar = disposables.add(new StatusBar(jobs, (badge) => (view.view.badge = badge)));
  disposables.add(new StorageWarning(jobs));
  const durableAdmin = new DurableAdmin(connections);
  disposables.add(new Retention(connections, systemClock, log));
  registerCommands({
    disposables,
    channel,
    jobs,
    launcher,
    editor,
    view,
    filter,
    otherJobs,
    results,
    connections,
    jobCommands: new JobCommands(jobs, connections, canceling, view, filter),
    connectionCommands: disposables.add(new ConnectionCommands(connections, context)),
    durableAdmin,
    files,
    extensionUri: context.extensionUri,
  });
  const update = (): void => {
    setContext('hasConnections', connections.profiles.length + connections.faulty.length > 0);
    if (connections.profiles.length > 0) walkthrough.mark('connect');
  };
  disposables.add(connections.onDidChange(update));
  update();

  const restored = restore(jobs, history, files, channel)
    .catch((error: unknown) => {
      channel.error(`The jobs of earlier sessions could not be read: ${String(error)}`);
      void ui.showWarningMessage(
        vscode.l10n.t('The jobs of earlier sessions could not be read from {0}. The log shows why.', history.folder),
      );
    })
    .then(() => {
      notifications.restored();
      editor.restore(jobs.jobs);
      statusBar.update();
      // The tree may have been drawn before the jobs were restored.
      view.refresh();
      disposables.add(results.restore());
      setContext('ready', true);
    });
  disposables.add(
    openJobLinks(
      jobs,
      () => restored,
      (id) => results.show(id),
    ),
  );
  registerTools(disposables, { jobs, launcher, connections, files, restored });
  return createApi(jobs, launcher, connections, files, restored, durableAdmin);
}

/**
 * The folder for this workspace's jobs. Not VS Code's storage folder for the workspace: a second window on the same workspace gets
 * another one, even if the first window is only a closed browser tab, and would not find the jobs.
 */
function storageOf(context: vscode.ExtensionContext): string {
  const { workspaceFile, workspaceFolders = [] } = vscode.workspace;
  const uris = workspaceFile ? [workspaceFile] : workspaceFolders.map(({ uri }) => uri);
  const key = createHash('sha256').update(uris.join('\n')).digest('hex').slice(0, 16);
  return join(context.globalStorageUri.fsPath, 'workspaces', key);
}

/** VS Code waits for the returned promise before it stops the extension host. */
export async function deactivate(): Promise<void> {
  await shutDown?.();
  shutDown = undefined;
}

/** Restores the jobs from before a reload. Jobs that were not launched stay paused until the user resumes them. */
async function restore(
  jobs: JobService,
  history: JobHistory,
  files: SpoolFiles,
  channel: vscode.LogOutputChannel,
): Promise<void> {
  const { held, detached, corrupt } = await jobs.restore();
  // Not awaited: nothing depends on the cleanup.
  void history
    .idsIfAlone()
    .then((ids) => ids && files.sweep(ids))
    .catch((error: unknown) => channel.warn(`Rows of deleted jobs could not be removed: ${String(error)}`));
  if (corrupt > 0) {
    const showLog = vscode.l10n.t('Show Log');
    void ui
      .showWarningMessage(
        corrupt === 1
          ? vscode.l10n.t('1 job record could not be read and was set aside. The log shows its file.')
          : vscode.l10n.t('{0} job records could not be read and were set aside. The log shows their files.', corrupt),
        showLog,
      )
      .then((choice) => {
        if (choice === showLog) channel.show();
      });
  }
  if (detached > 0) {
    void ui.showWarningMessage(
      detached === 1
        ? vscode.l10n.t(
            '1 job was running when VS Code was reloaded. It keeps running, but its rows and outcome are lost.',
          )
        : vscode.l10n.t(
            '{0} jobs were running when VS Code was reloaded. They keep running, but their rows and outcomes are lost.',
            detached,
          ),
    );
  }
  if (held === 0) return;
  const resume = vscode.l10n.t('Resume');
  const message =
    held === 1
      ? vscode.l10n.t('1 queued job was not launched before VS Code was reloaded.')
      : vscode.l10n.t('{0} queued jobs were not launched before VS Code was reloaded.', held);
  // Not awaited: activation does not wait for an answer.
  void ui.showInformationMessage(message, resume).then((choice) => {
    if (choice === resume) jobs.resumeHeld();
  });
}
