import * as vscode from 'vscode';
import { sizeOf } from '../../core/jobs/textBudget';
import type { Disposable } from '../../core/base/disposable';
import { NOTICES_CHARACTERS, VALUE_CHARACTERS } from '../../shared/resultsLimits';
import { numberStyleOf } from '../../shared/numberText';
import type { NoticeView, ResultsHead, RowsView, TabName, ToPage } from '../../shared/resultsProtocol';
import type { FromPage } from '../../shared/resultsRequests';
import { shorten } from '../../shared/displayText';
import { Disposables } from '../base/disposables';
import { type PageFiles, pageHtml, pageRoot } from '../base/pageHtml';
import { moreText, plainLabel } from '../base/plainText';
import { errorText, faultText } from '../messages/faultText';
import { ActivityFeed } from '../activity/activityFeed';
import type { ActivityTarget } from '../activity/activityTarget';
import { workerOfJob } from '../activity/workerOfJob';
import { headOf, settingsOf } from './jobHeader';
import { ORDER_LIMIT, ResultsActions } from './resultsActions';
import { RowsService, StaleViewError } from './rowsService';
import type { ResultsJob, ResultsSource } from './rowSource';
import { resultsTexts } from './resultsTexts';
import { parseFromPage } from './pageMessages';

/** Minimum time between two updates of the page, because a job may change many times per second. Milliseconds. */
const UPDATE_MS = 100;
/** Maximum UTF-16 units of a message in the status line. */
const STATUS_CHARACTERS = 1000;
/** How often the page is updated while rows arrive. Milliseconds. */
const GROWTH_MS = 400;

export class ResultsPanel implements Disposable {
  readonly #disposables = new Disposables();
  readonly #rows: RowsService;
  readonly #actions: ResultsActions;
  readonly #activity: ActivityFeed;
  /** The page shows the Activity tab. */
  #activityShown = false;
  /** The user has interacted with the page, so it is no longer only a preview. */
  #used = false;
  #ready = false;
  #tab: TabName | undefined;
  #columnsSent = 0;
  #noticesSent = 0;
  #status: RowsView | undefined;
  #updateTimer: ReturnType<typeof setTimeout> | undefined;
  #growthTimer: ReturnType<typeof setTimeout> | undefined;
  #tiles = new AbortController();
  #disposed = false;
  /** The document that contains the error, as last sent to the page. */
  #errorFile: string | undefined;

  readonly #source: ResultsSource;

  constructor(
    readonly id: string,
    readonly panel: vscode.WebviewPanel,
    source: ResultsSource,
    extensionUri: vscode.Uri,
    files: PageFiles,
  ) {
    this.#source = source;

    this.#rows = this.#disposables.add(new RowsService(source, id, faultText));
    this.#actions = this.#disposables.add(new ResultsActions(id, this.#rows, source, (message) => this.#post(message)));
    this.#activity = this.#disposables.add(
      new ActivityFeed(
        () => this.#activityTarget(),
        (activity) => this.#post({ type: 'activity', activity }),
      ),
    );
    const root = pageRoot(extensionUri);
    const icon = (theme: string): vscode.Uri => vscode.Uri.joinPath(extensionUri, 'media', `results-${theme}.svg`);
    panel.iconPath = { light: icon('light'), dark: icon('dark') };
    panel.webview.options = { enableScripts: true, localResourceRoots: [root] };
    this.#disposables.add(
      panel.webview.onDidReceiveMessage((raw: unknown) => {
        const message = parseFromPage(raw);
        if (message !== undefined) void this.#handle(message);
      }),
    );
    this.#disposables.add(
      panel.onDidChangeViewState(() => {
        // VS Code destroys a hidden page, which requests everything when it is shown again.
        if (!panel.visible) {
          this.#ready = false;
          this.#activityShown = false;
          this.#activity.stop();
        }
        this.changed();
      }),
    );
    this.#disposables.add(
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document.uri.toString() === this.#errorFile) this.changed();
      }),
    );
    this.#disposables.add({ dispose: () => this.#tiles.abort() });
    this.#setTitle();
    panel.webview.html = pageHtml(panel.webview, root, 'results', { ownMenu: true, files, later: 'toolkit' });
  }

  get used(): boolean {
    return this.#used;
  }

  /** Schedules an update of the page after the job has changed. */
  changed(): void {
    this.#setTitle();
    this.#updateTimer ??= setTimeout(() => {
      this.#updateTimer = undefined;
      void this.#update();
    }, UPDATE_MS);
  }

  /** Shows a tab, even if the page is still loading. */
  showTab(tab: TabName): void {
    if (this.#ready) this.#post({ type: 'tab', tab });
    else this.#tab = tab;
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#updateTimer);
    clearTimeout(this.#growthTimer);
    this.#disposables.dispose();
    this.#source.closed?.(this.id);
  }

  #setTitle(): void {
    const info = this.#source.job(this.id)?.info;
    if (info === undefined) return;
    const label = plainLabel(info.label);
    const title = info.pid === undefined ? label : `${label} (${info.pid})`;
    if (this.panel.title !== title) this.panel.title = title;
  }

  #post(message: ToPage): void {
    if (this.#disposed) return;
    // A page that is being destroyed drops the message; it requests everything when it is shown again.
    void this.panel.webview.postMessage(message);
  }

  #showStatus(message: string, severity: 'info' | 'error' = 'error'): void {
    this.#post({ type: 'status', message: shorten(message, STATUS_CHARACTERS, moreText), severity });
  }

  async #init(): Promise<void> {
    const job = this.#source.job(this.id);
    if (job === undefined) return;
    this.#actions.stop();
    const unreadable = (error: unknown): RowsView => ({
      rows: 0,
      bytes: 0,
      complete: true,
      dropped: 0,
      message: vscode.l10n.t('The rows cannot be read: {0}', errorText(error)),
    });
    const [columns, rows, first] = await Promise.all([
      this.#rows.columns().catch(() => []),
      this.#rows.status().catch(unreadable),
      this.#rows.firstTile().catch(() => undefined),
    ]);
    const notices = this.#newNotices(0);
    this.#columnsSent = columns.length;
    this.#status = rows;
    this.#ready = true;
    this.#post({
      type: 'init',
      strings: resultsTexts(),
      language: vscode.env.language,
      numbers: numberStyleOf(vscode.env.language),
      head: await this.#head(job),
      columns,
      rows,
      notices,
      orderLimit: ORDER_LIMIT,
      ...(first === undefined ? {} : { first }),
      ...(this.#tab === undefined ? {} : { tab: this.#tab }),
    });
    this.#tab = undefined;
    this.#source.shown?.(this.id);
    this.#watchGrowth(rows);
  }

  async #update(): Promise<void> {
    const job = this.#source.job(this.id);
    if (!this.#ready || !this.panel.visible || job === undefined) return;
    // First, because the page leaves the tab of the rows if the job has ended without columns.
    await this.#sendRows();
    this.#post({ type: 'head', head: await this.#head(job) });
    this.#sendNotices();
    this.#activity.show(this.#activityShown);
    this.#source.shown?.(this.id);
  }

  #activityTarget(): ActivityTarget | undefined {
    const job = this.#source.job(this.id);
    const worker = workerOfJob(this.#source.linked?.(this.id));
    return job && worker && { ...worker, launch: { settings: settingsOf(job), withStatement: false } };
  }

  async #head(job: ResultsJob): Promise<ResultsHead> {
    const hasWorker = workerOfJob(this.#source.linked?.(this.id)) !== undefined;
    if (job.info.error === undefined) return { ...headOf(job, Date.now()), hasWorker };
    const place = await this.#source.errorPlace(this.id);
    // Remember the file even if the text has changed: Undo may restore it.
    if (place) this.#errorFile = place.uri.toString();
    // The job may have changed in the meantime.
    return { ...headOf(this.#source.job(this.id) ?? job, Date.now(), place), hasWorker };
  }

  #sendNotices(): void {
    const from = this.#noticesSent;
    const notices = this.#newNotices(from);
    if (notices.length > 0) this.#post({ type: 'notices', from, notices });
  }

  /** Messages from this number on; only the newest if they exceed the size limit. */
  #newNotices(from: number): NoticeView[] {
    const held = this.#source.notices(this.id);
    const first = this.#source.noticesNotHeld(this.id);
    this.#noticesSent = first + held.length;
    let room = NOTICES_CHARACTERS;
    let start = held.length;
    for (; start > Math.max(0, from - first); start--) {
      const notice = held[start - 1];
      if (notice === undefined || (room -= sizeOf(notice)) < 0) break;
    }
    return held.slice(start).map(({ fullText: _, ...notice }, index) => ({ ...notice, number: first + start + index }));
  }

  async #sendRows(): Promise<void> {
    try {
      if (this.#columnsSent === 0) {
        const columns = await this.#rows.columns();
        this.#columnsSent = columns.length;
        if (columns.length > 0) this.#post({ type: 'columns', columns });
      }
      const rows = await this.#rows.status();
      if (!same(rows, this.#status)) this.#post({ type: 'rows', rows });
      this.#status = rows;
      this.#watchGrowth(rows);
    } catch (error) {
      this.#showStatus(vscode.l10n.t('The rows cannot be read: {0}', errorText(error)));
    }
  }

  /** Polls for new rows while more may arrive and the panel is visible, because rows arrive without a change of the job. */
  #watchGrowth(rows: RowsView): void {
    clearTimeout(this.#growthTimer);
    if (rows.complete || this.#disposed || !this.panel.visible) return;
    this.#growthTimer = setTimeout(() => void this.#sendRows(), GROWTH_MS);
  }

  async #handle(message: FromPage): Promise<void> {
    try {
      switch (message.type) {
        case 'ready':
          await this.#init();
          break;
        case 'tiles':
          await this.#sendTiles(message);
          break;
        case 'cell':
          this.#used = true;
          await this.#sendCell(message);
          break;
        case 'activity':
          this.#activityShown = message.shown && this.panel.visible;
          this.#activity.show(this.#activityShown);
          break;
        case 'signalBlocker':
          this.#used = true;
          await this.#activity.signal(message.pid, message.backendStart, message.signal);
          break;
        default:
          this.#used = true;
          await this.#actions.handle(message);
      }
    } catch (error) {
      if (!isAbort(error) && !(error instanceof StaleViewError)) this.#showStatus(errorText(error));
    }
  }

  /** A new request aborts the older one. */
  async #sendTiles(message: Extract<FromPage, { type: 'tiles' }>): Promise<void> {
    this.#tiles.abort();
    const { signal } = (this.#tiles = new AbortController());
    const { request, view } = message;
    try {
      const tiles = await this.#rows.tiles(view, message.ranges, signal);
      if (!signal.aborted) this.#post({ type: 'tiles', request, view, tiles });
    } catch (error) {
      if (signal.aborted || error instanceof StaleViewError) return;
      this.#post({ type: 'tilesFailed', request, message: errorText(error) });
    }
  }

  async #sendCell({ request, view, at }: Extract<FromPage, { type: 'cell' }>): Promise<void> {
    try {
      const value = await this.#rows.cell(view, at);
      const length = value?.length ?? 0;
      this.#post({ type: 'cell', request, value: value === null ? null : value.slice(0, VALUE_CHARACTERS), length });
    } catch (error) {
      if (!(error instanceof StaleViewError)) this.#post({ type: 'cellFailed', request, message: errorText(error) });
    }
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function same(a: RowsView, b: RowsView | undefined): boolean {
  return (
    b !== undefined &&
    a.rows === b.rows &&
    a.bytes === b.bytes &&
    a.complete === b.complete &&
    a.dropped === b.dropped &&
    a.limit === b.limit &&
    a.message === b.message
  );
}
