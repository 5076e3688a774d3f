/** Sets up and removes durable jobs. Loaded on demand, with the SQL of their schema. */
import * as vscode from 'vscode';
import { FaultError } from '../../core/base/fault';
import { inSession } from '../../core/postgres/client/ownSession';
import {
  planRemoval,
  planSetup,
  runRemoval,
  runSetup,
  type RemovalPlan,
  type SetupPlan,
} from '../../core/postgres/durable/administration';
import type { DurableFault } from '../../core/postgres/durable/faults';
import { askToRun, copySql } from '../base/askToRun';
import { WORKERS_VIEW } from '../base/commandIds';
import { SqlDocument } from '../base/sqlDocument';
import * as ui from '../base/ui';
import type { Connections } from '../connections/connections';
import { faultText } from '../messages/faultText';

/** So many labels of unfinished jobs are listed before the removal. */
const MAX_LABELS = 10;

/** Shows the script, and runs it if the user confirms. @returns whether durable jobs are set up now */
export async function setUpDurableJobs(connections: Connections, name: string): Promise<boolean> {
  connections.allowPrompts(name);
  const plan = await inView(() => inSession(connections.openSession(name), planSetup));
  switch (plan.kind) {
    case 'current':
      void ui.showInformationMessage(
        vscode.l10n.t(
          'Durable jobs are already set up on “{0}”, in the database “{1}” (version {2}).',
          name,
          plan.database,
          plan.version,
        ),
      );
      return true;
    case 'refused':
      await showRefusal(plan.fault, plan.script);
      return false;
    case 'install':
    case 'upgrade':
      return confirmAndSetUp(connections, name, plan);
  }
}

async function confirmAndSetUp(
  connections: Connections,
  name: string,
  plan: Extract<SetupPlan, { kind: 'install' | 'upgrade' }>,
): Promise<boolean> {
  const document = await SqlDocument.show(plan.script);
  const choice = await askToRun(
    setupQuestion(name, isProduction(connections, name), plan),
    setupDetail(plan),
    plan.script,
  );
  // The document stays open, so that the user can read it.
  if (choice === undefined) return false;
  await document.close();
  if (choice === 'copied') return false;
  const ran = await inView(() => inSession(connections.openSession(name), (client) => runSetup(client, plan.script)));
  if (!ran) throw new FaultError<DurableFault>({ code: 'durable.planChanged' });
  void ui.showInformationMessage(vscode.l10n.t('Durable jobs are set up on “{0}” (version {1}).', name, plan.version));
  return true;
}

function setupQuestion(name: string, production: boolean, { kind }: SetupPlan): string {
  if (kind === 'install') {
    return production
      ? vscode.l10n.t('Set up durable jobs on the production connection “{0}”?', name)
      : vscode.l10n.t('Set up durable jobs on “{0}”?', name);
  }
  return production
    ? vscode.l10n.t('Upgrade the setup of durable jobs on the production connection “{0}”?', name)
    : vscode.l10n.t('Upgrade the setup of durable jobs on “{0}”?', name);
}

function setupDetail(plan: Extract<SetupPlan, { kind: 'install' | 'upgrade' }>): string {
  const { kind, database, role, installed, version } = plan;
  const effect =
    kind === 'install'
      ? vscode.l10n.t('The script creates the schemas pgbackground_jobs and pgbackground_rows, version {0}.', version)
      : installed === version
        ? vscode.l10n.t('Version {0} is adapted to the installed pg_background. All jobs and rows are kept.', version)
        : vscode.l10n.t('Version {0} becomes version {1}. All jobs and rows are kept.', installed, version);
  return vscode.l10n.t(
    '{0}\n\nDatabase: {1}\nRole: {2}\n\nThe script is open in the editor. To read it first, cancel, and use the command again.',
    effect,
    database,
    role,
  );
}

/** Sets up durable jobs without questions. @throws Error with instructions */
export async function installDurableJobs(connections: Connections, name: string): Promise<void> {
  connections.allowPasswordPrompt(name);
  await inSession(connections.openSession(name), (client) => runSetup(client));
}

/** Lists what would be lost, and removes durable jobs if the user confirms. @returns whether they were removed */
export async function removeDurableJobs(connections: Connections, name: string): Promise<boolean> {
  connections.allowPrompts(name);
  const plan = await inView(() => inSession(connections.openSession(name), planRemoval));
  if (plan.kind === 'refused') {
    await showRefusal(plan.fault, plan.script);
    return false;
  }
  const question = isProduction(connections, name)
    ? vscode.l10n.t('Remove durable jobs from the production connection “{0}”, with all records and rows?', name)
    : vscode.l10n.t('Remove durable jobs from “{0}”, with all records and rows?', name);
  if ((await askToRun(question, removalDetail(plan), plan.script)) !== 'run') return false;
  await inView(() => inSession(connections.openSession(name), runRemoval));
  void ui.showInformationMessage(vscode.l10n.t('Durable jobs were removed from “{0}”.', name));
  return true;
}

function removalDetail({
  database,
  role,
  unfinished,
  finished,
  script,
}: Extract<RemovalPlan, { kind: 'remove' }>): string {
  const labels = unfinished.slice(0, MAX_LABELS).map(({ label, owner }) => `${label} (${owner})`);
  const more = unfinished.length - labels.length;
  const running = [
    ...labels,
    ...(more === 0 ? [] : [more === 1 ? vscode.l10n.t('1 more job') : vscode.l10n.t('{0} more jobs', more)]),
  ];
  return [
    vscode.l10n.t('Database: {0}\nRole: {1}', database, role),
    ...(running.length === 0
      ? []
      : [
          vscode.l10n.t(
            'These jobs have not ended. Their work continues and is committed, but its outcome will not be recorded:\n{0}\nTo stop them, cancel them first.',
            running.join('\n'),
          ),
        ]),
    ...(finished === 0
      ? []
      : [
          finished === 1
            ? vscode.l10n.t('The record and the rows of 1 finished job will be deleted, for all roles and windows.')
            : vscode.l10n.t(
                'The records and rows of {0} finished jobs will be deleted, for all roles and windows.',
                finished,
              ),
        ]),
    script,
  ].join('\n\n');
}

/** Shows why something cannot be done, and offers the SQL with which an administrator can do it. */
async function showRefusal(fault: Parameters<typeof faultText>[0], script: string | undefined): Promise<void> {
  const copy = vscode.l10n.t('Copy SQL');
  const choice = await ui.showErrorMessage(faultText(fault), ...(script === undefined ? [] : [copy]));
  if (choice === copy && script !== undefined) await copySql(script);
}

function isProduction(connections: Connections, name: string): boolean {
  return connections.find(name)?.production === true;
}

function inView<T>(task: () => Promise<T>): Thenable<T> {
  return ui.withProgress({ location: { viewId: WORKERS_VIEW } }, task);
}
