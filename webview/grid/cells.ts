import type { CellView } from '../../src/shared/resultsProtocol';
import { setAttribute } from '../dom';
import { text } from '../strings';

/** Control characters that would break the line or turn it around, each with a sign that is seen. */
const SIGNS: Readonly<Record<string, string>> = { '\n': '↵', '\r': '␍', '\t': '⇥', '\f': '␌', '\v': '␋', '\0': '␀' };
const SIGNED = /[\n\r\t\f\v\0]/g;

/** A value as one line of a cell. */
export function cellText(value: string): string {
  return value.replace(SIGNED, (sign) => SIGNS[sign] ?? sign);
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
}

export function newCell(role: string): CellBox {
  const element = document.createElement('div');
  element.setAttribute('role', role);
  const node = document.createTextNode('');
  element.append(node);
  return { element, node, ordinal: -1, shown: '', className: '', left: -1, width: -1, label: undefined };
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

/** Shows a value; undefined is one that is still on its way. */
export function showValue(box: CellBox, value: CellView | undefined, numeric: boolean, marks: string): void {
  let shown: string;
  let className = numeric ? 'cell numeric' : 'cell';
  let label: string | undefined;
  if (value === undefined) {
    shown = '';
    className += ' loading';
  } else if (value === null) {
    shown = text('null');
    className += ' null';
  } else if (typeof value === 'string') {
    shown = cellText(value);
    if (value === '') label = text('emptyString');
  } else {
    shown = `${cellText(value.cut)}…`;
  }
  if (box.shown !== shown) {
    box.shown = shown;
    box.node.data = shown;
  }
  className += marks;
  if (box.className !== className) {
    box.className = className;
    box.element.className = className;
  }
  if (box.label !== label) {
    box.label = label;
    setAttribute(box.element, 'aria-label', label);
  }
}
