/** Opens psql in a terminal. Loaded on demand. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import { connectEnvironment } from '../../core/postgres/connect/conninfo/environment';
import { psqlSession } from '../../core/postgres/connect/conninfo/psqlSession';
import * as ui from '../base/ui';
import { hostPortText } from '../connections/connectionAddress';
import type { ConnectionEntry } from '../connections/connectionEntries';

/** @throws if psql is not installed */
export async function openPsql({ profile, origin }: ConnectionEntry): Promise<void> {
  if (origin.kind !== 'user' && !(await confirmSecrets(profile.name, hostPortText(profile)))) return;
  try {
    await promisify(execFile)('psql', ['--version']);
  } catch (error) {
    throw new Error(
      vscode.l10n.t(
        'psql was not found. Install PostgreSQL’s client programs, and make sure that the PATH leads to psql.',
      ),
      { cause: error },
    );
  }
  const { args, env } = psqlSession(profile, connectEnvironment());
  const terminal = ui.createTerminal({
    name: `psql: ${profile.name}`,
    shellPath: 'psql',
    shellArgs: [...args],
    env: { ...env },
    iconPath: new vscode.ThemeIcon('database'),
    // A restored terminal would connect again, without anybody asking for it.
    isTransient: true,
  });
  terminal.show();
}

/** Asks before psql offers the user's own secrets to a server that the user's settings do not name. */
async function confirmSecrets(name: string, address: string): Promise<boolean> {
  const open = vscode.l10n.t('Open psql');
  const choice = await ui.showWarningMessage(
    vscode.l10n.t('Open psql on “{0}”, which your own settings do not define?', name),
    {
      modal: true,
      detail: vscode.l10n.t(
        'psql connects to {0}. It may use your password file and your client certificate.',
        address,
      ),
    },
    open,
  );
  return choice === open;
}
