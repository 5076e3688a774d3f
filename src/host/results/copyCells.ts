import { l10n } from 'vscode';
import { formatSelection } from '../../core/results/format/clipboard';
import { DELIMITERS, type FormatOptions } from '../../core/results/format/formats';
import type { CopyRange, FromPage } from '../../shared/resultsProtocol';
import { readSetting } from '../base/settings';
import type { RowsService } from './rowsService';

type CopyMessage = Extract<FromPage, { type: 'copy' }>;

/** More text than this is no use on a clipboard, and stands in memory several times on its way there. */
const MAX_CHARACTERS = 64 * 1024 * 1024;
const ROWS_AT_ONCE = 2_000;

/** A wish that cannot be granted; the message says why and what to do, for the user. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/**
 * The selected cells as text. All ranges are of the same columns (the page sees to it).
 *
 * @throws RefusedError where it is too much
 */
export async function copiedRows(
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
    for (let at = first; at <= last; at += ROWS_AT_ONCE) {
      signal.throwIfAborted();
      const limit = Math.min(ROWS_AT_ONCE, last - at + 1);
      const page = order === undefined ? await reader.rows(at, limit) : await reader.rowsAt(order, at, limit);
      for (const row of page) {
        const cells = columns.map((column) => row[column] ?? null);
        for (const cell of cells) characters += (cell?.length ?? 4) + 1;
        picked.push(cells);
      }
      if (characters > MAX_CHARACTERS) throw tooMuch();
      // Fewer than asked for: the rows end here.
      if (page.length < limit) break;
    }
  }
  const named = columns.flatMap((column) => reader.columns[column] ?? []);
  const text = formatSelection(message.format, named, picked, { header: message.headers, ...spreadsheetOptions() });
  return { text, rows: picked.length };
}

/** How the user wants values for spreadsheets to be written. */
export function spreadsheetOptions(): Pick<FormatOptions, 'delimiter' | 'escapeFormulas'> {
  const name = readSetting('results.csvDelimiter');
  // Whatever stands in the settings.
  const delimiter = Object.hasOwn(DELIMITERS, name) ? DELIMITERS[name] : DELIMITERS.comma;
  return { delimiter, escapeFormulas: readSetting('results.escapeFormulas') };
}

/** True where the selection is so large that reading it would be in vain. */
export function isHopeless(ranges: readonly CopyRange[], rows: number, bytes: number): boolean {
  const selected = ranges.reduce((sum, range) => sum + Math.min(range.last, rows - 1) - range.first + 1, 0);
  // Some columns only may be far less than whole rows: those are counted while reading.
  return rows > 0 && (selected / rows) * bytes > MAX_CHARACTERS * 32;
}

export function tooMuch(): RefusedError {
  return new RefusedError(
    l10n.t('The selection is larger than {0} MB: export it to a file instead.', MAX_CHARACTERS / 1024 / 1024),
  );
}
