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

const MEMENTO_KEY = 'walkthroughSteps';

/** Time that VS Code may need to register the steps after the page's tab has opened. Milliseconds. */
const REGISTRATION_MS = 1000;

/**
 * Completes the steps of the walkthrough. VS Code reacts only when a context key becomes true, and often only after the walkthrough was
 * opened for the first time: it ignores keys that are already true then (measured with 1.100 and 1.139). So each key is true only for a
 * moment: when its step is done, and again each time the page may have been opened.
 */
export class Walkthrough implements vscode.Disposable {
  readonly #done: Set<Step>;
  readonly #disposables = new Disposables();
  #retry: NodeJS.Timeout | undefined;

  readonly #memory: vscode.Memento;

  constructor(memory: vscode.Memento) {
    this.#memory = memory;

    this.#done = new Set(memory.get<readonly Step[]>(MEMENTO_KEY, []));
    this.#disposables.add(
      vscode.window.tabGroups.onDidChangeTabs(({ opened, changed }) => {
        if ([...opened, ...changed].some(mayBePage)) this.#tick();
      }),
    );
    if (vscode.window.tabGroups.all.some(({ tabs }) => tabs.some(mayBePage))) this.#tick();
  }

  /** Marks a step as done. */
  mark(step: Step): void {
    if (this.#done.has(step)) return;
    this.#done.add(step);
    void this.#memory.update(MEMENTO_KEY, [...this.#done]);
    pulse(step);
  }

  dispose(): void {
    clearTimeout(this.#retry);
    this.#disposables.dispose();
  }

  #tick(): void {
    this.#done.forEach(pulse);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#done.forEach(pulse), REGISTRATION_MS);
  }
}

function pulse(step: Step): void {
  setContext(KEYS[step], true);
  setContext(KEYS[step], false);
}

/** Whether a tab may be the walkthrough page, for which VS Code's API has no type. */
function mayBePage({ input }: vscode.Tab): boolean {
  return input === undefined;
}
