/** Purges durable jobs. Loaded on demand. */
import * as vscode from 'vscode';
import { inSession } from '../../core/postgres/client/ownSession';
import { listPurgeable, purgeInParts, purgeSeen } from '../../core/postgres/durable/purge';
import type { Purgeable, Purged } from '../../core/postgres/durable/records';
import { sizeText } from '../../shared/displayText';
import { formatDate } from '../../shared/timeText';
import { WORKERS_VIEW } from '../base/commandIds';
import * as ui from '../base/ui';
import type { Connections } from '../connections/connections';

interface PurgeItem extends vscode.QuickPickItem {
  readonly job: Purgeable;
}

/** Shows the finished jobs, and purges those that the user selects. */
export async function purgeDurableJobs(connections: Connections, name: string): Promise<void> {
  connections.allowPrompts(name);
  const view = { location: { viewId: WORKERS_VIEW } };
  const jobs = await ui.withProgress(view, () => inSession(connections.openSession(name), listPurgeable));
  if (jobs.length === 0) {
    void ui.showInformationMessage(vscode.l10n.t('“{0}” has no finished durable jobs.', name));
    return;
  }
  const picked = await ui.showQuickPickMany(jobs.map(itemOf), {
    title: vscode.l10n.t('Purge Durable Jobs of “{0}”', name),
    placeHolder: vscode.l10n.t(
      'Selected jobs are deleted on the server, with their rows. Pinned ones, and results that no one has seen, are not selected.',
    ),
    matchOnDescription: true,
    ignoreFocusOut: true,
  });
  if (!picked || picked.length === 0) return;
  const chosen = picked.map(({ job }) => job);
  if (!(await confirm(connections, name, chosen))) return;
  const ids = chosen.map(({ id }) => id);
  const title = vscode.l10n.t('Purging durable jobs of “{0}”', name);
  const purged = await ui.withProgress({ location: vscode.ProgressLocation.Notification, title }, (progress) =>
    inSession(connections.openSession(name), (client) =>
      purgeInParts(client, ids, (done) => progress.report({ message: vscode.l10n.t('{0} of {1}', done, ids.length) })),
    ),
  );
  report(purged);
}

function itemOf(job: Purgeable): PurgeItem {
  const { label, state, owner, finishedAt, seen, pinned, bytes } = job;
  const ended = formatDate(Date.parse(finishedAt), vscode.env.language);
  const parts = [
    stateText(state),
    ended,
    owner,
    ...(bytes === null ? [] : [sizeText(Number(bytes))]),
    pinned ? vscode.l10n.t('pinned') : seen ? vscode.l10n.t('seen') : vscode.l10n.t('not seen'),
  ];
  return { label, description: parts.join(' · '), picked: seen && !pinned, job };
}

function stateText(state: string): string {
  switch (state) {
    case 'succeeded':
      return vscode.l10n.t('succeeded');
    case 'failed':
      return vscode.l10n.t('failed');
    case 'canceled':
      return vscode.l10n.t('canceled');
    default:
      return vscode.l10n.t('outcome unknown');
  }
}

/** Asks if results that no one has seen would be lost, or if the connection is a production connection. */
async function confirm(connections: Connections, name: string, jobs: readonly Purgeable[]): Promise<boolean> {
  const unseen = jobs.filter(({ seen }) => !seen).length;
  const production = connections.find(name)?.production === true;
  if (unseen === 0 && !production) return true;
  const count = jobs.length;
  const purge = vscode.l10n.t('Purge');
  const question = production
    ? count === 1
      ? vscode.l10n.t('Purge 1 job of the production connection “{0}”?', name)
      : vscode.l10n.t('Purge {0} jobs of the production connection “{1}”?', count, name)
    : count === 1
      ? vscode.l10n.t('Purge 1 job of “{0}”?', name)
      : vscode.l10n.t('Purge {0} jobs of “{1}”?', count, name);
  const detail =
    unseen === 0
      ? vscode.l10n.t('Their records and rows are deleted on the server.')
      : unseen === 1
        ? vscode.l10n.t('No one has seen the result of 1 of them. It will be lost.')
        : vscode.l10n.t('No one has seen the results of {0} of them. They will be lost.', unseen);
  return (await ui.showWarningMessage(question, { modal: true, detail }, purge)) === purge;
}

function report(purged: readonly Purged[]): void {
  const removed = purged.filter((job) => job.removed).length;
  const kept = purged.length - removed;
  const done =
    removed === 1
      ? vscode.l10n.t('1 durable job was purged.')
      : vscode.l10n.t('{0} durable jobs were purged.', removed);
  if (kept === 0) {
    void ui.showInformationMessage(done);
    return;
  }
  const reason = purged.find(({ problem }) => problem !== null)?.problem ?? '';
  const problem =
    kept === 1
      ? vscode.l10n.t('1 could not be purged: {0}', reason)
      : vscode.l10n.t('{0} could not be purged. The first reason: {1}', kept, reason);
  void ui.showWarningMessage(`${done} ${problem}`);
}

/** Purges old jobs that were seen. @returns a line for the log; undefined if there was nothing to do */
export async function applyRetention(
  connections: Connections,
  name: string,
  days: number,
): Promise<string | undefined> {
  const purged = await inSession(connections.openSession(name), (client) => purgeSeen(client, days));
  if (purged === undefined || purged.length === 0) return undefined;
  const kept = purged.filter(({ removed }) => !removed);
  const failed = kept.length === 0 ? '' : `; ${kept.length} could not be purged (${kept[0]?.problem ?? ''})`;
  return `purged ${purged.length - kept.length} durable jobs that were seen more than ${days} days ago${failed}.`;
}
