import { handled, icon, make } from './dom';
import type { IconName } from './icons';

export interface MenuItem {
  readonly label: string;
  readonly run: () => void;
  readonly icon?: IconName;
  readonly enabled?: boolean;
  /** Shown on the right, for example a key. */
  readonly hint?: string;
}

export type MenuEntry = MenuItem | 'separator';

let close: (() => void) | undefined;

/**
 * Opens a menu at a point of the window and focuses it. When it closes, `back` gets the focus. Only one menu is open at a time.
 */
export function openMenu(entries: readonly MenuEntry[], x: number, y: number, back: HTMLElement): void {
  close?.();
  const menu = make('div', 'menu');
  menu.setAttribute('role', 'menu');
  const items: HTMLElement[] = [];
  const dispose = (focus: boolean): void => {
    close = undefined;
    menu.remove();
    document.removeEventListener('pointerdown', outside, true);
    window.removeEventListener('blur', blurred);
    if (focus) back.focus();
  };
  const outside = (event: Event): void => {
    if (event.target instanceof Node && menu.contains(event.target)) return;
    dispose(false);
  };
  const blurred = (): void => dispose(false);
  close = () => dispose(false);
  for (const entry of entries) {
    if (entry === 'separator') {
      const line = make('div', 'menu-separator');
      line.setAttribute('role', 'separator');
      menu.append(line);
      continue;
    }
    const item = make('div', 'menu-item');
    item.setAttribute('role', 'menuitem');
    item.tabIndex = -1;
    const mark = make('span', 'menu-mark');
    if (entry.icon !== undefined) mark.append(icon(entry.icon));
    item.append(mark, make('span', 'menu-label', entry.label));
    if (entry.hint !== undefined) item.append(make('span', 'menu-hint', entry.hint));
    if (entry.enabled === false) item.setAttribute('aria-disabled', 'true');
    const run = (): void => {
      if (entry.enabled === false) return;
      dispose(true);
      entry.run();
    };
    item.addEventListener('click', run);
    item.addEventListener('pointerenter', () => item.focus());
    item.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      handled(event);
      run();
    });
    items.push(item);
    menu.append(item);
  }
  menu.addEventListener('keydown', (event) => menuKey(event, items, () => dispose(true)));
  menu.addEventListener('contextmenu', handled);
  document.body.append(menu);
  place(menu, x, y);
  document.addEventListener('pointerdown', outside, true);
  window.addEventListener('blur', blurred);
  (items.find((item) => !item.hasAttribute('aria-disabled')) ?? items[0])?.focus();
}

function menuKey(event: KeyboardEvent, items: readonly HTMLElement[], dispose: () => void): void {
  const at = items.findIndex((item) => item === document.activeElement);
  const letter = event.key.length === 1 && !event.ctrlKey && !event.metaKey ? event.key.toLowerCase() : undefined;
  let to: number;
  if (event.key === 'ArrowDown') to = (at + 1) % items.length;
  else if (event.key === 'ArrowUp') to = (at - 1 + items.length) % items.length;
  else if (event.key === 'Home') to = 0;
  else if (event.key === 'End') to = items.length - 1;
  else if (event.key === 'Escape' || event.key === 'Tab') {
    handled(event);
    dispose();
    return;
  } else if (letter !== undefined && letter !== ' ') {
    const starts = (item: HTMLElement): boolean => item.innerText.trim().toLowerCase().startsWith(letter);
    const next = items.findIndex((item, index) => index > at && starts(item));
    to = next >= 0 ? next : items.findIndex(starts);
  } else return;
  handled(event);
  items[to]?.focus();
}

function place(menu: HTMLElement, x: number, y: number): void {
  const { width, height } = menu.getBoundingClientRect();
  const left = Math.max(4, Math.min(x, window.innerWidth - width - 4));
  const top = y + height > window.innerHeight - 4 ? Math.max(4, Math.min(y, window.innerHeight) - height) : y;
  menu.style.setProperty('left', `${left}px`);
  menu.style.setProperty('top', `${top}px`);
}

/** Opens a menu below a button. */
export function openMenuBelow(entries: readonly MenuEntry[], button: HTMLElement, back: HTMLElement = button): void {
  const bounds = button.getBoundingClientRect();
  openMenu(entries, bounds.left, bounds.bottom + 2, back);
}
