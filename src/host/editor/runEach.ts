import type * as vscode from 'vscode';
import type { SharedSession } from '../../core/jobs/batches/batchPart';
import { scriptConcerns } from '../../core/sql/psql/scriptConcerns';
import type { SkippedTransaction } from '../../core/sql/psql/scriptSteps';
import { truncateLabel } from '../../core/sql/labels';
import { askScript, type ScriptAnswer } from '../launch/scriptQuestions';
import { sqlText } from '../messages/sqlMessages';
import { nameOf } from './editorTargets';
import type { PreparedLaunch } from './preparedLaunch';

/** Identifies the file of a launch: in psql, the statements of a file share a session. */
function fileOf({ target }: PreparedLaunch): unknown {
  return target.source ?? target.uri.toString();
}

/** Groups launches by file. */
export function groupByFile(all: readonly PreparedLaunch[]): (readonly PreparedLaunch[])[] {
  const groups = new Map<unknown, PreparedLaunch[]>();
  for (const prepared of all) {
    const group = groups.get(fileOf(prepared));
    if (group) group.push(prepared);
    else groups.set(fileOf(prepared), [prepared]);
  }
  return [...groups.values()];
}

/** The sessions that the launches share with the others of their files, in the order of the launches. */
export function sessionsOf(all: readonly PreparedLaunch[]): readonly (SharedSession | undefined)[] {
  const sessions = new Map<PreparedLaunch, SharedSession>();
  for (const [key, launches] of groupByFile(all).entries()) {
    const before = launches[0]?.session?.effects ?? [];
    for (const launch of launches) sessions.set(launch, { key, ...(before.length > 0 && { before }) });
  }
  return all.map((launch) => sessions.get(launch));
}

/** A launch with the modes of the transaction that its step of a script was. */
export function withModes(launch: PreparedLaunch): PreparedLaunch {
  const { request, target } = launch;
  const modes = target.step?.modes ?? {};
  if (Object.keys(modes).length === 0) return launch;
  return { ...launch, request: { ...request, settings: { ...request.settings, ...modes } } };
}

/** The label of a batch: the names of its files. */
export function batchLabel(all: readonly PreparedLaunch[]): string {
  return truncateLabel([...new Set(all.map(({ target }) => nameOf(target.uri)))].join(', '));
}

/** Asks before anything runs if the script would run differently than in psql. */
export function askAboutScript(
  prepared: readonly PreparedLaunch[],
  skipped: readonly { readonly transaction: SkippedTransaction; readonly document: vscode.TextDocument }[],
): Promise<ScriptAnswer> {
  const lines = skipped.map(({ transaction, document }) => ({
    line: document.positionAt(transaction.span.start).line + 1,
    text: sqlText(transaction),
  }));
  // In psql, each file would have its own session.
  for (const launches of groupByFile(prepared)) {
    for (const concern of scriptConcerns(launches.map(({ request }) => request.sql))) {
      const launch = launches[concern.step];
      const { document, range } = launch?.target ?? {};
      const offset = (range?.start ?? 0) + (launch?.sourceOffset(concern.span.start) ?? 0);
      lines.push({ line: (document?.positionAt(offset).line ?? 0) + 1, text: sqlText(concern) });
    }
  }
  if (lines.length === 0) return Promise.resolve('run');
  return askScript(lines, skipped.length === 0);
}
