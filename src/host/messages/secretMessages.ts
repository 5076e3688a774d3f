/** The sentences about passwords, passphrases, and their approval. */
import { l10n } from 'vscode';
import type { ApprovalRequest, OwnSecret } from '../../core/postgres/connect/open/approval';
import { rootCertificateFile } from '../../core/postgres/connect/open/bindingParts';
import type { PasswordQuestion } from '../../core/postgres/connect/open/open';
import type { Change, PlacePart, StoredPassword } from '../connections/passwordStore';
import { endpointText } from './connectText';

/** Longer commands are cut in the question. UTF-16 code units. */
const MAX_COMMAND_LENGTH = 300;

export function approvalTitle(connection: string): string {
  return l10n.t('Use your own passwords for the workspace’s connection “{0}”?', connection);
}

export function approvalAllow(): string {
  return l10n.t('Allow');
}

/** What the user approves: the target, and the secrets that it would get. */
export function approvalDetail({ binding, secrets }: ApprovalRequest): string {
  const { hosts, user, sslmode } = binding;
  const verifiesServer = sslmode === 'verify-ca' || sslmode === 'verify-full';
  return [
    l10n.t('The files of this workspace define where it leads:'),
    l10n.t('Server: {0}', hosts),
    l10n.t('User: {0}', user),
    l10n.t('TLS: sslmode {0}', sslmode),
    ...(verifiesServer ? [l10n.t('Root certificates: {0}', rootCertificateFile(binding))] : []),
    '',
    ...secrets.map(secretText),
    '',
    l10n.t(
      'Allow this only if you know the server. You will be asked again if the target changes. Otherwise, the connection is tried without your passwords.',
    ),
  ].join('\n');
}

function secretText(secret: OwnSecret): string {
  switch (secret.kind) {
    case 'command': {
      const { command } = secret;
      const shown = command.length > MAX_COMMAND_LENGTH ? `${command.slice(0, MAX_COMMAND_LENGTH)}…` : command;
      return l10n.t('This command will run on your computer to get the password: {0}', shown);
    }
    case 'parameter':
      return l10n.t('The password comes from {0}.', secret.source);
    case 'passfile':
      return l10n.t('The password comes from {0}.', secret.file);
    case 'clientKey':
      return l10n.t('Your client key {0} will be used to authenticate.', secret.file);
  }
}

export function passphraseQuestion(keyFile: string): string {
  return l10n.t('Passphrase of the key {0}', keyFile);
}

/** The question for a password. If a stored password is not sent, the question states what has changed. */
export function passwordQuestion({ user, endpoint }: PasswordQuestion, changed: StoredPassword['changed']): string {
  const question = l10n.t('Password of {0} at {1}', user, endpointText(endpoint));
  if (changed === undefined) return question;
  if (changed === 'unknown') {
    return l10n.t(
      '{0}. The stored password is not sent, because an older version stored it without its server.',
      question,
    );
  }
  const changes = changed.map(changeText).join('; ');
  return l10n.t('{0}. The stored password is not sent, because the connection has changed: {1}.', question, changes);
}

function changeText({ part, before, now }: Change): string {
  const name = partName(part);
  // A path with its hash is no use to the user, and the path is the same if only the content differs.
  if (part === 'sslrootcert') return name;
  const none = l10n.t('none');
  return l10n.t('{0} (was {1}, is {2})', name, before === '' ? none : before, now === '' ? none : now);
}

function partName(part: PlacePart): string {
  switch (part) {
    case 'hosts':
      return l10n.t('server');
    case 'user':
      return l10n.t('user');
    case 'sslrootcert':
      return l10n.t('root certificates');
    case 'sslcrl':
      return l10n.t('certificate revocation list');
    case 'tlsVersions':
      return l10n.t('TLS versions');
    case 'channelBinding':
      return l10n.t('channel binding');
    case 'requireAuth':
      return l10n.t('required authentication');
    case 'allowCleartextPassword':
      return l10n.t('permission to send it in clear text');
    case 'machine':
      return l10n.t('computer');
    case 'sslmode':
    case 'sslnegotiation':
      return part;
  }
}
