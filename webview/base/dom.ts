import { visible } from '../../src/shared/displayText';
import { ICONS, type IconName } from './icons';

/** An element with classes and text. Text is only ever set as text: nothing here reads markup, and hidden characters are
 * shown. */
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

/** A custom element of the toolkit. */
export function makeControl(tag: `vscode-${string}`, className = '', text?: string): HTMLElement {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  if (text !== undefined) element.textContent = visible(text);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** One of our icons, 16 by 16, in the colour of the text around it. Decoration only: the button carries the name. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows an icon; `label` is what is read out and shown as its tip. */
export function iconButton(name: IconName, label: string, run: () => void, className = ''): HTMLButtonElement {
  const button = make('button', `icon-button ${className}`.trim());
  button.type = 'button';
  button.title = label;
  button.setAttribute('aria-label', label);
  button.append(icon(name));
  button.addEventListener('click', run);
  return button;
}

/** Sets an attribute only where it differs, since each write costs the accessibility tree an update. */
export function setAttribute(element: Element, name: string, value: string | undefined): void {
  if (value === undefined) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) {
    element.setAttribute(name, value);
  }
}

export const isMac = navigator.userAgent.includes('Mac');

/**
 * True for the key of a command: Ctrl, or Command on a Mac. VS Code sees every key of a webview that reaches the window,
 * so a handled one must also be stopped on its way (Ctrl+G would open Go to Line as well).
 */
export function isCommandKey(event: KeyboardEvent | MouseEvent): boolean {
  return isMac ? event.metaKey : event.ctrlKey;
}

/** The event is dealt with, for the browser and for VS Code. */
export function handled(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}
