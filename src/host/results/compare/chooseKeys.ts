import * as vscode from 'vscode';
import { shortName } from '../../../core/jobs/textBudget';
import { proposeKeys, type CommonColumn } from '../../../core/results/compare/columns';
import type { Row } from '../../../shared/rowCodec';
import { join } from '../../jobs/jobText';
import * as ui from '../../base/ui';
import { RefusedError } from '../refusedError';
import type { RowsReader } from '../rowSource';

/** Rows of each result that are read to propose a key. */
const SAMPLE_ROWS = 1000;
/** Cells that are read at most; fewer rows of a wide result. */
const SAMPLE_CELLS = 50_000;
/** Characters of a value that are compared in the sample. */
const SAMPLE_CHARACTERS = 200;

interface KeyItem extends vscode.QuickPickItem {
  readonly column: number;
}

/**
 * Asks for the columns that identify a row. Those that probably do are selected.
 *
 * @returns Places in `common`; undefined if the user gave up
 */
export async function chooseKeys(
  common: readonly CommonColumn[],
  before: RowsReader,
  after: RowsReader,
): Promise<readonly number[] | undefined> {
  if (common.length === 1) return [0];
  const rows = Math.max(10, Math.min(SAMPLE_ROWS, Math.floor(SAMPLE_CELLS / common.length)));
  const sample = async (reader: RowsReader, side: 'before' | 'after'): Promise<Row[]> => {
    const preview = await reader.preview(0, rows, { maxLength: SAMPLE_CHARACTERS });
    return preview.rows.map((row) => common.map((column) => row[column[side]] ?? null));
  };
  const { candidates, proposed } = proposeKeys(common, [await sample(before, 'before'), await sample(after, 'after')]);
  const unique = vscode.l10n.t('unique in the first rows of both results');
  const items = candidates.map((candidate): KeyItem => {
    const column = common[candidate.column];
    return {
      label: shortName(column?.name ?? ''),
      description: join(shortName(column?.type ?? ''), candidate.unique ? unique : ''),
      picked: proposed.includes(candidate.column),
      column: candidate.column,
    };
  });
  // What is selected comes first, because a result may have hundreds of columns.
  const sorted = [...items.filter(({ picked }) => picked === true), ...items.filter(({ picked }) => picked !== true)];
  const chosen = await ui.showQuickPickMany(sorted, {
    title: vscode.l10n.t('Compare Results: Key Columns'),
    placeHolder: vscode.l10n.t('Choose the columns that identify a row, such as the primary key'),
    matchOnDescription: true,
  });
  if (chosen?.length === 0) throw new RefusedError(vscode.l10n.t('Choose at least one key column.'));
  return chosen?.map(({ column }) => column).sort((a, b) => a - b);
}
