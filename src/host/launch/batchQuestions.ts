import * as vscode from 'vscode';
import type { OnFailure } from '../../core/jobs/batches/batchPart';
import type { BatchOptions } from '../../core/jobs/batches/batchPart';
import { askOne, askText, BACK } from '../base/multiStepInput';
import { readSetting } from '../base/settings';
import * as ui from '../base/ui';
import { onFailureText, orderText } from '../jobs/batchText';

type BatchAnswer = Pick<BatchOptions, 'parallel' | 'onFailure'>;

const MEMORY_KEY = 'eachStatement';
const MAX_PARALLEL = 1000;

interface OptionRow extends vscode.QuickPickItem {
  /** Changes the option. Undefined: run now. */
  readonly change?: () => Promise<void> | void;
}

/**
 * Asks how the statements of a batch run: in a list with Run and every option, which begins with the last answer. If the setting decides what
 * happens after a failure, nothing is asked, and they run in order.
 *
 * @returns undefined if the user closed the list
 */
export async function askBatch(count: number, memory: vscode.Memento): Promise<BatchAnswer | undefined> {
  const setting = readSetting('onStatementFailure');
  if (setting !== 'ask') return { parallel: 1, onFailure: setting };
  const title = vscode.l10n.t('Run Each Statement in Background');
  let { parallel, onFailure } = remembered(memory);
  for (;;) {
    const items: OptionRow[] = [
      {
        label: vscode.l10n.t('Run'),
        iconPath: new vscode.ThemeIcon('play'),
        description: vscode.l10n.t('{0} statements, with the options below', count),
      },
      { label: vscode.l10n.t('Options'), kind: vscode.QuickPickItemKind.Separator },
      {
        label: vscode.l10n.t('Order'),
        description: orderText({ parallel }),
        change: async () => void (parallel = (await askParallel(title, parallel)) ?? parallel),
      },
      {
        label: vscode.l10n.t('If a statement fails'),
        description: onFailureText({ onFailure }),
        change: () => void (onFailure = onFailure === 'stop' ? 'continue' : 'stop'),
      },
    ];
    const picked = await askOne(
      { title, step: 1, totalSteps: 1 },
      { placeholder: vscode.l10n.t('Press Enter to run, or choose an option to change'), items },
    );
    if (picked === undefined || picked === BACK) return undefined;
    if (!picked.change) {
      await memory.update(MEMORY_KEY, { parallel, onFailure });
      return { parallel, onFailure };
    }
    await picked.change();
  }
}

function remembered(memory: vscode.Memento): BatchAnswer {
  const { parallel, onFailure } = memory.get<Partial<BatchAnswer>>(MEMORY_KEY, {});
  return {
    parallel: parallel !== undefined && isParallel(parallel) ? parallel : 1,
    onFailure: onFailure === 'continue' ? 'continue' : 'stop',
  };
}

function isParallel(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= MAX_PARALLEL;
}

/** Asks how many statements run at a time. */
async function askParallel(title: string, current: number): Promise<number | undefined> {
  const limit = readSetting('maxConcurrentJobs');
  const position = { title, step: 1, totalSteps: 1 };
  const inOrder = { label: vscode.l10n.t('In order'), description: vscode.l10n.t('each after the one before it') };
  const several = { label: vscode.l10n.t('Up to N at a time…') };
  const picked = await askOne(position, {
    placeholder: vscode.l10n.t('Order of the statements'),
    items: [inOrder, several],
    active: current === 1 ? inOrder : several,
  });
  if (picked === inOrder) return 1;
  if (picked !== several) return undefined;
  const text = await askText(position, {
    value: String(current === 1 ? limit || 4 : current),
    prompt:
      limit === 0
        ? vscode.l10n.t('How many statements run at a time.')
        : vscode.l10n.t(
            'How many statements run at a time. The limit of the connection applies as well: {0} jobs.',
            limit,
          ),
    check: (value) =>
      isParallel(Number(value.trim() || NaN))
        ? undefined
        : vscode.l10n.t('Enter a whole number from 1 to {0}.', MAX_PARALLEL),
  });
  return typeof text === 'string' ? Number(text) : undefined;
}

/** Asks when jobs run after another one. @returns undefined if the user cancels */
export async function askAfter(label: string): Promise<OnFailure | undefined> {
  const items: readonly (vscode.QuickPickItem & { readonly value: OnFailure })[] = [
    { label: vscode.l10n.t('Only if it succeeds'), value: 'stop' },
    { label: vscode.l10n.t('Always, however it ends'), value: 'continue' },
  ];
  const placeHolder = vscode.l10n.t('When to run it after “{0}”', label);
  return (await ui.showQuickPick(items, { title: afterTitle(), placeHolder }))?.value;
}

/** Asks which SQL to run after a job. @param inEditor describes what the active editor offers; undefined if it offers nothing */
export async function askWhatAfter(inEditor: string | undefined): Promise<'editor' | vscode.Uri | undefined> {
  const editor = { label: vscode.l10n.t('SQL in the editor'), description: inEditor ?? '' };
  const file = { label: vscode.l10n.t('A file…') };
  const picked =
    inEditor === undefined
      ? file
      : await ui.showQuickPick([editor, file], { title: afterTitle(), placeHolder: vscode.l10n.t('What to run') });
  if (picked === editor) return 'editor';
  if (!picked) return undefined;
  const [uri] = (await vscode.window.showOpenDialog({ title: afterTitle(), filters: { SQL: ['sql'] } })) ?? [];
  return uri;
}

function afterTitle(): string {
  return vscode.l10n.t('Run After This Job');
}

/** Asks for several connections. @returns their names, in the order of the list; undefined if the user gives up */
export async function askConnections(items: readonly vscode.QuickPickItem[]): Promise<readonly string[] | undefined> {
  const picked = await ui.showQuickPickMany(items, {
    title: vscode.l10n.t('Run on Several Connections'),
    placeHolder: vscode.l10n.t('Choose the connections to run on'),
    matchOnDescription: true,
  });
  return picked?.map(({ label }) => label);
}
