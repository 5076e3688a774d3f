import * as vscode from 'vscode';
import type { ApprovalRequest, OwnSecret } from '../../core/postgres/connect/open/approval';
import type { Change, PlacePart, StoredPassword } from './passwordStore';
import * as ui from '../base/ui';

/** Longer commands are cut in the question. UTF-16 code units. */
const MOST_COMMAND = 300;

/** Asks whether the user's own secrets may be used for a connection that they did not write themselves. */
export async function askForApproval(connection: string, request: ApprovalRequest): Promise<boolean> {
  const allow = vscode.l10n.t('Allow');
  const choice = await ui.showWarningMessage(
    vscode.l10n.t('Use your own passwords for the workspace’s connection “{0}”?', connection),
    { modal: true, detail: approvalDetail(request) },
    allow,
  );
  return choice === allow;
}

function approvalDetail({ binding, secrets }: ApprovalRequest): string {
  const { hosts, user, sslmode, sslrootcert } = binding;
  return [
    vscode.l10n.t('The files of this workspace say where it leads:'),
    vscode.l10n.t('Server: {0}', hosts),
    vscode.l10n.t('User: {0}', user),
    vscode.l10n.t('TLS: sslmode {0}', sslmode),
    ...(['verify-ca', 'verify-full'].includes(sslmode)
      ? [vscode.l10n.t('Root certificates: {0}', sslrootcert.replace(/ sha256:.*$/, ''))]
      : []),
    '',
    ...secrets.map(secretText),
    '',
    vscode.l10n.t(
      'Allow this only if you know the server. You are asked again if the target changes. Without it, the connection is tried without your passwords.',
    ),
  ].join('\n');
}

function secretText(secret: OwnSecret): string {
  switch (secret.kind) {
    case 'command': {
      const { command } = secret;
      const shown = command.length > MOST_COMMAND ? `${command.slice(0, MOST_COMMAND)}…` : command;
      return vscode.l10n.t('This command is run on your computer to get the password: {0}', shown);
    }
    case 'parameter':
      return vscode.l10n.t('The password comes from {0}.', secret.source);
    case 'passfile':
      return vscode.l10n.t('The password comes from {0}.', secret.file);
    case 'clientKey':
      return vscode.l10n.t('Your client key {0} is used to prove who you are.', secret.file);
  }
}

/** Why nothing was sent when nobody could be asked, and how to approve it. */
export function notApprovedText(connection: string): string {
  return vscode.l10n.t(
    'The workspace’s connection “{0}” needs one of your own passwords, and you have not allowed that yet. Run “pg_background: Connect” for it to see where it leads and to decide.',
    connection,
  );
}

/** The question for a password; if there is a stored one that is not sent, it says what has changed. */
export function passwordQuestion(user: string, place: string, changed: StoredPassword['changed']): string {
  const question = vscode.l10n.t('Password of {0} at {1}', user, place);
  if (changed === undefined) return question;
  if (changed === 'unknown') {
    return vscode.l10n.t(
      '{0}. The stored one is not sent there: an older version stored it without the server that it is for.',
      question,
    );
  }
  const changes = changed.map(changeText).join('; ');
  return vscode.l10n.t('{0}. The stored one is not sent there, because this has changed: {1}.', question, changes);
}

function changeText({ part, before, now }: Change): string {
  const name = partNames()[part];
  // A path with its hash helps nobody, and is the same if only the content differs.
  if (part === 'sslrootcert') return name;
  const none = vscode.l10n.t('none');
  return vscode.l10n.t('{0} (was {1}, is {2})', name, before === '' ? none : before, now === '' ? none : now);
}

function partNames(): Readonly<Record<PlacePart, string>> {
  return {
    hosts: vscode.l10n.t('server'),
    user: vscode.l10n.t('user'),
    sslmode: 'sslmode',
    sslrootcert: vscode.l10n.t('root certificates'),
    sslcrl: vscode.l10n.t('revoked certificates'),
    sslnegotiation: 'sslnegotiation',
    tlsVersions: vscode.l10n.t('TLS versions'),
    channelBinding: vscode.l10n.t('channel binding'),
    requireAuth: vscode.l10n.t('required authentication'),
    allowCleartextPassword: vscode.l10n.t('permission to send it in clear text'),
    machine: vscode.l10n.t('computer'),
  };
}
