import * as vscode from 'vscode';
import type { Connections } from '../connections/connections';
import { Disposables } from '../base/disposables';
import { newPagePanel, PanelsByKey, type FilledPanel } from '../base/panelsByKey';
import type * as FormCode from './formPanel';
import type * as TestCode from './testPanel';

const FORM_VIEW_TYPE = 'pgBackground.connection';
/** An old name. VS Code restores panels by this id, so it must not change. */
const TEST_VIEW_TYPE = 'pgBackground.doctor';

interface OpenForm extends FilledPanel {
  /** Resolves to the name of the saved connection, or undefined if the form was closed without saving. */
  readonly closed: Promise<string | undefined>;
}

/** Loaded on demand, because most windows never open these pages. */
const loadForm = (): Promise<typeof FormCode> => import('./formPanel');
const loadTest = (): Promise<typeof TestCode> => import('./testPanel');

/** Owns the open forms and test reports: one form for new connections, and one form and one report per connection. */
export class ConnectionPanels implements vscode.Disposable {
  readonly #disposables = new Disposables();
  readonly #forms = new PanelsByKey<string | undefined, OpenForm>();
  readonly #tests = new PanelsByKey<string, TestCode.TestPanel>();

  readonly #context: Pick<vscode.ExtensionContext, 'extensionUri' | 'extension'>;
  readonly #connections: Connections;
  readonly #saved: (name: string) => void;

  /** @param saved called with the name of each connection that a form saves */
  constructor(
    context: Pick<vscode.ExtensionContext, 'extensionUri' | 'extension'>,
    connections: Connections,
    saved: (name: string) => void,
  ) {
    this.#context = context;
    this.#connections = connections;
    this.#saved = saved;

    for (const type of [FORM_VIEW_TYPE, TEST_VIEW_TYPE]) {
      this.#disposables.add(
        vscode.window.registerWebviewPanelSerializer(type, {
          deserializeWebviewPanel: (panel, state) => this.#restore(panel, state),
        }),
      );
    }
  }

  /** Shows the form. Resolves to the connection's name once saved, or to undefined when closed without saving. */
  async edit(name?: string): Promise<string | undefined> {
    const code = await loadForm();
    let open = this.#forms.get(name);
    if (open) open.panel.reveal();
    else open = this.#adoptForm(code, this.#newPanel(FORM_VIEW_TYPE, code.formTitle(name)), name);
    return open.closed;
  }

  /** Tests a connection and shows the report. */
  async test(name: string): Promise<void> {
    const code = await loadTest();
    let test = this.#tests.get(name);
    if (test) test.panel.reveal();
    else test = this.#adoptTest(code, this.#newPanel(TEST_VIEW_TYPE, code.testTitle(name)), name);
    await test.run();
  }

  dispose(): void {
    this.#forms.dispose();
    this.#tests.dispose();
    this.#disposables.dispose();
  }

  #newPanel(type: string, title: string): vscode.WebviewPanel {
    return newPagePanel(this.#context.extensionUri, type, title);
  }

  #adoptForm(code: typeof FormCode, panel: vscode.WebviewPanel, editing: string | undefined): OpenForm {
    const { promise: closed, resolve } = withResolve<string | undefined>();
    const form = new code.FormPanel(panel, editing, {
      connections: this.#connections,
      context: this.#context,
      saved: (name) => {
        resolve(name);
        this.#saved(name);
      },
    });
    const dispose = (): void => {
      form.dispose();
      resolve(undefined);
    };
    return this.#forms.add(editing, { panel, closed, dispose });
  }

  #adoptTest(code: typeof TestCode, panel: vscode.WebviewPanel, name: string): TestCode.TestPanel {
    return this.#tests.add(name, new code.TestPanel(panel, name, this.#connections, this.#context.extensionUri));
  }

  /** Restores a page after a reload of the window, from the state that it saved. Nothing connects until the user asks for it. */
  async #restore(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const [form, test, { parseSavedPage }] = await Promise.all([loadForm(), loadTest(), import('./formMessages')]);
    const saved = parseSavedPage(state);
    if (saved?.kind === 'test' && !this.#tests.has(saved.connection)) {
      this.#adoptTest(test, panel, saved.connection);
    } else if (saved?.kind === 'form' && !this.#forms.has(saved.editing)) {
      this.#adoptForm(form, panel, saved.editing);
    } else {
      panel.dispose();
    }
  }
}

/** `Promise.withResolvers`, which the Node of the oldest supported VS Code lacks. */
function withResolve<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
