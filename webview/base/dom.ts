import { visible } from '../../src/shared/displayText';
import { ICONS, type IconName } from './icons';

/** Creates an element with classes and a text. The text is never parsed as markup, and hidden characters are made visible. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  text?: string,
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  if (text !== undefined) element.textContent = visible(text);
  return element;
}

/** Creates a custom element of the toolkit. */
export function makeControl(tag: `vscode-${string}`, className = '', text?: string): HTMLElement {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  if (text !== undefined) element.textContent = visible(text);
  return element;
}

/** The icons used so far, to be cloned. */
const parsedIcons = new Map<IconName, Element>();

/** An icon of 16 by 16 pixels in the color of the surrounding text. It is decoration: the button has the accessible name. */
export function icon(name: IconName): Element {
  let svg = parsedIcons.get(name);
  if (svg === undefined) {
    svg = new DOMParser().parseFromString(ICONS[name], 'image/svg+xml').documentElement;
    svg.setAttribute('class', `icon icon-${name}`);
    svg.setAttribute('aria-hidden', 'true');
    parsedIcons.set(name, svg);
  }
  return document.importNode(svg, true);
}

/** Creates a button with an icon. `label` is its accessible name and tooltip. */
export function iconButton(name: IconName, label: string, run: () => void, className = ''): HTMLButtonElement {
  const button = make('button', `icon-button ${className}`.trim());
  button.type = 'button';
  button.title = label;
  button.setAttribute('aria-label', label);
  button.append(icon(name));
  button.addEventListener('click', run);
  return button;
}

/** Sets or removes an attribute only if it differs, because each write updates the accessibility tree. */
export function setAttribute(element: Element, name: string, value: string | undefined): void {
  if (value === undefined) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) {
    element.setAttribute(name, value);
  }
}

export const isMac = navigator.userAgent.includes('Mac');

/**
 * Whether the modifier key of commands is pressed: Ctrl, or Command on macOS. VS Code also handles each key event of a webview that
 * reaches the window, so handled events must not propagate (Ctrl+G would also open Go to Line).
 */
export function isCommandKey(event: KeyboardEvent | MouseEvent): boolean {
  return isMac ? event.metaKey : event.ctrlKey;
}

/** Marks an event as handled, for the browser and for VS Code. */
export function handled(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}
