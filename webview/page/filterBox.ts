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

/** Width of the box with its padding and a margin; the style sheet has the same. */
const BOX_WIDTH = 300;

export function operatorName(operator: FilterOperator): string {
  return text(NAMES[operator]);
}

/** True for the conditions that compare with a value. */
export function takesValue(operator: FilterOperator): boolean {
  return operator !== 'isNull' && operator !== 'isNotNull';
}

/** Asks for a condition on one column, `left` pixels into the host. `apply` gets undefined where the column's filter is to be removed. */
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
  // Only now: the toolkit's field names itself when it comes into the page.
  value.setAttribute('aria-label', text('filterValue'));
  operator.value = current?.operator ?? (view.numeric ? 'equals' : 'contains');
  value.value = current?.value ?? '';
  value.hidden = !takesValue(chosen());
  // The toolkit's field gives its inner input the focus only after its first rendering.
  requestAnimationFrame(() => (value.hidden ? operator : value).focus());
}
