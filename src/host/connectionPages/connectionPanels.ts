import * as vscode from 'vscode';
import type { Connections } from '../connections/connections';
import { Disposables } from '../base/disposables';
import { newPagePanel, PanelsByKey, type FilledPanel } from '../base/panelsByKey';
import type * as DoctorCode from './testPanel';
import type * as FormCode from './formPanel';
import { parseSavedPage } from './formMessages';

const FORM_VIEW_TYPE = 'pgBackground.connection';
const DOCTOR_VIEW_TYPE = 'pgBackground.doctor';

interface OpenForm extends FilledPanel {
  /** The name that it was saved under; undefined where it was closed without. */
  readonly ended: Promise<string | undefined>;
}

/** Most windows never open one of these pages, so their code is loaded with the first. */
const forms = (): Promise<typeof FormCode> => import('./formPanel');
const doctors = (): Promise<typeof DoctorCode> => import('./testPanel');

/** The forms and the findings that are open: one form for new connections, one of each for every connection. */
export class ConnectionPanels implements vscode.Disposable {
  readonly #disposables = new Disposables();
  readonly #forms = new PanelsByKey<string | undefined, OpenForm>();
  readonly #doctors = new PanelsByKey<string, DoctorCode.DoctorPanel>();

  readonly #context: Pick<vscode.ExtensionContext, 'extensionUri' | 'extension'>;
  readonly #connections: Connections;
  readonly #saved: (name: string) => void;

  /** @param saved called with the name of a connection that a form has saved */
  constructor(
    context: Pick<vscode.ExtensionContext, 'extensionUri' | 'extension'>,
    connections: Connections,
    saved: (name: string) => void,
  ) {
    this.#context = context;
    this.#connections = connections;
    this.#saved = saved;

    for (const type of [FORM_VIEW_TYPE, DOCTOR_VIEW_TYPE]) {
      this.#disposables.add(
        vscode.window.registerWebviewPanelSerializer(type, {
          deserializeWebviewPanel: (panel, state) => this.#restore(panel, state),
        }),
      );
    }
  }

  /** Shows the form. Resolves to the connection's name once it is saved, and to undefined when it is closed without. */
  async edit(name?: string): Promise<string | undefined> {
    const code = await forms();
    let open = this.#forms.get(name);
    if (open) open.panel.reveal();
    else open = this.#adoptForm(code, this.#newPanel(FORM_VIEW_TYPE, code.formTitle(name)), name);
    return open.ended;
  }

  /** Shows the findings about a connection, and examines it. */
  async examine(name: string): Promise<void> {
    const code = await doctors();
    let doctor = this.#doctors.get(name);
    if (doctor) doctor.panel.reveal();
    else doctor = this.#adoptDoctor(code, this.#newPanel(DOCTOR_VIEW_TYPE, code.doctorTitle(name)), name);
    await doctor.examine();
  }

  dispose(): void {
    this.#forms.dispose();
    this.#doctors.dispose();
    this.#disposables.dispose();
  }

  #newPanel(type: string, title: string): vscode.WebviewPanel {
    return newPagePanel(this.#context.extensionUri, type, title);
  }

  #adoptForm(code: typeof FormCode, panel: vscode.WebviewPanel, editing: string | undefined): OpenForm {
    const { promise: ended, resolve } = withResolve<string | undefined>();
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
    return this.#forms.add(editing, { panel, ended, dispose });
  }

  #adoptDoctor(code: typeof DoctorCode, panel: vscode.WebviewPanel, name: string): DoctorCode.DoctorPanel {
    return this.#doctors.add(name, new code.DoctorPanel(panel, name, this.#connections, this.#context.extensionUri));
  }

  /** After a reload of the window the page's own state says what it showed. Nothing connects until the user says so. */
  async #restore(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const saved = parseSavedPage(state);
    const [form, doctor] = await Promise.all([forms(), doctors()]);
    if (saved?.kind === 'doctor' && !this.#doctors.has(saved.connection)) {
      this.#adoptDoctor(doctor, panel, saved.connection);
    } else if (saved?.kind === 'form' && !this.#forms.has(saved.editing)) {
      this.#adoptForm(form, panel, saved.editing);
    } else {
      panel.dispose();
    }
  }
}

/** `Promise.withResolvers`, which the oldest VS Code's Node does not have. */
function withResolve<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
