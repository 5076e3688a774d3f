import type { CellView } from '../../src/shared/resultsProtocol';
import { visible } from '../../src/shared/displayText';
import { setAttribute } from '../base/dom';
import { text } from '../page/strings';

/** Characters that would break the line, each with a sign that is seen. */
const SIGNS: Readonly<Record<string, string>> = { '\n': '↵', '\r': '␍', '\t': '⇥' };
const SIGNED = /[\n\r\t]/g;

/** Characters of the room that padding and wider letters may take. */
const SPARE = 4;

/** A value as one line of a cell. */
export function cellText(value: string): string {
  return visible(value.replace(SIGNED, (sign) => SIGNS[sign] ?? sign));
}

/** One cell of the pool, and what it shows, so that only differences are written. */
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

/** Puts the box at a place. Geometry goes through the CSSOM, which the page's policy allows (no style attributes). */
export function placeCell(box: CellBox, left: number, width: number): void {
  if (box.left !== left) {
    box.left = left;
    box.element.style.setProperty('left', `${left}px`);
  }
  if (box.width !== width) {
    box.width = width;
    box.element.style.setProperty('width', `${width}px`);
  }
}

/**
 * Shows a value; undefined is one that is still on its way.
 *
 * @param room Characters that can be seen at most: shaping the rest would cost more than all else in a frame.
 * @param found What is looked for: a value whose first match would be cut off is shown from there.
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
