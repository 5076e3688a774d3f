/** Questions before a launch that would differ from what psql does with the same file. */
import * as vscode from 'vscode';
import type { ContextCode, ContextFinding } from '../../core/sql/psql/fileContext';
import type { ConcernCode } from '../../core/sql/psql/scriptConcerns';
import type { LeftOut } from '../../core/sql/psql/scriptSteps';
import { labelFromSql } from '../../core/sql/directives';
import { plain } from '../base/plainText';
import * as ui from '../base/ui';

/** One finding for a question: where, and what. */
export interface QuestionLine {
  /** From 1; undefined if the text is in no document. */
  readonly line: number | undefined;
  readonly text: string;
}

/** More lines than these make a dialog that nobody reads. */
const MOST_LINES = 8;

/** What the user wants to happen with the statements of a script that cannot simply run one by one. */
export type ScriptAnswer = 'run' | 'oneJob' | undefined;

/** Asks whether statements run one by one although that differs from psql. @param oneJob offer to run all of it as one job */
export async function askScript(lines: readonly QuestionLine[], oneJob: boolean): Promise<ScriptAnswer> {
  const run = vscode.l10n.t('Run Each Statement Anyway');
  const together = vscode.l10n.t('Run as One Job');
  const advice = oneJob ? vscode.l10n.t('As one job, all statements share one session and one transaction.') : '';
  const choice = await ui.showWarningMessage(
    vscode.l10n.t('Each statement runs in its own worker, so this script would run differently than in psql.'),
    { modal: true, detail: [detailOf(lines), advice].filter(Boolean).join('\n\n') },
    run,
    ...(oneJob ? [together] : []),
  );
  return choice === run ? 'run' : choice === together ? 'oneJob' : undefined;
}

/** What the user wants to happen with a statement that the file would run in another way. */
export type ContextAnswer = 'run' | 'withSettings' | undefined;

/** Asks whether a statement runs on its own although the file says more about it. */
export async function askContext(lines: readonly QuestionLine[], settings: boolean): Promise<ContextAnswer> {
  const run = vscode.l10n.t('Run Anyway');
  const apply = vscode.l10n.t('Run with the File’s Settings');
  const choice = await ui.showWarningMessage(
    vscode.l10n.t('Run on its own, this would differ from what the file says.'),
    { modal: true, detail: detailOf(lines) },
    ...(settings ? [apply, run] : [run]),
  );
  return choice === run ? 'run' : choice === apply ? 'withSettings' : undefined;
}

function detailOf(lines: readonly QuestionLine[]): string {
  const shown = lines
    .slice(0, MOST_LINES)
    .map(({ line, text }) => (line === undefined ? text : vscode.l10n.t('Line {0}: {1}', line, text)));
  const more = lines.length - shown.length;
  if (more > 0) shown.push(more === 1 ? vscode.l10n.t('1 more') : vscode.l10n.t('{0} more', more));
  return shown.map((text) => plain(text)).join('\n');
}

export function concernText(code: ConcernCode, subject: string): string {
  switch (code) {
    case 'temporary':
      return vscode.l10n.t('{0} is temporary: later statements do not see it.', subject);
    case 'prepared':
      return vscode.l10n.t('The prepared statement {0} is gone when a later EXECUTE needs it.', subject);
    case 'heldCursor':
      return vscode.l10n.t('The cursor {0} is gone when a later FETCH needs it.', subject);
    case 'library':
      return vscode.l10n.t('{0} is loaded for this statement only.', subject);
    case 'sessionLock':
      return vscode.l10n.t('The lock of {0} is released as soon as this statement ends.', subject);
    case 'sequenceState':
      return vscode.l10n.t('{0} does not know values that earlier statements took from a sequence.', subject);
    case 'unclearSetting':
      return vscode.l10n.t('Later statements run without what this sets: {0}', subject);
    case 'backslashStrings':
      return vscode.l10n.t('{0} is turned off: later strings with backslashes may be read wrongly.', subject);
  }
}

export function leftOutText(code: LeftOut['code']): string {
  return code === 'rolledBack'
    ? vscode.l10n.t('This transaction ends in ROLLBACK. A worker always commits, so its statements are not run.')
    : vscode.l10n.t('This transaction has no COMMIT, so psql would roll it back. Its statements are not run.');
}

export function contextText({ code, subject }: ContextFinding): string {
  const short = labelFromSql(subject);
  const texts: Readonly<Record<ContextCode, () => string>> = {
    rolledBack: () => vscode.l10n.t('{0} undoes it in the file. On its own it is committed.', short),
    neverCommitted: () =>
      vscode.l10n.t('{0} begins a transaction that the file does not commit. On its own it is committed.', short),
    committedLater: () =>
      vscode.l10n.t('{0} commits it together with other statements. On its own it is committed at once.', short),
    readOnly: () => vscode.l10n.t('{0} makes the transaction read-only.', short),
    autocommitOff: () => vscode.l10n.t('{0}: the file commits later. On its own it is committed at once.', subject),
    connect: () =>
      vscode.l10n.t('{0}: the file has changed its connection. It would run on this file’s connection.', subject),
    skipped: () => vscode.l10n.t('{0}: psql does not run it, because of this condition.', subject),
    perhapsSkipped: () => vscode.l10n.t('{0}: psql runs it only under this condition.', subject),
    settings: () => vscode.l10n.t('The file sets {0} before it.', subject),
  };
  return texts[code]();
}
