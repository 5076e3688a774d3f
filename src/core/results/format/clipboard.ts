/** Formats a few rows for the clipboard, in the same formats as files. */
import type { Row } from '../../../shared/rowCodec';
import type { ExportFormat } from '../../../shared/rowFormats';
import { withoutFormula } from './csv';
import { createFormatter } from './formats';
import type { FormatOptions } from './formatter';
import type { SpoolColumn } from '../spool/spoolFormat';

/** Options as for files. Without `header`, a Markdown table, which requires a header row, has empty column names. */
export interface ClipboardOptions extends FormatOptions {
  readonly header?: boolean;
}

/**
 * Formats selected rows.
 *
 * TSV is meant for spreadsheets: NULL and the empty string are both empty, because a spreadsheet would show the quotes of an empty
 * string; values with tabs or line ends are quoted, which spreadsheets understand. A single value is not quoted, because it may be
 * pasted anywhere.
 *
 * @param columns The columns of the selection, in the order of the values.
 * @param options `header` defaults to false.
 * @returns Text without a final line end, so that pasting a single cell inserts just its value.
 */
export function formatSelection(
  format: ExportFormat,
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
