import * as vscode from 'vscode';
import { formatUri } from '../../core/postgres/connect/conninfo/conninfo';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import type { FromConnectionPage } from '../../shared/connectionProtocol';
import type { Connections } from '../connections/connections';
import { commandId } from '../base/commandIds';
import { Examiner, isReady, summaryOf } from './connectionTester';
import { PageChannel, type PageHost } from './pageChannel';
import { connectionStrings } from './formStrings';
import * as ui from '../base/ui';

/** Test Connection: the findings about one connection, with what can be done at each. */
export class DoctorPanel implements PageHost, vscode.Disposable {
  readonly #link: PageChannel;
  readonly #examiner: Examiner;
  /** A password that was entered for the examination that runs. */
  #entered: string | undefined;

  readonly #connections: Connections;

  constructor(
    readonly panel: vscode.WebviewPanel,
    readonly name: string,
    connections: Connections,
    extensionUri: vscode.Uri,
  ) {
    this.#connections = connections;

    this.#examiner = new Examiner({
      changed: (examination) => this.#link.post({ type: 'examination', examination }),
      said: (message, severity) => this.#link.say(message, severity),
      act: (action) => (action === 'enterPassword' ? this.#enterPassword() : this.#edit()),
      ended: async (findings, { profile }) => {
        const entered = this.#entered;
        this.#entered = undefined;
        if (entered !== undefined && findings.some(({ id, status }) => id === 'reachable' && status === 'ok')) {
          await connections.keepEntered(profile, entered);
        }
        if (!isReady(findings)) return;
        void ui.showInformationMessage(summaryOf(profile, findings));
        // The tree shows it as connected from now on, or what came between.
        await connections
          .link(name)
          .refresh()
          .catch(() => undefined);
      },
    });
    panel.title = doctorTitle(name);
    this.#link = new PageChannel(panel, extensionUri, this);
  }

  /** Examines the connection as it is saved now. */
  async examine(): Promise<void> {
    const profile = this.#connections.find(this.name);
    if (!profile) {
      this.#link.say(vscode.l10n.t('There is no connection “{0}” any more.', this.name), 'error');
      return;
    }
    const { askPassword, ...options } = this.#connections.examineOptions(profile);
    this.#entered = undefined;
    await this.#examiner.start({
      profile,
      options: {
        ...options,
        ...(askPassword && {
          askPassword: async (question, binding) => (this.#entered ??= await askPassword(question, binding)),
        }),
      },
    });
  }

  ready(): void {
    const profile = this.#connections.find(this.name);
    const examination = this.#examiner.view;
    this.#link.post({
      type: 'init',
      kind: 'doctor',
      strings: connectionStrings(),
      language: vscode.env.language,
      title: vscode.l10n.t('Test of “{0}”', this.name),
      connection: this.name,
      place: profile ? formatUri(withoutSecrets(profile)) : '',
      ...(examination === undefined ? {} : { examination }),
    });
  }

  async take(message: Exclude<FromConnectionPage, { type: 'ready' }>): Promise<void> {
    switch (message.type) {
      case 'again':
        await this.examine();
        break;
      case 'cancelTest':
        this.#examiner.cancel();
        break;
      case 'edit':
        await this.#edit();
        break;
      case 'fix':
        await this.#examiner.fix(message.examination, message.finding, message.fix, message.way);
        break;
      default:
        break;
    }
  }

  dispose(): void {
    this.#examiner.dispose();
    this.#link.dispose();
  }

  async #edit(): Promise<void> {
    await vscode.commands.executeCommand(commandId('editConnection'), this.name);
  }

  async #enterPassword(): Promise<void> {
    const password = await ui.showInputBox({
      title: this.name,
      prompt: vscode.l10n.t('Password. It is kept in VS Code’s secret storage.'),
      password: true,
      ignoreFocusOut: true,
    });
    if (password === undefined) return;
    await this.#connections.setPassword(this.name, password);
    await this.examine();
  }
}

export function doctorTitle(name: string): string {
  return vscode.l10n.t('Test “{0}”', name);
}

/** Where it leads, in one line: files and options are not needed for that. */
function withoutSecrets({ name, host, port, database, user, service }: ConnectionProfile): ConnectionProfile {
  const given = Object.entries({ host, port, database, user, service }).filter(([, value]) => value !== undefined);
  return { name, ...(Object.fromEntries(given) as Partial<ConnectionProfile>) };
}
