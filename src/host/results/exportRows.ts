import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { exportChunks, exportRows, type ExportOptions } from '../../core/results/format/exports';
import type { ExportFormat, FromPage } from '../../shared/resultsProtocol';
import { readSetting } from '../base/settings';
import { RefusedError, spreadsheetOptions } from './copyCells';
import type { RowsReader } from './rowSource';
import * as ui from '../base/ui';

type ExportMessage = Extract<FromPage, { type: 'export' | 'openDocument' }>;

/** Bytes up to which rows are opened as a document: VS Code's editor stops colouring at 20 MB and opening at 50 MB. */
const MAX_DOCUMENT_BYTES = 10 * 1024 * 1024;
/** Bytes up to which a written file is offered to be opened. */
const MAX_OPENED_BYTES = 50 * 1024 * 1024;

const FORMATS: Readonly<Record<ExportFormat, { readonly extension: string; readonly language: string }>> = {
  csv: { extension: 'csv', language: 'csv' },
  tsv: { extension: 'tsv', language: 'tsv' },
  json: { extension: 'json', language: 'json' },
  ndjson: { extension: 'ndjson', language: 'jsonl' },
  markdown: { extension: 'md', language: 'markdown' },
  insert: { extension: 'sql', language: 'sql' },
};

/** What is exported: rows that stay open, in the view's order. */
export interface Exported {
  readonly reader: RowsReader;
  readonly order: Uint32Array | undefined;
  readonly label: string;
}

/**
 * Asks for a file and writes the rows into it, with progress that can be canceled. Resolves with what to say, or with
 * undefined where the user gave it up.
 */
export async function exportToFile(message: ExportMessage, exported: Exported): Promise<string | undefined> {
  const { extension } = FORMATS[message.format];
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const name = `${fileName(exported.label)}.${extension}`;
  const uri = await vscode.window.showSaveDialog({
    filters: { [extension.toUpperCase()]: [extension] },
    title: vscode.l10n.t('Export Rows'),
    saveLabel: vscode.l10n.t('Export'),
    defaultUri: folder === undefined ? vscode.Uri.file(name) : vscode.Uri.joinPath(folder, name),
  });
  if (uri === undefined) return undefined;
  if (uri.scheme !== 'file') {
    throw new RefusedError(vscode.l10n.t('Rows can be exported to files of this machine only.'));
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
      let told = 0;
      const options: ExportOptions = {
        ...optionsOf(message, exported),
        byteOrderMark: readSetting('results.csvByteOrderMark'),
        signal: abort.signal,
        progress: ({ rows, fraction }) => {
          const increment = fraction * 100 - told;
          // A message a percent: the notification is drawn anew at each.
          if (increment < 1) return;
          told += increment;
          progress.report({ increment, message: rowsWord(rows) });
        },
      };
      try {
        return await exportRows(exported.reader, uri.fsPath, message.format, options);
      } catch (error) {
        if (abort.signal.aborted) return undefined;
        throw error;
      }
    },
  );
  if (result === undefined) return vscode.l10n.t('The export was canceled; no file was written.');
  if (result.bytes <= MAX_OPENED_BYTES) void offerToOpen(uri, result.rows);
  return vscode.l10n.t('Exported {0} to {1}.', rowsWord(result.rows), uri.fsPath);
}

/** Opens the rows as a document without a file. @throws RefusedError where they are too many */
export async function openAsDocument(message: ExportMessage, exported: Exported): Promise<void> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of exportChunks(exported.reader, message.format, optionsOf(message, exported))) {
    bytes += chunk.bytes.length;
    if (bytes > MAX_DOCUMENT_BYTES) {
      const limit = MAX_DOCUMENT_BYTES / 1024 / 1024;
      throw new RefusedError(vscode.l10n.t('These rows make more than {0} MB: export them to a file instead.', limit));
    }
    parts.push(Buffer.from(chunk.bytes));
  }
  await openText(Buffer.concat(parts).toString('utf8'), FORMATS[message.format].language);
}

/** Opens a text as a document without a file. */
export async function openText(content: string, language: string): Promise<void> {
  const known = new Set(await vscode.languages.getLanguages());
  const document = await vscode.workspace.openTextDocument({
    content,
    language: known.has(language) ? language : 'plaintext',
  });
  await vscode.window.showTextDocument(document, { preview: false });
}

function optionsOf({ columns }: ExportMessage, { order }: Exported): ExportOptions {
  return { header: true, columns, ...spreadsheetOptions(), ...(order === undefined ? {} : { order }) };
}

async function offerToOpen(uri: vscode.Uri, rows: number): Promise<void> {
  const open = vscode.l10n.t('Open File');
  const folder = dirname(uri.fsPath);
  const choice = await ui.showInformationMessage(
    vscode.l10n.t('Exported {0} to “{1}” in {2}.', rowsWord(rows), basename(uri.fsPath), folder),
    open,
  );
  if (choice === open) await vscode.window.showTextDocument(uri);
}

function rowsWord(count: number): string {
  return count === 1 ? vscode.l10n.t('1 row') : vscode.l10n.t('{0} rows', count.toLocaleString(vscode.env.language));
}

/** A label as the name of a file on every system. */
function fileName(label: string): string {
  const name = label.replace(/[^\p{L}\p{N}_-]+/gu, '_').replace(/^_+|_+$/g, '');
  return name === '' ? 'rows' : name.slice(0, 64);
}
