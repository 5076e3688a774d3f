/** Parts of sentences about connections. */
import { l10n } from 'vscode';
import type { Endpoint, PasswordOrigin } from '../../core/postgres/connect/connectFaults';

/** An endpoint as part of a sentence, e.g. `db.example.com (10.0.0.7), port 5432`. */
export function endpointText({ host, port, address, socket }: Endpoint): string {
  if (socket !== undefined) return l10n.t('the socket {0}', socket);
  return address === undefined
    ? l10n.t('{0}, port {1}', host, port)
    : l10n.t('{0} ({1}), port {2}', host, address, port);
}

/** The source of a password as part of a sentence. */
export function passwordOriginText({ passwordFrom, passwordSource = '' }: PasswordOrigin): string {
  switch (passwordFrom) {
    case 'store':
      return l10n.t('the stored passwords');
    case 'form':
      return l10n.t('the form');
    case 'command':
      return l10n.t('the password command');
    case 'passfile':
      return l10n.t('the file {0}', passwordSource);
    case 'parameter':
      return passwordSource;
    default:
      return l10n.t('your input');
  }
}
