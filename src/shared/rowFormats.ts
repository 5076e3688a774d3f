/** The formats in which rows leave the results page. The only list of formats: everything else is a record keyed by it. */
import type { ResultsStringKey } from './resultsStrings';

/** Formats of exported files and documents, in the order of the menu. */
export const EXPORT_FORMATS = ['csv', 'tsv', 'json', 'ndjson', 'markdown', 'insert'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Formats for the clipboard, in the order of the menu. */
export const COPY_FORMATS = ['tsv', 'csv', 'json', 'markdown', 'insert'] as const satisfies readonly ExportFormat[];
export type CopyFormat = (typeof COPY_FORMATS)[number];

/** The text that names each format in the user's language. */
export const FORMAT_NAMES: Readonly<Record<ExportFormat, ResultsStringKey>> = {
  csv: 'formatCsv',
  tsv: 'formatTsv',
  json: 'formatJson',
  ndjson: 'formatNdjson',
  markdown: 'formatMarkdown',
  insert: 'formatInsert',
};
