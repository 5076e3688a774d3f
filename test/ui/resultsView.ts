import type { FrameLocator, Locator, Page } from 'playwright-core';
import type { Workbench } from './workbench';

/** Drives the results panel in front with the keyboard. */
export class ResultsView {
  readonly page: Page;
  readonly frame: FrameLocator;
  readonly grid: Locator;
  /** The active cell. */
  readonly active: Locator;
  readonly status: Locator;

  constructor(ui: Workbench) {
    this.page = ui.page;
    this.frame = ui.results();
    this.grid = this.frame.getByRole('grid');
    this.active = this.frame.locator('.grid .active');
    this.status = this.frame.locator('.status-line');
  }

  /** A rendered row, from 1. */
  row(row: number): Locator {
    return this.frame.locator(`.row[aria-rowindex="${row + 1}"]`);
  }

  /** Waits until the grid has the focus. */
  async focused(): Promise<void> {
    await this.frame.locator('.grid:focus').waitFor();
  }

  /** Waits until a cell of this row (from 1) with this text is active. */
  async at(row: number, text: string | RegExp): Promise<void> {
    await this.row(row).locator('.cell.active').filter({ hasText: text }).waitFor();
  }

  async press(...keys: string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** Chooses an item of the open menu with the arrow keys. */
  async choose(label: string): Promise<void> {
    const items = this.frame.getByRole('menuitem');
    await items.filter({ hasText: label }).first().waitFor();
    const focused = this.frame.locator('.menu-item:focus .menu-label');
    for (let step = await items.count(); step > 0 && (await focused.textContent()) !== label; step--) {
      await this.press('ArrowDown');
    }
    await this.press('Enter');
  }

  /** The rows that are entirely visible, from 1. */
  async seen(): Promise<{ first: number; last: number }> {
    return this.grid.evaluate(seenRows);
  }

  /** Waits until this row (from 1) is the last one that is entirely visible. */
  async lastVisible(row: number): Promise<void> {
    const until = Date.now() + 60_000;
    for (let last = 0; last !== row; { last } = await this.seen()) {
      if (Date.now() > until) throw new Error(`The last visible row is ${last}, not ${row}.`);
    }
  }

  /** Scrolls like dragging the scrollbar to its end. */
  async scrollToEnd(): Promise<void> {
    await this.grid.evaluate((grid: Element) => {
      grid.scrollTop = grid.scrollHeight;
    });
  }

  /** The text on the clipboard, after the panel shows this status. */
  async copied(status: string): Promise<string> {
    await this.status.getByText(status).waitFor();
    return this.page.evaluate<string>('navigator.clipboard.readText()');
  }
}

/** The members of a DOM element used here, because tests are compiled without browser types. */
interface Element {
  readonly scrollHeight: number;
  scrollTop: number;
  getAttribute(name: string): string | null;
  getBoundingClientRect(): { readonly top: number; readonly bottom: number };
  querySelector(selector: string): Element | null;
  querySelectorAll(selector: string): Iterable<Element>;
}

function seenRows(grid: Element): { first: number; last: number } {
  const area = grid.getBoundingClientRect();
  const header = grid.querySelector('.column')?.getBoundingClientRect().bottom ?? area.top;
  const numbers = [...grid.querySelectorAll('.grid-body .row:not(.unused)')].flatMap((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return top >= header - 1 && bottom <= area.bottom + 1 ? [Number(row.getAttribute('aria-rowindex')) - 1] : [];
  });
  return { first: Math.min(...numbers), last: Math.max(...numbers) };
}
