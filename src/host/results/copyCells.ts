import { l10n } from 'vscode';
import { formatSelection } from '../../core/results/format/clipboard';
import { DELIMITERS, type FormatOptions } from '../../core/results/format/formatter';
import type { CopyRange, FromPage } from '../../shared/resultsRequests';
import { readSetting } from '../base/settings';
import { RefusedError } from './refusedError';
import type { RowsService } from './rowsService';

type CopyMessage = Extract<FromPage, { type: 'copy' }>;

/** Maximum UTF-16 units to copy: several copies are in memory while the text is copied. */
const MAX_CHARACTERS = 64 * 1024 * 1024;
/** Rows to read at once. */
const ROWS_PER_READ = 2_000;

/**
 * Formats the selected cells. All ranges have the same columns (ensured by the page).
 *
 * @throws RefusedError if the selection is too large
 */
export async function formatSelectedRows(
  message: CopyMessage,
  service: RowsService,
  signal: AbortSignal,
): Promise<{ readonly text: string; readonly rows: number }> {
  const columns = message.ranges[0]?.columns ?? [];
  const reader = await service.reader();
  if (reader === undefined || columns.length === 0) return { text: '', rows: 0 };
  const order = service.order(message.view);
  const picked: (string | null)[][] = [];
  let characters = 0;
  for (const { first, last } of message.ranges) {
    for (let at = first; at <= last; at += ROWS_PER_READ) {
      signal.throwIfAborted();
      const limit = Math.min(ROWS_PER_READ, last - at + 1);
      const page = order === undefined ? await reader.rows(at, limit) : await reader.rowsAt(order, at, limit);
      for (const row of page) {
        const cells = columns.map((column) => row[column] ?? null);
        for (const cell of cells) characters += (cell?.length ?? 4) + 1;
        picked.push(cells);
      }
      if (characters > MAX_CHARACTERS) throw selectionTooLarge();
      // Fewer than requested: the rows end here.
      if (page.length < limit) break;
    }
  }
  const named = columns.flatMap((column) => reader.columns[column] ?? []);
  const text = formatSelection(message.format, named, picked, { header: message.headers, ...spreadsheetOptions() });
  return { text, rows: picked.length };
}

/** The settings for values that are exported to spreadsheets. */
export function spreadsheetOptions(): Pick<FormatOptions, 'delimiter' | 'escapeFormulas'> {
  const name = readSetting('results.csvDelimiter');
  // The setting may have any value.
  const delimiter = Object.hasOwn(DELIMITERS, name) ? DELIMITERS[name] : DELIMITERS.comma;
  return { delimiter, escapeFormulas: readSetting('results.escapeFormulas') };
}

/** Whether the selection is certainly too large to copy, so reading it is pointless. */
export function exceedsClipboard(ranges: readonly CopyRange[], rows: number, bytes: number): boolean {
  const selected = ranges.reduce((sum, range) => sum + Math.min(range.last, rows - 1) - range.first + 1, 0);
  // A few columns may be much smaller than whole rows, so the exact size is checked while reading.
  return rows > 0 && (selected / rows) * bytes > MAX_CHARACTERS * 32;
}

export function selectionTooLarge(): RefusedError {
  return new RefusedError(
    l10n.t(
      'The selection is longer than {0} million characters. Export it to a file instead.',
      Math.floor(MAX_CHARACTERS / 1_000_000),
    ),
  );
}
