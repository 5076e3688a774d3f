import { isCommandKey } from '../base/dom';
import type { GridView } from './gridView';
import type { CellPosition } from './selection';

/** Actions of the mouse that involve the rest of the page. */
export interface MouseActions {
  /** The active cell has changed. */
  moved(): void;
  openDetail(): void;
  columnMenu(ordinal: number, x: number, y: number): void;
  cellMenu(x: number, y: number): void;
  autoFit(column: number): void;
  /** The user has resized columns. */
  resized(): void;
}

type Drag =
  { readonly kind: 'cells' | 'rows' | 'columns' } | { readonly kind: 'width'; column: number; from: number; x: number };

/** Handles selecting, resizing, and menus with the mouse. Dragging beyond an edge scrolls. */
export class GridMouse {
  #drag: Drag | undefined;
  #point = { x: 0, y: 0 };
  #ticking = false;

  readonly #view: GridView;
  readonly #actions: MouseActions;

  constructor(view: GridView, actions: MouseActions) {
    this.#view = view;
    this.#actions = actions;

    const { element } = view;
    element.addEventListener('pointerdown', (event) => this.#down(event));
    element.addEventListener('pointermove', (event) => this.#move(event));
    element.addEventListener('pointerup', (event) => this.#up(event));
    element.addEventListener('pointercancel', (event) => this.#up(event));
    element.addEventListener('dblclick', (event) => this.#doubleClick(event));
    element.addEventListener('contextmenu', (event) => this.#menu(event));
  }

  #down(event: PointerEvent): void {
    if (!this.#onContent(event)) return;
    const target = event.target instanceof Element ? event.target : undefined;
    const place = this.#view.placeAt(event.clientX, event.clientY);
    if (event.button !== 0) return;
    const { model } = this.#view;
    const header = target?.closest('.column');
    if (header instanceof HTMLElement && target?.closest('.column-handle')) {
      const column = Number(header.dataset['column']);
      this.#drag = { kind: 'width', column, from: model.layout.width(column), x: event.clientX };
    } else if (header !== null && target?.closest('.column-menu')) {
      const bounds = target.getBoundingClientRect();
      event.preventDefault();
      this.#actions.columnMenu(place.ordinal, bounds.left, bounds.bottom);
      return;
    } else {
      this.#drag = this.#select(place, event.shiftKey, isCommandKey(event));
    }
    this.#view.element.setPointerCapture(event.pointerId);
    model.changed();
    this.#actions.moved();
  }

  #select(place: CellPosition, extend: boolean, add: boolean): Drag | undefined {
    const { model } = this.#view;
    const { selection } = model;
    if (place.row < 0 && place.ordinal < 0) {
      selection.selectAll();
      return undefined;
    }
    if (place.row < 0) {
      selection.selectColumns({ row: Math.max(0, selection.active.row), ordinal: place.ordinal }, extend, add);
      return { kind: 'columns' };
    }
    if (place.ordinal < 0) {
      selection.selectRows({ row: place.row, ordinal: selection.active.ordinal }, extend, add);
      return { kind: 'rows' };
    }
    if (add && !extend) selection.addAt(place);
    else model.goTo(place, extend);
    return { kind: 'cells' };
  }

  #move(event: PointerEvent): void {
    if (this.#drag === undefined) return;
    this.#point = { x: event.clientX, y: event.clientY };
    if (this.#drag.kind === 'width') {
      const { model } = this.#view;
      model.layout.setWidth(this.#drag.column, this.#drag.from + event.clientX - this.#drag.x);
      this.#view.drop();
      model.changed();
      return;
    }
    this.#stretch();
    if (!this.#ticking) {
      this.#ticking = true;
      requestAnimationFrame(() => this.#tick());
    }
  }

  /** Scrolls while the pointer is dragged outside of the rows. */
  #tick(): void {
    this.#ticking = false;
    if (this.#drag === undefined || this.#drag.kind === 'width') return;
    const bounds = this.#view.element.getBoundingClientRect();
    const { model } = this.#view;
    const top = bounds.top + this.#view.header.height;
    const down = this.#drag.kind === 'columns' ? 0 : beyond(this.#point.y, top, bounds.bottom - 4);
    const right =
      this.#drag.kind === 'rows' ? 0 : beyond(this.#point.x, bounds.left + model.layout.stuckWidth, bounds.right - 4);
    if (down === 0 && right === 0) return;
    model.top = model.map.clampTop(model.top + down);
    model.left = Math.max(0, model.left + right);
    this.#stretch();
    this.#ticking = true;
    requestAnimationFrame(() => this.#tick());
  }

  #stretch(): void {
    const { model, element } = this.#view;
    const bounds = element.getBoundingClientRect();
    const x = Math.min(Math.max(this.#point.x, bounds.left), bounds.right - 1);
    const y = Math.min(Math.max(this.#point.y, bounds.top + this.#view.header.height), bounds.bottom - 1);
    const place = this.#view.placeAt(x, y);
    const at = { row: Math.max(0, place.row), ordinal: Math.max(0, place.ordinal) };
    const { selection } = model;
    const { active } = selection;
    if (this.#drag?.kind === 'rows') selection.selectRows({ row: at.row, ordinal: active.ordinal }, true, false);
    else if (this.#drag?.kind === 'columns')
      selection.selectColumns({ row: active.row, ordinal: at.ordinal }, true, false);
    else if (at.row !== active.row || at.ordinal !== active.ordinal) selection.moveTo(at, true);
    model.changed();
    this.#actions.moved();
  }

  #up(event: PointerEvent): void {
    const resized = this.#drag?.kind === 'width';
    this.#drag = undefined;
    if (this.#view.element.hasPointerCapture(event.pointerId)) {
      this.#view.element.releasePointerCapture(event.pointerId);
    }
    if (resized) this.#actions.resized();
  }

  #doubleClick(event: MouseEvent): void {
    // The grid has captured the pointer and is therefore the target, so look up the element at the point.
    const target = document.elementFromPoint(event.clientX, event.clientY);
    const header = target?.closest('.column');
    if (header instanceof HTMLElement) {
      if (target?.closest('.column-handle')) this.#actions.autoFit(Number(header.dataset['column']));
    } else if (target?.closest('.cell')) {
      this.#actions.openDetail();
    }
  }

  #menu(event: MouseEvent): void {
    event.preventDefault();
    // gridKeys.ts handles the context-menu key.
    if (event.button !== 2 || !this.#onContent(event)) return;
    const { model } = this.#view;
    const place = this.#view.placeAt(event.clientX, event.clientY);
    if (place.row < 0 && place.ordinal >= 0) {
      this.#actions.columnMenu(place.ordinal, event.clientX, event.clientY);
      return;
    }
    // A click within the selection keeps it, as in spreadsheets.
    if (place.row >= 0 && !model.selection.contains(place.row, Math.max(0, place.ordinal))) {
      this.#select(place, false, false);
      model.changed();
      this.#actions.moved();
    }
    this.#actions.cellMenu(event.clientX, event.clientY);
  }

  /** Whether the event is on the content, not on a scrollbar. */
  #onContent(event: MouseEvent): boolean {
    const { element } = this.#view;
    const bounds = element.getBoundingClientRect();
    return event.clientX < bounds.left + element.clientWidth && event.clientY < bounds.top + element.clientHeight;
  }
}

/** How far a point is outside of a span, at most 60 pixels. */
function beyond(at: number, from: number, to: number): number {
  if (at < from) return Math.max(-60, at - from);
  return at > to ? Math.min(60, at - to) : 0;
}
