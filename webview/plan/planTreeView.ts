import type { PlanInit, PlanNodeView } from '../../src/shared/planProtocol';
import { handled, icon, make, setAttribute } from '../base/dom';

/** A larger plan begins with only its most expensive nodes expanded. */
const EXPANDED_NODES = 300;

interface Column {
  readonly name: string;
  readonly className: string;
  readonly fill: (cell: HTMLElement, node: PlanNodeView) => void;
}

/**
 * The nodes as a tree grid (W3C, ARIA Authoring Practices Guide, "Treegrid"), with rows in the tab order one at a time. Rows of collapsed nodes
 * do not exist.
 */
export class PlanTreeView {
  readonly element = make('div', 'plan-tree');
  readonly #grid = make('div', 'plan-grid');
  readonly #details = make('section', 'plan-details');
  readonly #children: readonly number[][];
  readonly #expanded = new Set<number>();
  /** The rows by the index of their node. */
  readonly #rows = new Map<number, HTMLElement>();
  readonly #columns: readonly Column[];
  #visible: number[] = [];
  #selected = 0;

  readonly #init: PlanInit;

  constructor(init: PlanInit) {
    this.#init = init;
    const { nodes, strings } = init;
    const children: number[][] = nodes.map(() => []);
    for (const [index, { parent }] of nodes.entries()) if (parent !== undefined) children[parent]?.push(index);
    this.#children = children;
    this.#columns = columnsOf(init);
    for (const [index, node] of nodes.entries()) {
      if (nodes.length <= EXPANDED_NODES) this.#expanded.add(index);
      else if (node.expensive) this.#expandAbove(index);
    }

    this.#grid.setAttribute('role', 'treegrid');
    this.#grid.setAttribute('aria-label', init.title);
    this.#grid.addEventListener('keydown', (event) => this.#onKey(event));
    this.#grid.addEventListener('click', (event) => this.#onClick(event));
    const scroller = make('div', 'plan-scroller');
    scroller.append(this.#grid);
    this.#details.setAttribute('aria-label', strings.details);
    this.#details.tabIndex = 0;
    const summary = make('div', 'plan-summary');
    for (const line of init.summary) summary.append(make('div', '', line));
    this.element.append(scroller, this.#details, summary);
    summary.hidden = init.summary.length === 0;
    this.#details.hidden = nodes.length === 0;
    this.#draw();
    this.#showDetails();
  }

  focus(): void {
    this.#rows.get(this.#selected)?.focus();
  }

  #expandAbove(index: number): void {
    for (let at = this.#init.nodes[index]?.parent; at !== undefined; at = this.#init.nodes[at]?.parent) {
      this.#expanded.add(at);
    }
  }

  #draw(): void {
    const { nodes } = this.#init;
    this.#visible = [];
    this.#rows.clear();
    const pending = nodes.flatMap(({ parent }, index) => (parent === undefined ? [index] : [])).reverse();
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      this.#visible.push(next);
      if (this.#expanded.has(next)) pending.push(...(this.#children[next] ?? []).toReversed());
    }
    const header = make('div', 'plan-row plan-header');
    header.setAttribute('role', 'row');
    for (const { name, className } of this.#columns) {
      const cell = make('div', className, name);
      cell.setAttribute('role', 'columnheader');
      header.append(cell);
    }
    this.#grid.replaceChildren(header, ...this.#visible.map((index) => this.#row(index)));
    this.#markSelected();
  }

  #row(index: number): HTMLElement {
    const node = this.#init.nodes[index];
    const row = make('div', 'plan-row');
    if (!node) return row;
    row.setAttribute('role', 'row');
    row.setAttribute('aria-level', String(node.depth + 1));
    row.dataset['index'] = String(index);
    if (node.expensive) row.classList.add('expensive');
    const siblings = node.parent === undefined ? [index] : (this.#children[node.parent] ?? []);
    row.setAttribute('aria-setsize', String(siblings.length));
    row.setAttribute('aria-posinset', String(siblings.indexOf(index) + 1));
    const hasChildren = (this.#children[index]?.length ?? 0) > 0;
    if (hasChildren) row.setAttribute('aria-expanded', String(this.#expanded.has(index)));
    for (const { className, fill } of this.#columns) {
      const cell = make('div', className);
      cell.setAttribute('role', 'gridcell');
      fill(cell, node);
      row.append(cell);
    }
    const twisty = make('span', 'plan-twisty');
    if (hasChildren) twisty.append(icon('chevron'));
    row.firstElementChild?.prepend(...indents(node.depth), twisty);
    this.#rows.set(index, row);
    return row;
  }

  #markSelected(): void {
    for (const [index, row] of this.#rows) {
      const selected = index === this.#selected;
      row.tabIndex = selected ? 0 : -1;
      setAttribute(row, 'aria-selected', String(selected));
    }
  }

  #select(index: number, focus = true): void {
    this.#selected = index;
    this.#markSelected();
    this.#showDetails();
    if (!focus) return;
    const row = this.#rows.get(index);
    row?.focus();
    row?.scrollIntoView({ block: 'nearest' });
  }

  #showDetails(): void {
    const node = this.#init.nodes[this.#selected];
    if (!node) return;
    const { strings } = this.#init;
    const lines = node.details.length === 0 ? [strings.noDetails] : node.details;
    const list = make('ul', 'plan-detail-list');
    for (const line of lines) list.append(make('li', '', line));
    this.#details.replaceChildren(make('h2', 'plan-detail-title', node.title), list);
  }

  /** @param expand default: the other state */
  #toggle(index: number, expand = !this.#expanded.has(index)): void {
    if ((this.#children[index]?.length ?? 0) === 0) return;
    if (expand) this.#expanded.add(index);
    else this.#expanded.delete(index);
    this.#draw();
    this.#select(index);
  }

  #onClick(event: MouseEvent): void {
    if (!(event.target instanceof Element)) return;
    const row = event.target.closest<HTMLElement>('[data-index]');
    if (!row) return;
    const index = Number(row.dataset['index']);
    if (event.target.closest('.plan-twisty')) this.#toggle(index);
    else this.#select(index);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const at = this.#visible.indexOf(this.#selected);
    const to = (place: number): void => {
      const index = this.#visible[Math.max(0, Math.min(this.#visible.length - 1, place))];
      if (index !== undefined) this.#select(index);
    };
    const [child] = this.#children[this.#selected] ?? [];
    const parent = this.#init.nodes[this.#selected]?.parent;
    switch (event.key) {
      case 'ArrowDown':
        to(at + 1);
        break;
      case 'ArrowUp':
        to(at - 1);
        break;
      case 'PageDown':
        to(at + 10);
        break;
      case 'PageUp':
        to(at - 10);
        break;
      case 'Home':
        to(0);
        break;
      case 'End':
        to(Infinity);
        break;
      case 'ArrowRight':
        if (child !== undefined && this.#expanded.has(this.#selected)) this.#select(child);
        else this.#toggle(this.#selected, true);
        break;
      case 'ArrowLeft':
        if (child !== undefined && this.#expanded.has(this.#selected)) this.#toggle(this.#selected, false);
        else if (parent !== undefined) this.#select(parent);
        break;
      case 'Enter':
      case ' ':
        this.#toggle(this.#selected);
        break;
      default:
        return;
    }
    handled(event);
  }
}

function columnsOf({ strings, analyzed, timed }: PlanInit): Column[] {
  const plain = (name: string, key: 'cost' | 'rows' | 'time' | 'actualRows' | 'loops'): Column => ({
    name,
    className: 'plan-number',
    fill: (cell, node) => (cell.textContent = node[key]),
  });
  return [
    {
      name: strings.node,
      className: 'plan-node',
      fill: (cell, { title, subplan }) => {
        const name = make('span', 'plan-name');
        if (subplan !== undefined) name.append(make('span', 'plan-subplan', `${subplan}: `));
        name.append(make('span', '', title));
        cell.append(name);
      },
    },
    {
      name: strings.share,
      className: 'plan-share',
      fill: (cell, { share, shareText, expensive }) => {
        const bar = make('span', 'plan-track');
        const filled = make('span', 'plan-filled');
        filled.style.width = `${Math.round(share * 100)}%`;
        bar.append(filled);
        const mark = make('span', 'plan-mark');
        if (expensive) {
          mark.append(icon('expensive'));
          mark.setAttribute('role', 'img');
          mark.setAttribute('aria-label', strings.expensive);
          mark.title = strings.expensive;
        }
        cell.append(mark, make('span', 'plan-percent', shareText), bar);
      },
    },
    plain(strings.cost, 'cost'),
    plain(strings.rows, 'rows'),
    ...(timed ? [plain(strings.time, 'time')] : []),
    ...(analyzed ? [plain(strings.actualRows, 'actualRows'), plain(strings.loops, 'loops')] : []),
  ];
}

/** More levels are not indented further, so that the titles stay visible. */
const MAX_INDENTS = 40;

function indents(depth: number): HTMLElement[] {
  return Array.from({ length: Math.min(depth, MAX_INDENTS) }, () => make('span', 'plan-indent'));
}
