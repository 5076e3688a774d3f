import { NOTICES_CHARACTERS } from '../../src/shared/resultsLimits';
import type {
  NoticeView,
  ResultsHead,
  ResultsState,
  SavedView,
  TabName,
  ToPage,
} from '../../src/shared/resultsProtocol';
import type { FromPage } from '../../src/shared/resultsRequests';
import { handled, isCommandKey, make, makeControl } from '../base/dom';
import { ActivityPane } from './activityPane';
import { JobHead } from './jobHeader';
import { RowsTab } from './rowsTab';
import type { PageCommand } from './rowsTools';
import { formatNumber, text } from './strings';
import { drawDetails, drawError, drawMessages, drawQuery } from './textTabs';
import { makePanels } from '../base/controls';

type Init = Extract<ToPage, { type: 'init' }>;

/** Delay before saving the state, because scrolling changes it in each frame. Milliseconds. */
const SAVE_MS = 250;

interface Tab {
  readonly name: TabName;
  readonly tab: HTMLElement;
  readonly view: HTMLElement;
}

/** The whole page: the job's header and the tabs. Only the visible tab is drawn. */
export class ResultsPage {
  readonly element = make('main', 'page');
  readonly #jobHead: JobHead;
  readonly #rows: RowsTab;
  readonly #panels = makePanels('tabs');
  readonly #tabs: Tab[];
  readonly #activity: ActivityPane;
  #activityShown = false;
  #head: ResultsHead;
  #notices: NoticeView[];
  #noticesShown = 1;
  #current: TabName = 'rows';
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the user has selected a tab. Until then, the page selects the best tab with content. */
  #chosen = false;
  readonly #shownTabs = new Set<TabName>();

  readonly #post: (message: FromPage) => void;
  readonly #saveView: (view: SavedView) => void;

  constructor(
    init: Init,
    saved: SavedView | undefined,
    post: (message: FromPage) => void,
    saveView: (view: SavedView) => void,
  ) {
    this.#post = post;
    this.#saveView = saveView;

    this.#head = init.head;
    this.#notices = [...init.notices];
    this.#jobHead = new JobHead(() => post({ type: 'cancel' }));
    this.#rows = new RowsTab(init, saved, post, () => this.#save());
    this.#activity = new ActivityPane(text('activityWaiting'), (pid, backendStart, signal) =>
      post({ type: 'signalBlocker', pid, backendStart, signal }),
    );
    this.#tabs = [
      this.#tab('rows', 'tabRows'),
      this.#tab('messages', 'tabMessages'),
      this.#tab('error', 'tabError'),
      this.#tab('query', 'tabQuery'),
      this.#tab('activity', 'tabActivity'),
      this.#tab('details', 'tabDetails'),
    ];
    this.#panels.setAttribute('aria-label', text('panelName'));
    this.#rows.tools.element.slot = 'end';
    this.#panels.append(this.#rows.tools.element);
    this.#arrangeTabs();
    this.#tabs[0]?.view.append(this.#rows.element);
    this.#panels.addEventListener('change', (event) => {
      // Inputs and lists inside the tabs emit change events too.
      if (event.target === this.#panels) this.#changed();
    });
    this.element.addEventListener('keydown', (event) => this.#key(event));
    this.#chosen = saved?.tab !== undefined;
    this.element.append(this.#jobHead.element, this.#panels);
    const wanted = init.tab ?? saved?.tab;
    this.#select(wanted !== undefined && this.#shownTabs.has(wanted) ? wanted : this.#bestTab());
    this.#update();
  }

  /** Call once the page is in the document. */
  shown(): void {
    // VS Code restores a panel after a reload only if its page has saved a state.
    this.#save();
    this.#rows.shown();
    // A preview leaves the keyboard in the tree, also if it loads after the next key there. VS Code may focus the page later.
    if (document.hasFocus()) this.#focusGrid();
    addEventListener('focus', this.#focusGrid);
  }

  /** Focuses the grid if the page has the focus, but nothing in it. */
  readonly #focusGrid = (): void => {
    if (this.#current === 'rows' && document.activeElement === document.body) this.#rows.gridElement.focus();
  };

  dispose(): void {
    clearTimeout(this.#timer);
    removeEventListener('focus', this.#focusGrid);
    this.#jobHead.dispose();
  }

  handle(message: ToPage): void {
    if (message.type === 'head') {
      this.#head = message.head;
      this.#arrange();
      this.#update();
    } else if (message.type === 'notices') {
      this.#notices = newest([...this.#notices.filter(({ number = 0 }) => number < message.from), ...message.notices]);
      this.#arrange();
      this.#label();
      if (this.#current === 'messages') this.#draw();
    } else if (message.type === 'activity') {
      this.#activity.update(message.activity);
    } else if (message.type === 'tab') {
      this.#select(this.#shownTabs.has(message.tab) ? message.tab : this.#bestTab());
    } else {
      this.#rows.handle(message);
      if (message.type === 'rows' || message.type === 'columns') {
        this.#arrange();
        this.#label();
      }
    }
  }

  /** Shows the tabs that have or may get content, and leaves an empty tab for one with content. */
  #arrange(): void {
    this.#arrangeTabs();
    const empty = !this.#hasContent(this.#current);
    if (!this.#shownTabs.has(this.#current) || (!this.#chosen && empty)) {
      const best = this.#bestTab();
      if (best !== this.#current) this.#select(best);
    }
  }

  #arrangeTabs(): void {
    const ended = ENDED.has(this.#head.state);
    const isShown = (name: TabName): boolean =>
      this.#hasContent(name) || (!ended && (name === 'rows' || name === 'messages'));
    let nextTab: Element | undefined;
    let nextView: Element = this.#rows.tools.element;
    // From last to first, without moving the remaining ones: the toolkit matches tabs and views by their order.
    for (const { name, tab, view } of this.#tabs.toReversed()) {
      if (!isShown(name)) {
        tab.remove();
        view.remove();
        this.#shownTabs.delete(name);
        continue;
      }
      if (!this.#shownTabs.has(name)) {
        this.#panels.insertBefore(view, nextView);
        this.#panels.insertBefore(tab, nextTab ?? view);
        this.#shownTabs.add(name);
      }
      [nextTab, nextView] = [tab, view];
    }
  }

  #hasContent(name: TabName): boolean {
    switch (name) {
      case 'rows':
        return this.#rows.model.columns.length > 0;
      case 'messages':
        return this.#notices.length > 0;
      case 'error':
        return this.#head.error !== undefined;
      case 'activity':
        return this.#head.hasWorker === true;
      case 'query':
        // A comparison of results has none.
        return this.#head.sqlLength > 0;
      case 'details':
        return true;
    }
  }

  /** The rows, or else the tab that explains why there are none. */
  #bestTab(): TabName {
    if (this.#rows.model.stored.rows > 0) return 'rows';
    if (this.#head.error !== undefined) return 'error';
    if (this.#hasContent('rows')) return 'rows';
    if (this.#notices.length > 0) return 'messages';
    return ENDED.has(this.#head.state) ? 'details' : 'rows';
  }

  #tab(name: TabName, key: (typeof TITLES)[TabName]): Tab {
    const tab = makeControl('vscode-panel-tab', '', text(key));
    tab.id = `tab-${name}`;
    const view = makeControl('vscode-panel-view', `view view-${name}`);
    view.id = `view-${name}`;
    return { name, tab, view };
  }

  /** Handles keys of the Rows tab, regardless of the focus. */
  #key(event: KeyboardEvent): void {
    const command = pageCommand(event);
    if (command === undefined) return;
    handled(event);
    if (this.#current !== 'rows') this.#select('rows');
    this.#rows.run(command);
  }

  #select(name: TabName): void {
    this.#current = name;
    this.#panels.activeid = `tab-${name}`;
    this.#draw();
  }

  #changed(): void {
    const name = this.#tabs.find(({ tab }) => tab.id === this.#panels.activeid)?.name ?? 'rows';
    if (name === this.#current) return;
    this.#current = name;
    this.#chosen = true;
    this.#draw();
    this.#save();
  }

  #update(): void {
    this.#jobHead.update(this.#head);
    this.#label();
    if (this.#current !== 'rows' && this.#current !== 'messages') this.#draw();
  }

  /** Shows the number of rows and messages in the tabs. */
  #label(): void {
    const counts: Partial<Record<TabName, number>> = {
      rows: this.#rows.model.stored.rows,
      messages: this.#head.noticeCount ?? this.#notices.length,
    };
    for (const { name, tab } of this.#tabs) {
      const count = counts[name] ?? 0;
      const title = text(TITLES[name]);
      const label = count > 0 ? `${title} (${formatNumber(count)})` : title;
      if (tab.textContent !== label) {
        tab.textContent = label;
        // The toolkit sets the accessible name only once, when the tab is connected.
        tab.setAttribute('aria-label', label);
      }
      tab.classList.toggle('has-error', name === 'error' && this.#head.error !== undefined);
    }
  }

  #draw(): void {
    for (const { name, view } of this.#tabs) if (name !== 'rows' && name !== this.#current) view.replaceChildren();
    this.#rows.tools.element.hidden = this.#current !== 'rows';
    const host = this.#tabs.find(({ name }) => name === this.#current)?.view;
    if (host === undefined) return;
    const post = this.#post;
    if (this.#current === 'messages') {
      const more = (): void => {
        this.#noticesShown++;
        this.#draw();
      };
      drawMessages(host, this.#notices, this.#head, { shown: this.#noticesShown, showMore: more }, post);
    } else if (this.#current === 'error') drawError(host, this.#head, post);
    else if (this.#current === 'query') drawQuery(host, this.#head, post);
    else if (this.#current === 'details') drawDetails(host, this.#head);
    else if (this.#current === 'activity' && this.#activity.element.parentElement !== host) {
      host.append(this.#activity.element);
    }
    this.#requestActivity(this.#current === 'activity');
  }

  /** The server is only queried while the tab is shown. */
  #requestActivity(shown: boolean): void {
    if (this.#activityShown === shown) return;
    this.#activityShown = shown;
    this.#post({ type: 'activity', shown });
  }

  #save(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#saveView({
        version: 1,
        id: this.#head.id,
        ...(this.#chosen ? { tab: this.#current } : {}),
        ...this.#rows.keep(),
      });
    }, SAVE_MS);
  }
}

/** The newest messages, as many as the page holds. */
function newest(notices: NoticeView[]): NoticeView[] {
  let room = NOTICES_CHARACTERS;
  let start = notices.length;
  for (; start > 0; start--) {
    const { message = '', detail = '', hint = '' } = notices[start - 1] ?? {};
    if ((room -= message.length + detail.length + hint.length) < 0) break;
  }
  return notices.slice(start);
}

function pageCommand(event: KeyboardEvent): PageCommand | undefined {
  if (event.altKey) return undefined;
  if (event.key === 'F3') return event.shiftKey ? 'findPrevious' : 'findNext';
  if (!isCommandKey(event) || event.shiftKey) return undefined;
  switch (event.key.toLowerCase()) {
    case 'f':
      return 'find';
    case 'g':
      return 'goToRow';
    case 's':
      return 'export';
    default:
      return undefined;
  }
}

const TITLES = {
  rows: 'tabRows',
  messages: 'tabMessages',
  error: 'tabError',
  query: 'tabQuery',
  activity: 'tabActivity',
  details: 'tabDetails',
} as const;

const ENDED: ReadonlySet<ResultsState> = new Set(['succeeded', 'failed', 'canceled', 'lost', 'finished']);
