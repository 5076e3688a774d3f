/** A few rows as text for the clipboard, in the same forms as files. */
import type { Row } from '../../../shared/rowCodec';
import { createFormatter, withoutFormula, type Format, type FormatOptions } from './formats';
import type { SpoolColumn } from '../spool/spoolFormat';

/** As for files; `header` is also heeded for Markdown, whose tables cannot be without: its names stay empty then. */
export interface ClipboardOptions extends FormatOptions {
  readonly header?: boolean;
}

/**
 * Writes selected rows as text.
 *
 * TSV is meant for spreadsheets here: NULL and the empty string are both empty, because a spreadsheet would show the quotes of an empty
 * string as text; values with tabs or line ends are in quotes, which spreadsheets understand. A single value is not put in quotes:
 * it comes as it is, since it is pasted anywhere.
 *
 * @param columns The columns of the selection, in the order of the values.
 * @param options `header` is false if not said.
 * @returns Without a line end at its end, so that pasting a cell gives the cell.
 */
export function formatSelection(
  format: Format,
  columns: readonly SpoolColumn[],
  rows: readonly Row[],
  options: ClipboardOptions = {},
): string {
  const { header = false } = options;
  const [first, ...others] = rows;
  if (format === 'tsv' && !header && first?.length === 1 && others.length === 0) return first[0] ?? '';
  const named = format === 'markdown' && !header ? columns.map((column) => ({ ...column, name: '' })) : columns;
  const formatter = createFormatter(format, named, { ...options, header });
  let text = formatter.head;
  for (const row of rows) {
    text += format === 'tsv' ? spreadsheetLine(row, options.escapeFormulas === true) : formatter.row(row);
  }
  return (text + formatter.tail()).replace(/\n$/, '');
}

function spreadsheetLine(row: Row, escapeFormulas: boolean): string {
  return (
    row
      .map((value) => (value === null || !escapeFormulas ? value : withoutFormula(value)))
      .map((value) => (value === null ? '' : /["\t\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value))
      .join('\t') + '\n'
  );
}
