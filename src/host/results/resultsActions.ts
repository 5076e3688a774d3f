import * as vscode from 'vscode';
import type { Disposable } from '../../core/jobs/ports';
import type { FromPage, ToPage } from '../../shared/resultsProtocol';
import type { RowsService } from './rowsService';
import type { ResultsSource } from './source';

/** The panel that an action acts for. */
export interface ActionContext {
  readonly id: string;
  readonly rows: RowsService;
  readonly source: ResultsSource;
  post(message: ToPage): void;
}

/** Messages that ask for more than showing. */
export type ActionMessage = Exclude<FromPage, { type: 'ready' | 'tiles' | 'cell' }>;

/** What the page asks the host to do. Stateless: what a panel has under way is kept with its context. */
export class ResultsActions implements Disposable {
  /** Rows up to which sorting and filtering are offered. */
  readonly orderLimit = 0;

  async take(message: ActionMessage, context: ActionContext): Promise<void> {
    const { id, source, rows } = context;
    switch (message.type) {
      case 'cancel':
        await source.cancel(id);
        break;
      case 'rerun':
        await source.rerun(id);
        break;
      case 'openSql':
        await openText(source.job(id)?.info.sql ?? '', 'sql');
        break;
      case 'copyText':
        await vscode.env.clipboard.writeText(copiedText(message.what, context));
        context.post({ type: 'said', message: vscode.l10n.t('Copied.'), severity: 'info' });
        break;
      case 'copyValue': {
        const value = await rows.cell(message.view, message.at);
        await vscode.env.clipboard.writeText(value ?? '');
        context.post({ type: 'said', message: vscode.l10n.t('Copied.'), severity: 'info' });
        break;
      }
      case 'openValue': {
        const value = (await rows.cell(message.view, message.at)) ?? '';
        await openText(value, /^\s*[[{]/.test(value) ? 'json' : 'plaintext');
        break;
      }
      default:
        break;
    }
  }

  dispose(): void {
    // Nothing is held yet.
  }
}

async function openText(content: string, language: string): Promise<void> {
  const document = await vscode.workspace.openTextDocument({ content, language });
  await vscode.window.showTextDocument(document, { preview: false });
}

function copiedText(what: 'sql' | 'error' | 'messages', { id, source }: ActionContext): string {
  const info = source.job(id)?.info;
  if (what === 'sql') return info?.sql ?? '';
  if (what === 'messages') {
    return source
      .notices(id)
      .map(({ at, severity, message, detail, hint }) =>
        [`${new Date(at).toISOString()} ${severity}: ${message}`, detail, hint].filter(Boolean).join('\n  '),
      )
      .join('\n');
  }
  const error = info?.error;
  if (error === undefined) return '';
  const parts: [string, string | undefined][] = [
    ['ERROR', error.message],
    ['DETAIL', error.detail],
    ['HINT', error.hint],
    ['CONTEXT', error.context],
    ['SQLSTATE', error.sqlstate],
  ];
  return parts
    .flatMap(([name, value]) => (value === undefined || value === '' ? [] : [`${name}: ${value}`]))
    .join('\n');
}
