import { FILTER_OPERATORS, type FilterOperator } from '../../src/shared/resultsLimits';
import type { ColumnView } from '../../src/shared/resultsProtocol';
import type { FilterView } from '../../src/shared/resultsRequests';
import type { ResultsStringKey } from '../../src/shared/resultsStrings';
import { handled, make, makeControl } from '../base/dom';
import { text } from './strings';
import { makeDropdown, makeTextField } from '../base/controls';

const NAMES: Readonly<Record<FilterOperator, ResultsStringKey>> = {
  contains: 'opContains',
  notContains: 'opNotContains',
  equals: 'opEquals',
  notEquals: 'opNotEquals',
  greater: 'opGreater',
  less: 'opLess',
  isNull: 'opIsNull',
  isNotNull: 'opIsNotNull',
};

/** Width of the box with its padding and a margin, in pixels; must match the style sheet. */
const BOX_WIDTH = 300;

export function operatorName(operator: FilterOperator): string {
  return text(NAMES[operator]);
}

/** Whether the condition compares with a value. */
export function takesValue(operator: FilterOperator): boolean {
  return operator !== 'isNull' && operator !== 'isNotNull';
}

/**
 * Opens a box that asks for a condition on one column.
 *
 * @param left position in `host` in pixels
 * @param apply gets undefined if the user removes the column's filter
 */
export function askFilter(
  column: number,
  view: ColumnView,
  current: FilterView | undefined,
  host: HTMLElement,
  left: number,
  apply: (filter: FilterView | undefined) => void,
  closed: () => void,
): void {
  host.querySelector('.filter-box')?.remove();
  const box = make('form', 'filter-box');
  box.setAttribute('role', 'dialog');
  box.setAttribute('aria-label', text('filterTitle', view.name));
  box.style.setProperty('left', `${Math.max(4, Math.min(left, host.clientWidth - BOX_WIDTH))}px`);
  const title = make('div', 'filter-title', text('filterTitle', view.name));
  const operator = makeDropdown('filter-operator');
  operator.setAttribute('aria-label', text('filterCondition'));
  for (const name of FILTER_OPERATORS) {
    const option = makeControl('vscode-option', '', text(NAMES[name]));
    option.setAttribute('value', name);
    operator.append(option);
  }
  const value = makeTextField('filter-value');
  value.setAttribute('placeholder', text('filterValue'));
  const done = makeControl('vscode-button', '', text('filterApply'));
  const remove = makeControl('vscode-button', '', text('filterRemove'));
  remove.setAttribute('appearance', 'secondary');
  remove.hidden = current === undefined;
  const buttons = make('div', 'filter-buttons');
  buttons.append(done, remove);
  box.append(title, operator, value, buttons);

  const chosen = (): FilterOperator => FILTER_OPERATORS.find((name) => name === operator.value) ?? 'contains';
  const close = (): void => {
    box.remove();
    closed();
  };
  const submit = (): void => {
    const condition = chosen();
    close();
    apply({ column, operator: condition, value: takesValue(condition) ? value.value : '' });
  };
  operator.addEventListener('change', () => (value.hidden = !takesValue(chosen())));
  done.addEventListener('click', submit);
  remove.addEventListener('click', () => {
    close();
    apply(undefined);
  });
  box.addEventListener('submit', handled);
  box.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      handled(event);
      close();
    } else if (event.key === 'Enter' && event.target === value) {
      handled(event);
      submit();
    }
  });
  host.append(box);
  // After inserting it, because the toolkit's field sets its own name when it is connected.
  value.setAttribute('aria-label', text('filterValue'));
  operator.value = current?.operator ?? (view.numeric ? 'equals' : 'contains');
  value.value = current?.value ?? '';
  value.hidden = !takesValue(chosen());
  // The toolkit's field can be focused only after its first rendering.
  requestAnimationFrame(() => (value.hidden ? operator : value).focus());
}
