import type { CellView } from '../../src/shared/resultsProtocol';
import { visible } from '../../src/shared/displayText';
import { setAttribute } from '../base/dom';
import { text } from '../page/strings';

/** Visible replacements for characters that would break the line. */
const SIGNS: Readonly<Record<string, string>> = { '\n': '↵', '\r': '␍', '\t': '⇥' };
const SIGNED = /[\n\r\t]/g;

/** Characters of `room` that padding and wide letters may take. */
const SPARE = 4;

/** Formats a value as one line. */
export function cellText(value: string): string {
  return visible(value.replace(SIGNED, (sign) => SIGNS[sign] ?? sign));
}

/** A cell of the pool with its current content, so that only differences are written to the DOM. */
export interface CellBox {
  readonly element: HTMLElement;
  readonly node: Text;
  ordinal: number;
  shown: string;
  className: string;
  left: number;
  width: number;
  label: string | undefined;
  selected: boolean;
  value: CellView | undefined;
  room: number;
  found: RegExp | undefined;
}

export function newCell(role: string): CellBox {
  const element = document.createElement('div');
  element.setAttribute('role', role);
  const node = document.createTextNode('');
  element.append(node);
  return {
    element,
    node,
    ordinal: -1,
    shown: '',
    className: '',
    left: -1,
    width: -1,
    label: undefined,
    selected: false,
    value: undefined,
    room: -1,
    found: undefined,
  };
}

/** Positions the cell. The page's policy forbids style attributes, so this uses the CSSOM. */
export function placeCell(box: CellBox, left: number, width: number): void {
  if (box.left !== left) {
    box.left = left;
    box.element.style.setProperty('margin-left', `${left}px`);
  }
  if (box.width !== width) {
    box.width = width;
    box.element.style.setProperty('width', `${width}px`);
  }
}

/**
 * Shows a value; undefined if it is not loaded yet.
 *
 * @param room Maximum number of visible characters. Shaping the rest of a long text would dominate the cost of a frame.
 * @param found The searched pattern. If its first match would be cut off, the value is shown from there.
 */
export function showValue(
  box: CellBox,
  value: CellView | undefined,
  numeric: boolean,
  marks: string,
  room: number,
  found: RegExp | undefined,
): void {
  const className =
    (numeric ? 'cell numeric' : 'cell') + (value === undefined ? ' loading' : value === null ? ' null' : '') + marks;
  if (box.className !== className) {
    box.className = className;
    box.element.className = className;
  }
  if (box.value === value && box.room === room && box.found === found) return;
  box.value = value;
  box.room = room;
  box.found = found;
  const shown = shownText(value, room, found);
  if (box.shown !== shown) {
    box.shown = shown;
    box.node.data = shown;
  }
  const label = value === '' ? text('emptyString') : undefined;
  if (box.label !== label) {
    box.label = label;
    setAttribute(box.element, 'aria-label', label);
  }
}

function shownText(value: CellView | undefined, room: number, found: RegExp | undefined): string {
  if (value === undefined) return '';
  if (value === null) return text('null');
  const [whole, cut] = typeof value === 'string' ? [value, false] : [value.cut, true];
  if (found !== undefined && whole.length > room - SPARE) {
    const match = found.exec(whole);
    if (match !== null && match.index + match[0].length > room - SPARE) {
      const start = Math.max(1, match.index - Math.floor(room / 4));
      const end = start + room;
      return `…${cellText(whole.slice(start, end))}${cut || end < whole.length ? '…' : ''}`;
    }
  }
  if (whole.length > room) return `${cellText(whole.slice(0, room))}…`;
  return cut ? `${cellText(whole)}…` : cellText(whole);
}
