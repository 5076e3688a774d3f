import * as vscode from 'vscode';
import type { Connections } from '../connections';
import { Disposables } from '../disposables';
import { pageRoot } from '../pageHtml';
import type * as DoctorCode from './doctorPanel';
import type * as FormCode from './formPanel';
import { parseSavedPage } from './validate';

const FORM_VIEW_TYPE = 'pgBackground.connection';
const DOCTOR_VIEW_TYPE = 'pgBackground.doctor';

interface OpenForm {
  readonly form: FormCode.FormPanel;
  /** The name that it was saved under; undefined where it was closed without. */
  readonly ended: Promise<string | undefined>;
}

/** Most windows never open one of these pages, so their code is loaded with the first. */
const forms = (): Promise<typeof FormCode> => import('./formPanel');
const doctors = (): Promise<typeof DoctorCode> => import('./doctorPanel');

/** The forms and the findings that are open: one form for new connections, one of each for every connection. */
export class ConnectionPanels implements vscode.Disposable {
  readonly #disposables = new Disposables();
  readonly #forms = new Map<string | undefined, OpenForm>();
  readonly #doctors = new Map<string, DoctorCode.DoctorPanel>();

  /** @param saved called with the name of a connection that a form has saved */
  constructor(
    private readonly context: Pick<vscode.ExtensionContext, 'extensionUri' | 'extension'>,
    private readonly connections: Connections,
    private readonly saved: (name: string) => void,
  ) {
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
    if (open) open.form.panel.reveal();
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
    for (const { form } of this.#forms.values()) form.dispose();
    for (const doctor of this.#doctors.values()) doctor.dispose();
    this.#disposables.dispose();
  }

  #newPanel(type: string, title: string): vscode.WebviewPanel {
    return vscode.window.createWebviewPanel(type, title, vscode.ViewColumn.Active, {
      enableScripts: true,
      localResourceRoots: [pageRoot(this.context.extensionUri)],
    });
  }

  #adoptForm(code: typeof FormCode, panel: vscode.WebviewPanel, editing: string | undefined): OpenForm {
    const { promise: ended, resolve } = withResolve<string | undefined>();
    const form = new code.FormPanel(panel, editing, {
      connections: this.connections,
      context: this.context,
      saved: (name) => {
        resolve(name);
        this.saved(name);
      },
    });
    const open = { form, ended };
    this.#forms.set(editing, open);
    panel.onDidDispose(() => {
      form.dispose();
      if (this.#forms.get(editing) === open) this.#forms.delete(editing);
      resolve(undefined);
    });
    return open;
  }

  #adoptDoctor(code: typeof DoctorCode, panel: vscode.WebviewPanel, name: string): DoctorCode.DoctorPanel {
    const doctor = new code.DoctorPanel(panel, name, this.connections, this.context.extensionUri);
    this.#doctors.set(name, doctor);
    panel.onDidDispose(() => {
      doctor.dispose();
      if (this.#doctors.get(name) === doctor) this.#doctors.delete(name);
    });
    return doctor;
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
