import type { FromPlanPage, PlanInit } from '../../src/shared/planProtocol';
import { handled, make } from '../base/dom';
import { PlanTreeView } from './planTreeView';

/** A plan as a tree and as text, one at a time. */
export class PlanPage {
  readonly element = make('main', 'page plan-page');
  readonly #tree: PlanTreeView;
  readonly #tabs: readonly { readonly tab: HTMLButtonElement; readonly panel: HTMLElement }[];

  constructor(init: PlanInit, post: (message: FromPlanPage) => void) {
    const { strings } = init;
    this.#tree = new PlanTreeView(init);
    const text = make('pre', 'plan-text', init.text);
    text.tabIndex = 0;
    const treePanel = make('div', 'plan-panel');
    treePanel.append(this.#tree.element);
    const textPanel = make('div', 'plan-panel');
    textPanel.append(text);
    this.#tabs = [this.#tab('tree', strings.tree, treePanel), this.#tab('text', strings.text, textPanel)];

    const tabs = make('div', 'plan-tabs');
    tabs.setAttribute('role', 'tablist');
    tabs.setAttribute('aria-label', strings.views);
    tabs.append(...this.#tabs.map(({ tab }) => tab));
    tabs.addEventListener('keydown', (event) => this.#onTabKey(event));
    const action = (label: string, type: FromPlanPage['type']): HTMLElement => {
      const button = make('button', 'plan-action', label);
      button.type = 'button';
      button.addEventListener('click', () => post({ type }));
      return button;
    };
    const bar = make('div', 'plan-bar');
    bar.append(
      tabs,
      action(strings.copyText, 'copyText'),
      action(strings.openJson, 'openJson'),
      action(strings.showJob, 'showJob'),
    );
    const head = make('header', 'plan-head');
    head.append(make('h1', 'plan-title', init.title), make('p', 'plan-note', init.note));
    if (init.omitted !== '') head.append(make('p', 'plan-omitted', init.omitted));
    this.element.append(head, bar, treePanel, textPanel);
    this.#select(0);
  }

  shown(): void {
    requestAnimationFrame(() => this.#tree.focus());
  }

  #tab(name: string, label: string, panel: HTMLElement): { tab: HTMLButtonElement; panel: HTMLElement } {
    const tab = make('button', 'plan-tab', label);
    tab.type = 'button';
    tab.id = `tab-${name}`;
    tab.setAttribute('role', 'tab');
    tab.setAttribute('aria-controls', `panel-${name}`);
    panel.id = `panel-${name}`;
    panel.setAttribute('role', 'tabpanel');
    panel.setAttribute('aria-labelledby', tab.id);
    tab.addEventListener('click', () => this.#select(this.#tabs.findIndex((other) => other.tab === tab)));
    return { tab, panel };
  }

  #select(index: number): void {
    for (const [at, { tab, panel }] of this.#tabs.entries()) {
      const selected = at === index;
      tab.setAttribute('aria-selected', String(selected));
      tab.tabIndex = selected ? 0 : -1;
      panel.hidden = !selected;
    }
  }

  #onTabKey(event: KeyboardEvent): void {
    const count = this.#tabs.length;
    const at = this.#tabs.findIndex(({ tab }) => tab === document.activeElement);
    const moves: Readonly<Record<string, number>> = {
      ArrowRight: (at + 1) % count,
      ArrowLeft: (at + count - 1) % count,
      Home: 0,
      End: count - 1,
    };
    const to = moves[event.key];
    if (at < 0 || to === undefined) return;
    handled(event);
    this.#select(to);
    this.#tabs[to]?.tab.focus();
  }
}
