import * as vscode from 'vscode';
import { fullErrorText, noticeText } from '../../core/jobs/textBudget';
import type { Disposable } from '../../core/base/disposable';
import { DEFAULT_MAX_ROWS, orderRows } from '../../core/results/query/order';
import type { ToPage } from '../../shared/resultsProtocol';
import type { FromPage } from '../../shared/resultsRequests';
import { exceedsClipboard, formatSelectedRows, selectionTooLarge } from './copyCells';
import { exportToFile, openAsDocument, openText } from './exportRows';
import { errorText } from '../messages/faultText';
import { openFailure } from './openFailure';
import { openStoredText } from './fullText';
import { FindSession } from './findSession';
import type { RowsService } from './rowsService';
import type { ResultsSource } from './rowSource';
import { formatName } from './resultsTexts';

/** Sorting and filtering are available up to this many rows. */
export const ORDER_LIMIT = DEFAULT_MAX_ROWS;

/** Messages that request more than displaying rows. */
export type ActionMessage = Exclude<FromPage, { type: 'ready' | 'tiles' | 'cell' | 'activity' | 'signalBlocker' }>;

/** Handles the actions of one panel's page. */
export class ResultsActions implements Disposable {
  #find: FindSession | undefined;
  #order: AbortController | undefined;
  #copying: AbortController | undefined;

  readonly #id: string;
  readonly #rows: RowsService;
  readonly #source: ResultsSource;
  readonly #post: (message: ToPage) => void;

  constructor(id: string, rows: RowsService, source: ResultsSource, post: (message: ToPage) => void) {
    this.#id = id;
    this.#rows = rows;
    this.#source = source;
    this.#post = post;
  }

  async handle(message: ActionMessage): Promise<void> {
    const id = this.#id;
    const source = this.#source;
    const rows = this.#rows;
    switch (message.type) {
      case 'cancel':
        await source.cancel(id);
        break;
      case 'rerun':
        await source.rerun(id);
        break;
      case 'showText': {
        const stored = source.fullText(id, message.what === 'message' ? message.number : message.what);
        if (stored === undefined) throw new Error(vscode.l10n.t('The full text was not kept.'));
        await openStoredText(stored);
        break;
      }
      case 'openSql':
        await openText(source.job(id)?.info.sql ?? '', 'sql');
        break;
      case 'openError':
        await openFailure(await source.errorPlace(id));
        break;
      case 'copyColumnName':
        await this.#copy((await rows.reader())?.columns[message.column]?.name ?? '');
        break;
      case 'changeLimit':
        await vscode.commands.executeCommand(
          'workbench.action.openSettings',
          `@id:pgBackground.results.${message.limit}`,
        );
        break;
      case 'copyText':
        await this.#copy(textToCopy(message.what, id, source));
        break;
      case 'copyValue':
        await this.#copy((await rows.cell(message.view, message.at)) ?? '');
        break;
      case 'openValue': {
        const value = (await rows.cell(message.view, message.at)) ?? '';
        await openText(value, /^\s*[[{]/.test(value) ? 'json' : 'plaintext');
        break;
      }
      case 'find':
        await this.#startFind(message);
        break;
      case 'findStep':
        if (this.#find?.id === message.find) this.#find.step(message);
        break;
      case 'findCancel':
        this.#stopFind();
        break;
      case 'order':
        await this.#startOrder(message);
        break;
      case 'orderCancel':
        this.#order?.abort();
        rows.dropView();
        break;
      case 'copy':
        await this.#copyRows(message);
        break;
      case 'export':
      case 'openDocument':
        await this.#export(message);
        break;
    }
  }

  /** Stops all running actions, because the page was closed or reloaded. */
  stop(): void {
    this.#stopFind();
    this.#order?.abort();
    this.#copying?.abort();
    this.#rows.dropView();
  }

  dispose(): void {
    this.stop();
  }

  async #copy(text: string): Promise<void> {
    await vscode.env.clipboard.writeText(text);
    this.#post({ type: 'status', message: vscode.l10n.t('Copied.'), severity: 'info' });
  }

  /** A new copy cancels the running one, which would otherwise overwrite the clipboard later. */
  async #copyRows(message: Extract<FromPage, { type: 'copy' }>): Promise<void> {
    this.#copying?.abort();
    const { signal } = (this.#copying = new AbortController());
    const { rows, bytes } = await this.#rows.status();
    if (exceedsClipboard(message.ranges, rows, bytes)) throw selectionTooLarge();
    const copied = await formatSelectedRows(message, this.#rows, signal);
    if (signal.aborted) return;
    await vscode.env.clipboard.writeText(copied.text);
    const count = copied.rows.toLocaleString(vscode.env.language);
    const format = formatName(message.format);
    const text =
      copied.rows === 1
        ? vscode.l10n.t('Copied 1 row as {0}.', format)
        : vscode.l10n.t('Copied {0} rows as {1}.', count, format);
    this.#post({ type: 'status', message: text, severity: 'info' });
  }

  /** Opens the rows separately, so that closing the panel does not end an export. */
  async #export(message: Extract<FromPage, { type: 'export' | 'openDocument' }>): Promise<void> {
    const order = this.#rows.order(message.view);
    // A file must not end where the copying happens to be.
    const reader = await this.#source.rows(this.#id, true);
    if (reader === undefined) return;
    try {
      const exportSource = { reader, order, label: this.#source.job(this.#id)?.info.label ?? '' };
      if (message.type === 'openDocument') {
        await openAsDocument(message, exportSource);
        return;
      }
      const result = await exportToFile(message, exportSource);
      if (result !== undefined) this.#post({ type: 'status', message: result, severity: 'info' });
    } finally {
      await reader.close();
    }
  }

  async #startFind(message: Extract<FromPage, { type: 'find' }>): Promise<void> {
    this.#stopFind();
    const session = new FindSession(message, this.#rows, this.#post, errorText);
    this.#find = session;
    await session.run();
  }

  #stopFind(): void {
    this.#find?.dispose();
    this.#find = undefined;
  }

  /** A new order replaces the running one. */
  async #startOrder({ view, order }: Extract<FromPage, { type: 'order' }>): Promise<void> {
    this.#order?.abort();
    const { signal } = (this.#order = new AbortController());
    const reader = await this.#rows.reader();
    if (reader === undefined) return;
    try {
      const { order: rows } = await orderRows(reader, order.sort, order.filters, {
        maxRows: ORDER_LIMIT,
        signal,
        progress: (read) => this.#post({ type: 'order', view, state: 'working', rows: read }),
      });
      if (signal.aborted) return;
      this.#rows.setView(view, rows);
      this.#post({ type: 'order', view, state: 'ready', rows: rows.length });
    } catch (error) {
      if (signal.aborted) return;
      this.#post({ type: 'order', view, state: 'failed', rows: 0, message: errorText(error) });
    }
  }
}

function textToCopy(what: 'sql' | 'error' | 'messages', id: string, source: ResultsSource): string {
  const info = source.job(id)?.info;
  if (what === 'sql') return info?.sql ?? '';
  if (what === 'messages') {
    return source
      .notices(id)
      .map((notice) => `${new Date(notice.at).toISOString()} ${noticeText(notice)}`)
      .join('\n');
  }
  const error = info?.error;
  return error === undefined ? '' : fullErrorText(error);
}
