import type {
  ActivityFact,
  ActivitySection,
  ActivityStrip,
  ActivityView,
  BlockerSignal,
  ChainItem,
} from '../../src/shared/activityProtocol';
import { visible } from '../../src/shared/displayText';
import { make, makeControl, setAttribute } from '../base/dom';

export type SignalBlocker = (pid: number, backendStart: string, signal: BlockerSignal) => void;

/**
 * What a worker does now. Each update changes only the texts that differ, so that the layout, the focus, a selection, and the scroll position
 * stay.
 */
export class ActivityPane {
  readonly element = make('div', 'activity');
  readonly #heading = make('h2', 'activity-title');
  readonly #title = make('span');
  readonly #explanation = make('p', 'activity-explanation');
  readonly #warning = make('p', 'activity-warning');
  readonly #strip = new Strip();
  readonly #sections = make('div', 'activity-sections');
  readonly #shown = new Map<string, Section>();

  readonly #signal: SignalBlocker;

  /** @param waiting shown until the first update */
  constructor(waiting: string, signal: SignalBlocker) {
    this.#signal = signal;

    // The title changes rarely, so screen readers announce it.
    this.#title.setAttribute('aria-live', 'polite');
    this.#title.textContent = waiting;
    this.#warning.setAttribute('role', 'alert');
    this.#warning.hidden = true;
    this.#heading.append(this.#title);
    this.element.append(this.#heading, this.#explanation, this.#warning, this.#strip.element, this.#sections);
  }

  update(view: ActivityView): void {
    setText(this.#title, view.title);
    setText(this.#explanation, view.explanation);
    setText(this.#warning, view.warning);
    this.#warning.hidden = view.warning === '';
    this.#strip.update(view.strip);
    updateParts(this.#sections, this.#shown, view.sections, {
      keyOf: ({ id }) => id,
      make: ({ id }) => new Section(id, this.#signal),
    });
  }
}

/** One bar per sample, the newest on the right. */
class Strip {
  readonly element = make('figure', 'samples');
  readonly #title = make('figcaption', 'samples-title');
  readonly #bars = make('div', 'samples-bars');
  readonly #legend = make('ul', 'samples-legend');

  constructor() {
    this.#bars.setAttribute('role', 'img');
    // The text of the bars says the same.
    this.#legend.setAttribute('aria-hidden', 'true');
    this.element.append(this.#title, this.#bars, this.#legend);
  }

  update({ title, text, samples, size, legend }: ActivityStrip): void {
    setText(this.#title, title);
    setAttribute(this.#bars, 'aria-label', text);
    while (this.#bars.childElementCount < size) this.#bars.append(make('span', 'samples-bar'));
    const bars = [...this.#bars.children];
    const empty = size - samples.length;
    for (const [index, bar] of bars.entries()) {
      const sample = samples[index - empty];
      setAttribute(bar, 'data-kind', sample?.kind);
      setAttribute(bar, 'title', sample?.text);
    }
    const items = legend.map(({ kind, text: name }) => {
      const known = [...this.#legend.children].find((item) => item.getAttribute('data-kind') === kind);
      if (known) return known;
      const item = make('li', 'samples-name');
      item.dataset['kind'] = kind;
      item.append(make('span', 'samples-key'), make('span', '', name));
      return item;
    });
    arrange(this.#legend, items);
  }
}

class Section {
  readonly element: HTMLElement;
  readonly #title: HTMLElement;
  readonly #facts = make('dl', 'facts');
  readonly #table = make('table', 'activity-table');
  readonly #progress = make('div', 'activity-progress');
  readonly #chain = make('ol', 'chain');
  readonly #note = make('p', 'tab-note activity-note');
  readonly #items = new Map<string, Blocker>();

  readonly #signal: SignalBlocker;

  constructor(id: string, signal: SignalBlocker) {
    this.#signal = signal;

    this.element = make('section', `activity-section section-${id}`);
    this.#title = make('h3', 'activity-heading');
    this.#title.id = `activity-${id}`;
    this.element.setAttribute('aria-labelledby', this.#title.id);
    this.#table.setAttribute('aria-labelledby', this.#title.id);
    this.element.append(this.#title, this.#chain, this.#progress, this.#facts, this.#table, this.#note);
  }

  update({ title, facts = [], table, progress = [], chain = [], note = '' }: ActivitySection): void {
    setText(this.#title, title);
    updateFacts(this.#facts, facts);
    this.#facts.hidden = facts.length === 0;
    this.#table.hidden = table === undefined || table.rows.length === 0;
    if (table) updateTable(this.#table, table.columns, table.rows);
    this.#progress.hidden = progress.length === 0;
    updateProgress(this.#progress, progress);
    this.#chain.hidden = chain.length === 0;
    updateParts(this.#chain, this.#items, chain, {
      keyOf: ({ pid, backendStart }) => `${pid}:${backendStart}`,
      make: () => new Blocker(this.#signal),
    });
    setText(this.#note, note);
    this.#note.hidden = note === '';
  }
}

/** A process of the blocking chain. */
class Blocker {
  readonly element = make('li', 'blocker');
  readonly #title = make('div', 'blocker-title');
  readonly #facts = make('dl', 'facts');
  readonly #query = make('pre', 'query blocker-query');
  readonly #note = make('p', 'activity-note');
  readonly #bar = make('div', 'tab-bar');
  #actions = '';

  readonly #signal: SignalBlocker;

  constructor(signal: SignalBlocker) {
    this.#signal = signal;

    this.#query.tabIndex = 0;
    this.element.append(this.#title, this.#facts, this.#query, this.#note, this.#bar);
  }

  update({ pid, backendStart, depth, title, facts, query, actions, note }: ChainItem): void {
    this.element.style.setProperty('--depth', String(Math.min(depth, 8) - 1));
    setText(this.#title, title);
    updateFacts(this.#facts, facts);
    setText(this.#query, query);
    setAttribute(this.#query, 'aria-label', title);
    this.#query.hidden = query === '';
    setText(this.#note, note);
    this.#note.hidden = note === '';
    this.#bar.hidden = actions.length === 0;
    const key = JSON.stringify(actions);
    if (key === this.#actions) return;
    this.#actions = key;
    this.#bar.replaceChildren(
      ...actions.map(({ signal, title: name }) => {
        const button = makeControl('vscode-button', '', name);
        button.setAttribute('appearance', 'secondary');
        button.setAttribute('aria-label', `${visible(name)} ${visible(title)}`);
        button.addEventListener('click', () => this.#signal(pid, backendStart, signal));
        return button;
      }),
    );
  }
}

function updateProgress(host: HTMLElement, items: NonNullable<ActivitySection['progress']>): void {
  const blocks = items.map((item, index) => {
    const known = host.children[index];
    const block = known instanceof HTMLElement ? known : newProgress();
    const [title, line, facts] = [...block.children];
    const [bar, text] = [...(line?.children ?? [])];
    if (!title || !(bar instanceof HTMLElement) || !text || !(facts instanceof HTMLElement)) return block;
    setText(title, item.title);
    setText(text, item.text);
    bar.hidden = item.pct === undefined;
    bar.style.setProperty('--pct', `${item.pct ?? 0}%`);
    setAttribute(bar, 'aria-label', item.title);
    setAttribute(bar, 'aria-valuenow', String(item.pct ?? 0));
    setAttribute(bar, 'aria-valuetext', visible(item.text));
    if (line instanceof HTMLElement) line.hidden = item.text === '' && item.pct === undefined;
    updateFacts(facts, item.facts);
    return block;
  });
  arrange(host, blocks);
}

function newProgress(): HTMLElement {
  const block = make('div', 'activity-step');
  const line = make('div', 'job-progress');
  const bar = make('div', 'job-bar');
  bar.setAttribute('role', 'progressbar');
  bar.append(make('div', 'job-fill activity-fill'));
  line.append(bar, make('span', 'job-progress-text'));
  block.append(make('div', 'blocker-title'), line, make('dl', 'facts counters'));
  return block;
}

function updateFacts(list: HTMLElement, facts: readonly ActivityFact[]): void {
  const cells = facts.flatMap(({ label, value }, index) => {
    const [term, definition] = [list.children[index * 2], list.children[index * 2 + 1]];
    if (!term || !definition) {
      const added = make('dd');
      added.append(make('div', 'fact-value', value));
      return [make('dt', '', label), added];
    }
    setText(term, label);
    setText(definition.firstElementChild ?? definition, value);
    return [term, definition];
  });
  arrange(list, cells);
}

function updateTable(table: HTMLTableElement, columns: readonly string[], rows: readonly (readonly string[])[]): void {
  if (table.tHead === null) {
    const row = table.createTHead().insertRow();
    for (const name of columns) {
      const cell = make('th', '', name);
      cell.scope = 'col';
      row.append(cell);
    }
    table.createTBody();
  }
  const [body] = table.tBodies;
  if (!body) return;
  while (body.rows.length > rows.length) body.deleteRow(-1);
  for (const [index, values] of rows.entries()) {
    const row = body.rows[index] ?? body.insertRow();
    for (const [column, value] of values.entries()) setText(row.cells[column] ?? row.insertCell(), value);
  }
}

/** Writes a text only if it differs. */
function setText(element: Element, text: string): void {
  const shown = visible(text);
  if (element.textContent !== shown) element.textContent = shown;
}

/** Shows one part for each item, and keeps the parts of items that were shown before. */
function updateParts<T, P extends { readonly element: HTMLElement; update(item: T): void }>(
  host: Element,
  known: Map<string, P>,
  items: readonly T[],
  { keyOf, make: makePart }: { readonly keyOf: (item: T) => string; readonly make: (item: T) => P },
): void {
  const elements = items.map((item) => {
    const key = keyOf(item);
    let part = known.get(key);
    if (!part) known.set(key, (part = makePart(item)));
    part.update(item);
    return part.element;
  });
  const keys = new Set(items.map(keyOf));
  for (const key of known.keys()) if (!keys.has(key)) known.delete(key);
  arrange(host, elements);
}

/** Makes exactly these elements the children of a host, without moving those that are in place. */
function arrange(host: Element, elements: readonly Element[]): void {
  const wanted = new Set(elements);
  for (const child of [...host.children]) if (!wanted.has(child)) child.remove();
  for (const [index, element] of elements.entries()) {
    const there = host.children[index];
    if (there !== element) host.insertBefore(element, there ?? null);
  }
}
