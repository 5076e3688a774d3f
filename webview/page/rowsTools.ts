import { iconButton, make } from '../base/dom';
import { openMenuBelow } from '../base/menu';
import { COMMAND_KEY, copyMenu, exportMenu, type RowsMenuActions } from './rowsMenus';
import { text } from './strings';

/** Commands with keys that work on the whole page. */
export type PageCommand = 'find' | 'findNext' | 'findPrevious' | 'goToRow' | 'export';

export interface RowsToolActions extends RowsMenuActions {
  run(command: PageCommand): void;
  toggleDetail(): void;
}

/** The buttons of the Rows tab: find, copy, export, and the detail pane. */
export class RowsTools {
  readonly element = make('div', 'tools');
  readonly #export = iconButton('export', `${text('export')} (${COMMAND_KEY}S)`, () => this.openExportMenu());
  readonly #actions: RowsToolActions;

  constructor(actions: RowsToolActions) {
    this.#actions = actions;
    const copy = iconButton('copy', text('copyMenu'), () =>
      openMenuBelow(copyMenu(actions), copy, actions.gridElement),
    );
    for (const button of [copy, this.#export]) button.setAttribute('aria-haspopup', 'menu');
    this.element.append(
      iconButton('find', `${text('find')} (${COMMAND_KEY}F)`, () => actions.run('find')),
      copy,
      this.#export,
      iconButton('pane', text('detailShow'), () => actions.toggleDetail()),
    );
  }

  openExportMenu(): void {
    openMenuBelow(exportMenu(this.#actions), this.#export, this.#actions.gridElement);
  }
}
