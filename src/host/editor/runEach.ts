import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import { readSetting } from '../base/settings';
import { plain } from '../base/plainText';
import type { Prepared } from '../launch/prepareLaunch';
import { withSession } from './scriptSession';
import { copiesText, skippedText } from './editorMessages';
import { effectsOf } from '../../core/sql/settings/sessionEffects';
import { SessionSettings } from '../../core/sql/settings/sessionSettings';
import * as ui from '../base/ui';

/** What happens to the statements behind one that did not succeed. */
export type OnFailure = 'stop' | 'continue';

export interface SequenceParts {
  /** Commands of psql that nobody ran. */
  readonly skipped: number;
  /** COPY … FROM STDIN whose rows are inserted. */
  readonly copies: number;
  start(prepared: Prepared): Job;
  cancel(job: Job): Promise<unknown>;
}

/** What shares a session in psql: the statements of one file. */
function sourceOf({ target }: Prepared): unknown {
  return target.source ?? target.uri.toString();
}

/** Launches by the file that they are of, in their order. */
export function bySource(all: readonly Prepared[]): { readonly own: readonly Prepared[] }[] {
  const groups = new Map<unknown, Prepared[]>();
  for (const one of all) {
    const group = groups.get(sourceOf(one));
    if (group) group.push(one);
    else groups.set(sourceOf(one), [one]);
  }
  return [...groups.values()].map((own) => ({ own }));
}

function cancelRefused(job: Job, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  void ui.showErrorMessage(plain(vscode.l10n.t('“{0}” could not be canceled: {1}', job.record.label, reason)));
}

/** Runs jobs one after the other. Resolves to their ids when the last one that is to run has ended. */
export async function runInOrder(all: readonly Prepared[], parts: SequenceParts): Promise<string[]> {
  const onFailure = all.length === 1 ? 'stop' : await askOnFailure();
  if (!onFailure) return [];
  const jobs: Job[] = [];
  const sessions = new Map<unknown, SessionSettings>();
  let canceled = false;
  await ui.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t('Running each statement'),
      cancellable: true,
    },
    async (progress, token) => {
      token.onCancellationRequested(() => {
        canceled = true;
        const job = jobs.at(-1);
        // A worker that does not stop is reported by the job itself; a signal that could not be sent is not.
        if (job && !job.final) parts.cancel(job).catch((error: unknown) => cancelRefused(job, error));
      });
      for (const [index, next] of all.entries()) {
        const session = sessions.get(sourceOf(next)) ?? next.session ?? new SessionSettings();
        sessions.set(sourceOf(next), session);
        const prepared = withSession(next, session);
        progress.report({
          message: vscode.l10n.t('{0} of {1}: {2}', index + 1, all.length, plain(prepared.request.label)),
          increment: index === 0 ? 0 : 100 / all.length,
        });
        const job = parts.start(prepared);
        jobs.push(job);
        await job.ended;
        // As in psql, a statement that fails sets nothing.
        if (job.state === 'succeeded') session.apply(effectsOf(next.request.sql));
        if (canceled || (onFailure === 'stop' && job.state !== 'succeeded')) break;
      }
    },
  );
  tell(jobs, all.length, parts, canceled);
  return jobs.map(({ id }) => id);
}

/** The setting, or the user's answer; undefined where they gave up. */
async function askOnFailure(): Promise<OnFailure | undefined> {
  const setting = readSetting('onStatementFailure');
  if (setting !== 'ask') return setting;
  const items: readonly (vscode.QuickPickItem & { readonly value: OnFailure; readonly always: boolean })[] = [
    { label: vscode.l10n.t('Stop at the first failure'), value: 'stop', always: false },
    { label: vscode.l10n.t('Continue with the next statement'), value: 'continue', always: false },
    { label: vscode.l10n.t('Always stop at the first failure'), value: 'stop', always: true },
    { label: vscode.l10n.t('Always go on with the next statement'), value: 'continue', always: true },
  ];
  const picked = await ui.showQuickPick(items, {
    title: vscode.l10n.t('Run Each Statement in Background'),
    placeHolder: vscode.l10n.t('What if a statement fails?'),
  });
  if (picked?.always) {
    await vscode.workspace
      .getConfiguration('pgBackground')
      .update('onStatementFailure', picked.value, vscode.ConfigurationTarget.Global);
  }
  return picked?.value;
}

function tell(jobs: readonly Job[], total: number, { skipped, copies }: SequenceParts, canceled: boolean): void {
  const failed = jobs.filter((job) => job.state !== 'succeeded');
  const left = total - jobs.length;
  const parts = [
    failed.length === 0
      ? total === 1
        ? vscode.l10n.t('The statement succeeded.')
        : vscode.l10n.t('{0} of {1} statements succeeded.', jobs.length, total)
      : vscode.l10n.t(
          '{0} of {1} statements succeeded, {2} did not.',
          jobs.length - failed.length,
          total,
          failed.length,
        ),
  ];
  const last = jobs.at(-1);
  if (left > 0 && !canceled && last) {
    parts.push(
      left === 1
        ? vscode.l10n.t('Stopped at “{0}”; 1 was not run.', last.record.label)
        : vscode.l10n.t('Stopped at “{0}”; {1} were not run.', last.record.label, left),
    );
  } else if (left > 0) {
    parts.push(left === 1 ? vscode.l10n.t('1 was not run.') : vscode.l10n.t('{0} were not run.', left));
  }
  if (skipped > 0) parts.push(skippedText(skipped));
  if (copies > 0) parts.push(copiesText(copies));
  const text = parts.join(' ');
  if (failed.length > 0 && !canceled) void ui.showWarningMessage(plain(text));
  else void ui.showInformationMessage(plain(text));
}
