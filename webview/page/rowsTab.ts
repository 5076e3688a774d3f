import type { SavedView, ToPage } from '../../src/shared/resultsProtocol';
import type { CellAt, FilterView, FromPage, OrderView } from '../../src/shared/resultsRequests';
import { DetailPane } from './detailPane';
import { make } from '../base/dom';
import { askFilter } from './filterBox';
import { FindBar, type FindMark } from './findBar';
import { GoToRow } from './goToRow';
import { filteredBy } from './filters';
import { fitColumns, measureFonts } from '../grid/fit';
import { gridKey } from '../grid/gridKeys';
import { GridMouse } from '../grid/gridMouse';
import { GridView } from '../grid/gridView';
import { rowHeight } from '../grid/measure';
import { GridModel, NO_ORDER } from '../grid/model';
import { copiedRanges } from '../grid/selection';
import { TileStore } from '../grid/tiles';
import { highlightFound, patternOf } from './highlight';
import { openMenu } from '../base/menu';
import { OrderBar } from './orderBar';
import { cellMenu, columnMenu, type RowsMenuActions } from './rowsMenus';
import { emptyText, keepRows, restoreColumns, restorePlace } from './rowsState';
import { type PageCommand, RowsTools } from './rowsTools';
import { StatusLine } from './statusLine';
import { text } from './strings';

type Init = Extract<ToPage, { type: 'init' }>;

/** The Rows tab: the grid and its tools. */
export class RowsTab implements RowsMenuActions {
  readonly element = make('div', 'rows-tab');
  /** Buttons next to the tabs. */
  readonly tools = new RowsTools(this);
  readonly model: GridModel;
  readonly #tiles: TileStore;
  readonly #view: GridView;
  readonly #detail: DetailPane;
  readonly #find: FindBar;
  readonly #goToBox: GoToRow;
  readonly #orders = new OrderBar(this);
  readonly #status = new StatusLine((limit) => this.post({ type: 'changeLimit', limit }));
  readonly #empty = make('div', 'grid-empty');
  readonly #area = make('div', 'grid-area');
  readonly #host = make('div', 'grid-host');
  #mark: FindMark | undefined;
  /** The current match. */
  #hit: CellAt | undefined;
  /** The number of the view that was requested last; 0 is the stored order. */
  #requestedView = 0;
  #requestedOrder: OrderView = NO_ORDER;
  readonly #orderLimit: number;
  #measured = false;
  #fitted = false;
  /** The saved order is being applied. Until it is ready, the saved state is kept. */
  #restoring = false;
  readonly #saved: SavedView | undefined;
  readonly #onChange: () => void;

  constructor(
    init: Init,
    saved: SavedView | undefined,
    readonly post: (message: FromPage) => void,
    onChange: () => void,
  ) {
    this.#saved = saved;
    this.#onChange = onChange;
    this.#orderLimit = init.orderLimit;
    this.#tiles = new TileStore((request, view, ranges) => post({ type: 'tiles', request, view, ranges }));
    this.model = new GridModel(this.#tiles, () => this.#view.schedule(), rowHeight());
    this.#view = new GridView(this.model);
    this.#detail = new DetailPane({
      post,
      view: () => this.model.view,
      closed: () => this.#view.element.focus(),
      changed: () => this.#save(),
    });
    this.#find = new FindBar({
      post,
      view: () => this.model.view,
      from: () => this.#activeAt(),
      columns: () => this.model.layout.columns(),
      goTo: (at) => {
        this.#hit = at;
        this.#goToCell(at, true);
      },
      mark: (mark) => {
        this.#mark = mark;
        this.#hit = undefined;
        this.#view.found = mark && patternOf(mark, '');
        this.#view.schedule();
      },
      closed: () => this.#view.element.focus(),
    });
    this.#goToBox = new GoToRow(
      () => this.model.rows,
      (row) => this.#goToCell({ row, column: this.#activeAt().column }, true),
      () => this.#view.element.focus(),
    );
    this.#wire();
    this.#host.append(this.#view.element, this.#empty, this.#find.element, this.#goToBox.element);
    this.#area.append(this.#host, this.#detail.sash, this.#detail.element);
    this.element.append(this.#status.note, this.#orders.element, this.#area, this.#status.element);
    this.model.setColumns(init.columns);
    this.model.setStored(init.rows);
    if (init.first !== undefined) this.#tiles.put(init.first);
    this.#restore();
  }

  /** Call once the page is in the document. */
  shown(): void {
    this.#view.resize();
    this.#view.draw();
  }

  get gridElement(): HTMLElement {
    return this.#view.element;
  }

  handle(message: ToPage): void {
    switch (message.type) {
      case 'columns':
        this.#fitted = false;
        this.model.setColumns(message.columns);
        restoreColumns(this.model, this.#saved);
        this.#view.drop();
        break;
      case 'rows':
        this.model.setStored(message.rows);
        break;
      case 'tiles':
        if (this.#tiles.answered(message.request, message.view))
          for (const tile of message.tiles) this.#tiles.put(tile);
        this.#tiles.send();
        this.#view.schedule();
        break;
      case 'tilesFailed':
        if (this.#tiles.answered(message.request, this.model.view)) this.#status.showMessage(message.message, 'error');
        break;
      case 'cell':
      case 'cellFailed':
        this.#detail.receive(message);
        break;
      case 'order':
        this.#ordered(message);
        break;
      case 'find':
        this.#find.progress(message);
        break;
      case 'findAt':
        this.#find.found(message);
        break;
      case 'status':
        this.#status.showMessage(message.message, message.severity);
        break;
      default:
        break;
    }
  }

  /** Runs a command of the whole page. */
  run(command: PageCommand): void {
    if (command === 'find') this.#find.open();
    else if (command === 'findNext') this.#find.step(false);
    else if (command === 'findPrevious') this.#find.step(true);
    else if (command === 'goToRow') this.#goToBox.open();
    else this.tools.openExportMenu();
  }

  /** The state to save across reloads. */
  keep(): Partial<SavedView> {
    return keepRows(this.model, this.#detail, this.#fitted);
  }

  copy(format: Extract<FromPage, { type: 'copy' }>['format'], headers: boolean): void {
    const { model } = this;
    const selected = model.selection.resolved(model.rows, model.layout.length);
    const ranges = copiedRanges(selected, (ordinal) => model.layout.column(ordinal));
    if (ranges.length > 0) this.post({ type: 'copy', view: model.view, format, headers, ranges });
  }

  copyValue(): void {
    const { model } = this;
    const { row, ordinal } = model.selection.active;
    this.post({ type: 'copyValue', view: model.view, at: { row, column: model.layout.column(ordinal) } });
  }

  copyColumnName(column: number): void {
    this.post({ type: 'copyColumnName', column });
  }

  setOrder(order: OrderView): void {
    if (order.sort.length === 0 && order.filters.length === 0) {
      this.#requestedView = 0;
      this.post({ type: 'orderCancel' });
      this.#show(0, this.model.stored.rows, NO_ORDER);
      return;
    }
    this.#requestedView = Math.max(this.#requestedView, this.model.view) + 1;
    this.#requestedOrder = order;
    this.#orders.working(0, this.model.stored.rows);
    this.post({ type: 'order', view: this.#requestedView, order });
  }

  stopOrder(): void {
    this.post({ type: 'orderCancel' });
    this.#orders.show(this.model);
  }

  askFilter(column: number): void {
    const view = this.model.columns[column];
    if (view === undefined) return;
    const current = this.model.order.filters.find((filter) => filter.column === column);
    const left = this.#view.leftOf(this.model.layout.ordinal(column));
    const apply = (filter: FilterView | undefined): void => this.setOrder(filteredBy(this.model, column, filter));
    askFilter(column, view, current, this.#host, left, apply, () => this.#view.element.focus());
  }

  /** Why rows cannot be sorted or filtered now; undefined if they can. */
  orderUnavailable(): string | undefined {
    if (!this.model.stored.complete) return text('orderWait');
    return this.model.stored.rows > this.#orderLimit ? text('orderTooMany', this.#orderLimit) : undefined;
  }

  autoFit(columns: readonly number[]): void {
    fitColumns(this.model, columns, this.#view.element, false);
    this.layoutChanged();
  }

  /** Call after columns were hidden, shown, pinned, or resized. */
  layoutChanged(): void {
    this.model.selection.collapse();
    this.model.selection.clamp(this.model.rows, this.model.layout.length);
    this.#view.resize();
    this.#save();
  }

  toggleDetail(): void {
    if (this.#detail.isOpen) this.#detail.close();
    else this.showDetail(false);
  }

  showDetail(focus: boolean): void {
    if (this.model.rows === 0) return;
    this.#detail.open(focus);
    this.#follow();
    this.#save();
  }

  #wire(): void {
    const { model } = this;
    const view = this.#view;
    view.beforeDraw = () => this.#fitOnce(view.element);
    view.onDrawn = () => {
      this.#status.update(model);
      this.#showEmpty();
      this.#markFound();
      this.#follow();
      this.#save();
    };
    view.element.addEventListener('keydown', (event) =>
      gridKey(event, model, {
        copy: (headers) => this.copy('tsv', headers),
        showDetail: (focus) => {
          this.showDetail(focus);
        },
        close: () => this.#closeSomething(),
        columnMenu: (ordinal) => this.#openColumnMenu(ordinal),
        cellMenu: () => {
          const bounds = this.#activeBounds();
          openMenu(cellMenu(this), bounds.left, bounds.bottom, view.element);
        },
        resizeColumn: (ordinal, by) => {
          const column = model.layout.column(ordinal);
          model.layout.setWidth(column, model.layout.width(column) + by);
          this.#view.drop();
          model.changed();
        },
      }),
    );
    // Copy in VS Code's Edit menu sends an event instead of a key.
    view.element.addEventListener('copy', (event) => {
      event.preventDefault();
      this.copy('tsv', false);
    });
    new GridMouse(view, {
      moved: () => this.#follow(),
      openDetail: () => this.showDetail(false),
      columnMenu: (ordinal, x, y) => this.#openColumnMenu(ordinal, x, y),
      cellMenu: (x, y) => openMenu(cellMenu(this), x, y, view.element),
      autoFit: (column) => this.autoFit([column]),
      resized: () => this.#save(),
    });
  }

  #save(): void {
    if (!this.#restoring) this.#onChange();
  }

  #ordered(message: Extract<ToPage, { type: 'order' }>): void {
    if (message.view !== this.#requestedView) return;
    if (message.state === 'working') {
      this.#orders.working(message.rows, this.model.stored.rows);
    } else if (message.state === 'failed') {
      this.#restoring = false;
      this.#status.showMessage(message.message ?? '', 'error');
      this.#orders.show(this.model);
    } else {
      this.#show(message.view, message.rows, this.#requestedOrder);
    }
  }

  #show(view: number, rows: number, order: OrderView): void {
    this.model.setView(view, rows, order);
    this.#detail.forget();
    this.#view.drop();
    this.#orders.show(this.model);
    this.#find.viewChanged();
    if (this.#restoring && this.#saved !== undefined) restorePlace(this.model, this.#saved);
    this.#restoring = false;
    this.#save();
  }

  #closeSomething(): boolean {
    if (this.#find.isOpen) this.#find.close();
    else if (this.#detail.isOpen) this.#detail.close();
    else return false;
    return true;
  }

  #openColumnMenu(ordinal: number, x?: number, y?: number): void {
    const { model } = this;
    model.reveal(-1, ordinal);
    const bounds = this.#view.header.cellAt(ordinal)?.getBoundingClientRect() ?? this.#activeBounds();
    openMenu(columnMenu(this, ordinal), x ?? bounds.left, y ?? bounds.bottom, this.#view.element);
  }

  #activeBounds(): DOMRect {
    const id = this.#view.element.getAttribute('aria-activedescendant');
    return (document.getElementById(id ?? '') ?? this.#view.element).getBoundingClientRect();
  }

  #activeAt(): CellAt {
    const { active } = this.model.selection;
    return { row: Math.max(0, active.row), column: this.model.layout.column(active.ordinal) };
  }

  #goToCell(at: CellAt, center: boolean): void {
    const ordinal = this.model.layout.ordinal(at.column);
    this.model.goTo({ row: at.row, ordinal: Math.max(0, ordinal) }, false, center);
  }

  /** The open detail pane follows the active cell. */
  #follow(): void {
    if (!this.#detail.isOpen || this.model.rows === 0) return;
    const at = this.#activeAt();
    this.#detail.setCell(at.row, at.column, this.model.columns[at.column]);
  }

  /** Measures the fonts, which needs the page in the document, and fits the columns to the first rows once they have arrived. */
  #fitOnce(font: HTMLElement): void {
    const { model } = this;
    if (!this.#measured) {
      this.#measured = true;
      measureFonts(this.#view.header, font);
    }
    if (this.#fitted || model.columns.length === 0 || this.#tiles.get(0, 0) === undefined) return;
    this.#fitted = true;
    if (this.#saved?.widths !== undefined) return;
    fitColumns(model, [...model.columns.keys()], font, true);
    this.#view.drop();
  }

  #markFound(): void {
    const hit = this.#hit;
    const current = hit && this.#view.textAt(hit.row, this.model.layout.ordinal(hit.column));
    highlightFound(this.#mark === undefined ? [] : this.#view.texts(), this.#mark, current);
  }

  #showEmpty(): void {
    const { model } = this;
    const message = emptyText(model);
    if (this.#empty.textContent !== message) this.#empty.textContent = message;
    this.#empty.hidden = message === '';
  }

  #restore(): void {
    const { model } = this;
    const saved = this.#saved;
    restoreColumns(model, saved);
    if (saved === undefined) return;
    if (saved.pane !== undefined) this.#detail.resize(saved.pane.share);
    if (saved.pane?.open === true) this.#detail.open(false);
    const order = saved.order ?? NO_ORDER;
    // Row numbers of another view differ, so restore the position once the view is ready.
    if (order.sort.length > 0 || order.filters.length > 0) {
      this.#restoring = true;
      this.setOrder(order);
    } else restorePlace(model, saved);
  }
}
