import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { exportChunks, exportRows, type ExportOptions } from '../../core/results/format/exports';
import type { FromPage } from '../../shared/resultsRequests';
import type { ExportFormat } from '../../shared/rowFormats';
import { readSetting } from '../base/settings';
import { spreadsheetOptions } from './copyCells';
import { RefusedError } from './refusedError';
import type { RowsReader } from './rowSource';
import * as ui from '../base/ui';

type ExportMessage = Extract<FromPage, { type: 'export' | 'openDocument' }>;

/** Maximum size of a document in bytes: VS Code's editor disables highlighting at 20 MB and refuses to open 50 MB. */
const MAX_DOCUMENT_BYTES = 10 * 1024 * 1024;
/** Maximum size of a written file that the user is offered to open. */
const MAX_OPENED_BYTES = 50 * 1024 * 1024;

const FILE_TYPES: Readonly<Record<ExportFormat, { readonly extension: string; readonly language: string }>> = {
  csv: { extension: 'csv', language: 'csv' },
  tsv: { extension: 'tsv', language: 'tsv' },
  json: { extension: 'json', language: 'json' },
  ndjson: { extension: 'ndjson', language: 'jsonl' },
  markdown: { extension: 'md', language: 'markdown' },
  insert: { extension: 'sql', language: 'sql' },
};

/** Rows to export. The caller keeps the reader open. */
export interface ExportSource {
  readonly reader: RowsReader;
  /** Row numbers in the order of the view; undefined for all rows in stored order. */
  readonly order: Uint32Array | undefined;
  readonly label: string;
}

/**
 * Asks for a file and writes the rows to it, with cancelable progress.
 *
 * @returns A message about the result; undefined if the user chose no file.
 */
export async function exportToFile(message: ExportMessage, source: ExportSource): Promise<string | undefined> {
  const { extension } = FILE_TYPES[message.format];
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const name = `${fileName(source.label)}.${extension}`;
  const uri = await vscode.window.showSaveDialog({
    filters: { [extension.toUpperCase()]: [extension] },
    title: vscode.l10n.t('Export Rows'),
    saveLabel: vscode.l10n.t('Export'),
    defaultUri: folder === undefined ? vscode.Uri.file(name) : vscode.Uri.joinPath(folder, name),
  });
  if (uri === undefined) return undefined;
  if (uri.scheme !== 'file') {
    throw new RefusedError(vscode.l10n.t('Rows can only be exported to files on this machine.'));
  }
  const result = await ui.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t('Exporting to {0}', basename(uri.fsPath)),
      cancellable: true,
    },
    async (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      let reported = 0;
      const options: ExportOptions = {
        ...optionsOf(message, source),
        byteOrderMark: readSetting('results.csvByteOrderMark'),
        signal: abort.signal,
        progress: ({ rows, fraction }) => {
          const increment = fraction * 100 - reported;
          // At most one report per percent: each one redraws the notification.
          if (increment < 1) return;
          reported += increment;
          progress.report({ increment, message: rowsText(rows) });
        },
      };
      try {
        return await exportRows(source.reader, uri.fsPath, message.format, options);
      } catch (error) {
        if (abort.signal.aborted) return undefined;
        throw error;
      }
    },
  );
  if (result === undefined) return vscode.l10n.t('The export was canceled; no file was written.');
  if (result.bytes <= MAX_OPENED_BYTES) void offerToOpen(uri, result.rows);
  return vscode.l10n.t('Exported {0} to {1}.', rowsText(result.rows), uri.fsPath);
}

/** Opens the rows as an untitled document. @throws RefusedError if they are too large */
export async function openAsDocument(message: ExportMessage, source: ExportSource): Promise<void> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of exportChunks(source.reader, message.format, optionsOf(message, source))) {
    bytes += chunk.bytes.length;
    if (bytes > MAX_DOCUMENT_BYTES) {
      const limit = MAX_DOCUMENT_BYTES / 1024 / 1024;
      throw new RefusedError(vscode.l10n.t('These rows are larger than {0} MB. Export them to a file instead.', limit));
    }
    parts.push(Buffer.from(chunk.bytes));
  }
  await openText(Buffer.concat(parts).toString('utf8'), FILE_TYPES[message.format].language);
}

/** Opens a text as an untitled document. */
export async function openText(content: string, language: string): Promise<void> {
  const known = new Set(await vscode.languages.getLanguages());
  const document = await vscode.workspace.openTextDocument({
    content,
    language: known.has(language) ? language : 'plaintext',
  });
  await vscode.window.showTextDocument(document, { preview: false });
}

function optionsOf({ columns }: ExportMessage, { order }: ExportSource): ExportOptions {
  return { header: true, columns, ...spreadsheetOptions(), ...(order === undefined ? {} : { order }) };
}

async function offerToOpen(uri: vscode.Uri, rows: number): Promise<void> {
  const open = vscode.l10n.t('Open File');
  const folder = dirname(uri.fsPath);
  const choice = await ui.showInformationMessage(
    vscode.l10n.t('Exported {0} to “{1}” in {2}.', rowsText(rows), basename(uri.fsPath), folder),
    open,
  );
  if (choice === open) await vscode.window.showTextDocument(uri);
}

function rowsText(count: number): string {
  return count === 1 ? vscode.l10n.t('1 row') : vscode.l10n.t('{0} rows', count.toLocaleString(vscode.env.language));
}

/** Converts a label to a file name that is valid on every system. */
function fileName(label: string): string {
  const name = label.replace(/[^\p{L}\p{N}_-]+/gu, '_').replace(/^_+|_+$/g, '');
  return name === '' ? 'rows' : name.slice(0, 64);
}
