import * as vscode from 'vscode';
import { formatUri } from '../../core/postgres/connect/conninfo/conninfo';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import type { FromConnectionPage } from '../../shared/connectionRequests';
import type { Connections } from '../connections/connections';
import { commandId } from '../base/commandIds';
import { ConnectionTester, isReady, summaryOf, type PageAction } from './connectionTester';
import { PageChannel, type PageHost } from './pageChannel';
import { connectionStrings } from './formStrings';
import * as ui from '../base/ui';

/** Shows the report of Test Connection: the findings about one connection, with their fixes. */
export class TestPanel implements PageHost, vscode.Disposable {
  readonly #channel: PageChannel;
  readonly #tester: ConnectionTester;
  /** The password that the user entered during the current test. */
  #entered: string | undefined;

  readonly #connections: Connections;

  constructor(
    readonly panel: vscode.WebviewPanel,
    readonly name: string,
    connections: Connections,
    extensionUri: vscode.Uri,
  ) {
    this.#connections = connections;

    this.#tester = new ConnectionTester({
      changed: (report) => this.#channel.post({ type: 'report', report }),
      notify: (message, severity) => this.#channel.notify(message, severity),
      act: (action) => this.#act(action),
      finished: async (findings, { profile }) => {
        const entered = this.#entered;
        this.#entered = undefined;
        if (entered !== undefined && findings.some(({ id, status }) => id === 'reachable' && status === 'ok')) {
          await connections.keepEntered(profile, entered);
        }
        if (!isReady(findings)) return;
        void ui.showInformationMessage(summaryOf(profile, findings));
        // Shows in the tree that the connection works, or what went wrong meanwhile.
        await connections
          .link(name)
          .refresh()
          .catch(() => undefined);
      },
    });
    panel.title = testTitle(name);
    this.#channel = new PageChannel(panel, extensionUri, this);
  }

  /** Tests the connection as it is saved now. */
  async run(): Promise<void> {
    const profile = this.#connections.find(this.name);
    if (!profile) {
      this.#channel.notify(vscode.l10n.t('The connection “{0}” no longer exists.', this.name), 'error');
      return;
    }
    const { askPassword, ...options } = this.#connections.testOptions(profile);
    this.#entered = undefined;
    await this.#tester.start({
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
    const { report } = this.#tester;
    this.#channel.post({
      type: 'init',
      kind: 'test',
      strings: connectionStrings(),
      language: vscode.env.language,
      title: vscode.l10n.t('Test of “{0}”', this.name),
      connection: this.name,
      uri: profile ? formatUri(addressOf(profile)) : '',
      ...(report === undefined ? {} : { report }),
    });
  }

  async handle(message: Exclude<FromConnectionPage, { type: 'ready' }>): Promise<void> {
    switch (message.type) {
      case 'testAgain':
        await this.run();
        break;
      case 'cancelTest':
        this.#tester.cancel();
        break;
      case 'edit':
        await this.#edit();
        break;
      case 'fix':
        await this.#tester.fix(message.report, message.finding, message.fix, message.way);
        break;
      default:
        break;
    }
  }

  dispose(): void {
    this.#tester.dispose();
    this.#channel.dispose();
  }

  async #act(action: PageAction): Promise<void> {
    switch (action) {
      case 'enterPassword':
        return this.#enterPassword();
      case 'editConnection':
        return this.#edit();
      case 'setUpDurableJobs':
        await vscode.commands.executeCommand(commandId('setUpDurableJobs'), this.name);
        return this.run();
    }
  }

  async #edit(): Promise<void> {
    await vscode.commands.executeCommand(commandId('editConnection'), this.name);
  }

  async #enterPassword(): Promise<void> {
    const password = await ui.showInputBox({
      title: this.name,
      prompt: vscode.l10n.t('Password. It is stored in VS Code’s secret storage.'),
      password: true,
      ignoreFocusOut: true,
    });
    if (password === undefined) return;
    await this.#connections.setPassword(this.name, password);
    await this.run();
  }
}

export function testTitle(name: string): string {
  return vscode.l10n.t('Test “{0}”', name);
}

/** Keeps only the address of the connection. */
function addressOf({ name, host, port, database, user, service }: ConnectionProfile): ConnectionProfile {
  const given = Object.entries({ host, port, database, user, service }).filter(([, value]) => value !== undefined);
  return { name, ...(Object.fromEntries(given) as Partial<ConnectionProfile>) };
}
