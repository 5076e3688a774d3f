import type { OrderView } from '../../src/shared/resultsRequests';
import { iconButton, make } from '../base/dom';
import { operatorName, takesValue } from './filterBox';
import type { GridModel } from '../grid/model';
import { text } from './strings';

export interface OrderActions {
  setOrder(order: OrderView): void;
  stopOrder(): void;
  askFilter(column: number): void;
}

/** Shows the current sort and filters with buttons to remove them, and the progress of sorting. */
export class OrderBar {
  readonly element = make('div', 'order-bar');

  readonly #actions: OrderActions;

  constructor(actions: OrderActions) {
    this.#actions = actions;

    this.element.hidden = true;
  }

  working(rows: number, total: number): void {
    this.element.hidden = false;
    this.element.replaceChildren(
      make('span', 'order-text', text('orderWorking', rows, total)),
      iconButton('stop', text('orderStop'), () => this.#actions.stopOrder()),
    );
  }

  show(model: GridModel): void {
    const { order, columns } = model;
    this.element.hidden = order.sort.length === 0 && order.filters.length === 0;
    this.element.replaceChildren();
    const name = (column: number): string => columns[column]?.name ?? '';
    if (order.sort.length > 0) {
      const sorted = order.sort.map(
        ({ column, direction }) => `${name(column)} ${direction === 'ascending' ? '↑' : '↓'}`,
      );
      this.#chip(text('sortedBy', sorted.join(', ')), text('sortClear'), undefined, () =>
        this.#actions.setOrder({ sort: [], filters: order.filters }),
      );
    }
    for (const filter of order.filters) {
      const value = takesValue(filter.operator) ? ` “${filter.value}”` : '';
      this.#chip(
        `${name(filter.column)} ${operatorName(filter.operator)}${value}`,
        text('filterRemove'),
        () => this.#actions.askFilter(filter.column),
        () => this.#actions.setOrder({ sort: order.sort, filters: order.filters.filter((other) => other !== filter) }),
      );
    }
  }

  #chip(label: string, removeLabel: string, edit: (() => void) | undefined, remove: () => void): void {
    const chip = make('span', 'chip');
    const name = make(edit === undefined ? 'span' : 'button', 'chip-label', label);
    name.title = label;
    if (edit !== undefined) name.addEventListener('click', edit);
    chip.append(name, iconButton('close', removeLabel, remove));
    this.element.append(chip);
  }
}
