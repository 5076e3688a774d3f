import * as vscode from 'vscode';
import { Disposables } from './base/disposables';
import { setContext } from './base/contextKeys';

export type Step = 'connect' | 'run' | 'watch' | 'results';

const KEYS = {
  connect: 'didConnect',
  run: 'didRun',
  watch: 'didWatch',
  results: 'didSeeResults',
} as const satisfies Record<Step, string>;

const MEMORY = 'walkthroughSteps';

/** VS Code may still be registering the steps when the page's tab is there. Milliseconds. */
const REGISTERED_MS = 1000;

/**
 * Ticks the steps of the walkthrough. VS Code reacts to a context key only at the moment when it becomes true, and often not before the
 * walkthrough was opened for the first time: it starts to listen then, and ignores a key that is true already (measured with 1.100 and
 * 1.139). So a key is true for a moment only: when its step is done, and again whenever the page may have been opened.
 */
export class Walkthrough implements vscode.Disposable {
  readonly #done: Set<Step>;
  readonly #disposables = new Disposables();
  #again: NodeJS.Timeout | undefined;

  readonly #memory: vscode.Memento;

  constructor(memory: vscode.Memento) {
    this.#memory = memory;

    this.#done = new Set(memory.get<readonly Step[]>(MEMORY, []));
    this.#disposables.add(
      vscode.window.tabGroups.onDidChangeTabs(({ opened, changed }) => {
        if ([...opened, ...changed].some(mayBePage)) this.#tick();
      }),
    );
    if (vscode.window.tabGroups.all.some(({ tabs }) => tabs.some(mayBePage))) this.#tick();
  }

  /** The user has done a step, in whatever way. */
  mark(step: Step): void {
    if (this.#done.has(step)) return;
    this.#done.add(step);
    void this.#memory.update(MEMORY, [...this.#done]);
    pulse(step);
  }

  dispose(): void {
    clearTimeout(this.#again);
    this.#disposables.dispose();
  }

  #tick(): void {
    this.#done.forEach(pulse);
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#done.forEach(pulse), REGISTERED_MS);
  }
}

function pulse(step: Step): void {
  setContext(KEYS[step], true);
  setContext(KEYS[step], false);
}

/** The API has no type for the page. */
function mayBePage({ input }: vscode.Tab): boolean {
  return input === undefined;
}
