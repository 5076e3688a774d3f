import * as vscode from 'vscode';
import { ConnectError } from '../../core/postgres/connect/errors';
import { parseConnectionString } from '../../core/postgres/connect/conninfo';
import { validateProfile, type ConnectionProfile } from '../../core/postgres/connect/profile';
import type { Connections } from '../connections';
import { ActionNode, ConnectionNode, FaultNode, ProblemNode } from '../nodes';

/** Adding, editing, testing and removing connections. */
export class ConnectionCommands {
  constructor(private readonly connections: Connections) {}

  /** Asks for a URI, or field by field. Returns the name of the new connection. */
  async add(argument?: unknown): Promise<string | undefined> {
    const given = typeof argument === 'string' ? argument : await this.#askForm();
    if (given === undefined) return undefined;
    const entered = given === '' ? await this.#askFields({ name: '' }) : await this.#fromUri(given);
    if (!entered) return undefined;
    await this.connections.save(entered.profile, entered.password);
    await this.#test(entered.profile.name);
    return entered.profile.name;
  }

  async edit(argument: unknown): Promise<void> {
    const name = await this.#choose(argument, vscode.l10n.t('Connection to edit'));
    const profile = name === undefined ? undefined : this.connections.find(name);
    if (!profile) return;
    const entered = await this.#askFields(profile);
    if (!entered) return;
    await this.connections.save(entered.profile, entered.password, profile.name);
    await this.#test(entered.profile.name);
  }

  async remove(argument: unknown): Promise<void> {
    const name = await this.#choose(argument, vscode.l10n.t('Connection to remove'));
    if (name === undefined) return;
    const remove = vscode.l10n.t('Remove');
    const choice = await vscode.window.showWarningMessage(
      vscode.l10n.t('Remove the connection “{0}” and its password?', name),
      { modal: true, detail: vscode.l10n.t('Workers that run on it are not stopped.') },
      remove,
    );
    if (choice === remove) await this.connections.remove(name);
  }

  async test(argument: unknown): Promise<void> {
    const name = await this.#choose(argument, vscode.l10n.t('Connection to test'));
    if (name !== undefined) await this.#test(name);
  }

  async #test(name: string): Promise<void> {
    this.connections.mayAsk(name);
    try {
      const { server, extension } = await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t('Connecting to “{0}”', name) },
        async () => {
          const link = this.connections.link(name);
          const dialect = await link.connect();
          await link.refresh();
          return {
            server: link.state.kind === 'connected' ? link.state.serverVersion : '',
            extension: dialect.version,
          };
        },
      );
      void vscode.window.showInformationMessage(
        vscode.l10n.t('“{0}” is ready: PostgreSQL {1} with pg_background {2}.', name, server, extension),
      );
    } catch (error) {
      const edit = vscode.l10n.t('Edit Connection…');
      const enter = vscode.l10n.t('Enter Password…');
      const wrongPassword = error instanceof ConnectError && ['authentication', 'noPassword'].includes(error.reason);
      // Not awaited: the command is done, whenever the message is read.
      void vscode.window
        .showErrorMessage(
          `“${name}”: ${error instanceof Error ? error.message : String(error)}`,
          ...(wrongPassword ? [enter, edit] : [edit]),
        )
        .then((choice) => {
          if (choice === enter) return this.#enterPassword(name);
          return choice === edit ? this.edit(name) : undefined;
        });
    }
  }

  async #enterPassword(name: string): Promise<void> {
    const password = await vscode.window.showInputBox({
      title: name,
      prompt: vscode.l10n.t('Password. It is kept in VS Code’s secret storage.'),
      password: true,
      ignoreFocusOut: true,
    });
    if (password === undefined) return;
    await this.connections.setPassword(name, password);
    await this.#test(name);
  }

  /** A URI or DSN; '' where the user wants the fields. */
  async #askForm(): Promise<string | undefined> {
    const uri = vscode.l10n.t('Paste a URI or DSN');
    const fields = vscode.l10n.t('Enter the fields');
    const picked = await vscode.window.showQuickPick(
      [
        {
          label: uri,
          description: 'postgres://user:password@host:5432/database',
          detail: vscode.l10n.t('The password in it goes to VS Code’s secret storage.'),
        },
        { label: fields, description: vscode.l10n.t('host, port, database, user, password') },
      ],
      { title: vscode.l10n.t('Add Connection'), placeHolder: vscode.l10n.t('How do you want to enter it?') },
    );
    if (!picked) return undefined;
    if (picked.label === fields) return '';
    return vscode.window.showInputBox({
      title: vscode.l10n.t('Add Connection'),
      prompt: vscode.l10n.t('postgres:// URI or key=value DSN, as psql takes it'),
      password: true,
      ignoreFocusOut: true,
      validateInput: (text) => problemOf(text),
    });
  }

  async #fromUri(text: string): Promise<{ profile: ConnectionProfile; password: string | undefined } | undefined> {
    const { profile, password } = parseConnectionString(text);
    const suggested = `${profile.database ?? profile.user ?? 'postgres'}@${profile.host ?? 'localhost'}`;
    const name = await this.#askName(suggested);
    return name === undefined ? undefined : { profile: { ...profile, name }, password };
  }

  async #askFields(
    from: ConnectionProfile,
  ): Promise<{ profile: ConnectionProfile; password: string | undefined } | undefined> {
    const title = from.name === '' ? vscode.l10n.t('Add Connection') : vscode.l10n.t('Edit Connection');
    const ask = (prompt: string, value: string, options: vscode.InputBoxOptions = {}): Thenable<string | undefined> =>
      vscode.window.showInputBox({ title, prompt, value, ignoreFocusOut: true, ...options });
    const host = await ask(vscode.l10n.t('Host name, address, or folder of a Unix socket'), from.host ?? 'localhost');
    if (host === undefined) return undefined;
    const port = await ask(vscode.l10n.t('Port'), String(from.port ?? 5432), {
      validateInput: (text) => (/^\d{1,5}$/.test(text) ? undefined : vscode.l10n.t('Write a number up to 65535.')),
    });
    if (port === undefined) return undefined;
    const database = await ask(vscode.l10n.t('Database'), from.database ?? 'postgres');
    if (database === undefined) return undefined;
    const user = await ask(vscode.l10n.t('User'), from.user ?? 'postgres');
    if (user === undefined) return undefined;
    const password = await ask(vscode.l10n.t('Password. Empty: keep what is stored, or use ~/.pgpass.'), '', {
      password: true,
    });
    if (password === undefined) return undefined;
    const name = await this.#askName(from.name === '' ? `${database}@${host}` : from.name, from.name);
    if (name === undefined) return undefined;
    return {
      profile: { ...from, name, host, port: Number(port), database, user },
      password: password === '' ? undefined : password,
    };
  }

  #askName(value: string, own?: string): Thenable<string | undefined> {
    return vscode.window.showInputBox({
      title: vscode.l10n.t('Name of the Connection'),
      prompt: vscode.l10n.t('Shown in the Workers view'),
      value,
      ignoreFocusOut: true,
      validateInput: (text) => {
        if (text.trim() === '') return vscode.l10n.t('It needs a name.');
        return text !== own && this.connections.find(text)
          ? vscode.l10n.t('There is a connection of that name already.')
          : undefined;
      },
    });
  }

  async #choose(argument: unknown, placeHolder: string): Promise<string | undefined> {
    if (typeof argument === 'string') return argument;
    if (argument instanceof ConnectionNode || argument instanceof FaultNode) return argument.name;
    if (argument instanceof ProblemNode || argument instanceof ActionNode) return argument.connection;
    const { profiles } = this.connections;
    if (profiles.length <= 1) return profiles[0]?.name;
    return vscode.window.showQuickPick(
      profiles.map((profile) => profile.name),
      { placeHolder },
    );
  }
}

/** The sentence about what is wrong with a URI, while it is typed. */
function problemOf(text: string): string | undefined {
  try {
    const { profile } = parseConnectionString(text);
    const checked = validateProfile({ ...profile, name: 'new' });
    return 'problem' in checked ? checked.problem : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
