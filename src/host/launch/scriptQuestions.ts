/** Questions before a launch that would differ from what psql does with the same file. */
import * as vscode from 'vscode';
import { plain } from '../base/plainText';
import * as ui from '../base/ui';

/** A difference to show in a question. */
export interface QuestionLine {
  /** Starts at 1; undefined if the text is not in a document. */
  readonly line: number | undefined;
  readonly text: string;
}

/** A dialog with more lines is hard to read. */
const MAX_LINES = 8;

/** How to run a script whose statements cannot simply run one by one; undefined if the user cancels. */
export type ScriptAnswer = 'run' | 'oneJob' | undefined;

/** Asks whether to run statements one by one although this differs from psql. @param oneJob offer to run all of them as one job */
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

/** How to run a statement that the file would run differently; undefined if the user cancels. */
export type ContextAnswer = 'run' | 'withSettings' | undefined;

/** Asks whether to run a statement alone although its file would run it differently. @param settings offer to apply the file's settings */
export async function askContext(lines: readonly QuestionLine[], settings: boolean): Promise<ContextAnswer> {
  const run = vscode.l10n.t('Run Anyway');
  const apply = vscode.l10n.t('Run with the File’s Settings');
  const choice = await ui.showWarningMessage(
    vscode.l10n.t('Run alone, this would behave differently than in the file.'),
    { modal: true, detail: detailOf(lines) },
    ...(settings ? [apply, run] : [run]),
  );
  return choice === run ? 'run' : choice === apply ? 'withSettings' : undefined;
}

function detailOf(lines: readonly QuestionLine[]): string {
  const shown = lines
    .slice(0, MAX_LINES)
    .map(({ line, text }) => (line === undefined ? text : vscode.l10n.t('Line {0}: {1}', line, text)));
  const more = lines.length - shown.length;
  if (more > 0) shown.push(more === 1 ? vscode.l10n.t('1 more') : vscode.l10n.t('{0} more', more));
  return shown.map((text) => plain(text)).join('\n');
}
