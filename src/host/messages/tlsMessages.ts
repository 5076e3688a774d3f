/** The sentences for the problems of TLS. */
import { l10n } from 'vscode';
import type { TlsFaults, TlsFileKind } from '../../core/postgres/connect/connectFaults';
import { endpointText } from './connectText';
import type { Messages } from './messages';

export const TLS_MESSAGES: Messages<TlsFaults> = {
  'connect.tlsNotOffered': (endpoint) =>
    l10n.t(
      '{0} does not support TLS, which “sslmode”: “{1}” requires. Enable TLS on the server, or choose another sslmode.',
      endpointText(endpoint),
      endpoint.sslmode,
    ),
  'connect.tlsFailed': (endpoint) =>
    l10n.t(
      'TLS with {0} failed ({1}). Check the server’s certificate, and your client certificate if the server requires one.',
      endpointText(endpoint),
      endpoint.detail,
    ),
  'connect.tlsNoCommonVersion': (endpoint) =>
    l10n.t('{0} supports no TLS version that this connection accepts (at least 1.2).', endpointText(endpoint)),
  'connect.tlsInjectedData': () =>
    l10n.t(
      'The server sent unencrypted data after it had agreed to TLS, so the connection was closed. Check the host and the port, and whether the connection may be intercepted.',
    ),
  'connect.tlsProtocolNotConfirmed': ({ protocol }) =>
    l10n.t(
      'The server did not confirm the protocol “{0}” (ALPN), which “sslnegotiation”: “direct” requires, so the connection was closed. Check that PostgreSQL 17 or later is running there, or set “sslnegotiation” to “postgres”.',
      protocol,
    ),
  'connect.certificateExpired': (endpoint) =>
    l10n.t('The certificate of {0} has expired. The server needs a new one.', endpointText(endpoint)),
  'connect.certificateNotYetValid': (endpoint) =>
    l10n.t('The certificate of {0} is not valid yet. Check the clocks of both computers.', endpointText(endpoint)),
  'connect.certificateRevoked': (endpoint) =>
    l10n.t('The certificate of {0} has been revoked. The server needs a new one.', endpointText(endpoint)),
  'connect.revocationListInsufficient': (endpoint) =>
    l10n.t(
      'The certificate revocation list has expired or does not cover the certificate of {0}. Update the list.',
      endpointText(endpoint),
    ),
  'connect.certificateForOtherHost': (endpoint) => {
    const { names, expected } = endpoint;
    if (expected === undefined) {
      return l10n.t(
        'The certificate of {0} cannot be verified: there is no host name. Set “host” to a name in the certificate, or “sslmode” to “verify-ca” to skip the name check.',
        endpointText(endpoint),
      );
    }
    return names === undefined
      ? l10n.t(
          'The certificate of {0} contains no name, so it is not for {1}. Check the host, or set “sslmode” to “verify-ca” to skip the name check.',
          endpointText(endpoint),
          expected,
        )
      : l10n.t(
          'The certificate of {0} is for {1} and not for {2}. Set “host” to a name in the certificate, or “sslmode” to “verify-ca” to skip the name check.',
          endpointText(endpoint),
          names,
          expected,
        );
  },
  'connect.certificateUntrusted': (endpoint) => {
    const { rootFile } = endpoint;
    if (rootFile === 'system') {
      return l10n.t(
        'The certificate of {0} was issued by an authority that this computer does not trust. Set “sslrootcert” to the file of the right authority.',
        endpointText(endpoint),
      );
    }
    return rootFile === undefined
      ? l10n.t(
          'The certificate of {0} was issued by an authority that is not among the root certificates. Set “sslrootcert” to the file of the right authority.',
          endpointText(endpoint),
        )
      : l10n.t(
          'The certificate of {0} was issued by an authority that is not in “{1}”. Set “sslrootcert” to the file of the right authority.',
          endpointText(endpoint),
          rootFile,
        );
  },
  'connect.tlsFileUnreadable': ({ kind, file, detail }) => fileKindText(kind, file, detail),
  'connect.rootFileInvalid': ({ file }) =>
    l10n.t('The file “{0}” contains no certificate. It must contain the trusted authorities in PEM format.', file),
  'connect.rootFileMissing': ({ file }) =>
    file === undefined
      ? l10n.t(
          'There is no root certificate file, so the server cannot be verified. Set “sslrootcert” to a file, or to “system” for the authorities that this computer trusts, or choose another sslmode.',
        )
      : l10n.t(
          'The root certificate file “{0}” does not exist, so the server cannot be verified. Set “sslrootcert” to a file, or to “system” for the authorities that this computer trusts, or choose another sslmode.',
          file,
        ),
  'connect.revocationListMissing': ({ file }) =>
    l10n.t('The certificate revocation list “{0}” (“sslcrl”) does not exist. Correct its path.', file),
  'connect.clientKeyMissing': ({ file }) =>
    file === undefined
      ? l10n.t('There is a client certificate but no key for it. Set “sslkey” to its file.')
      : l10n.t('There is a client certificate, but its key “{0}” does not exist. Set “sslkey” to its file.', file),
  'connect.clientKeyNotPem': ({ file }) =>
    l10n.t('The client key “{0}” is not in PEM format. Convert it with openssl pkey.', file),
  'connect.clientKeyEncrypted': ({ file }) =>
    l10n.t('The client key “{0}” is encrypted. Enter its passphrase, or use a key without one.', file),
  'connect.clientKeyNotAFile': ({ file }) => l10n.t('The client key “{0}” is not a regular file.', file),
  'connect.clientKeyExposed': ({ file }) =>
    l10n.t('The client key “{0}” is readable by other users. Run chmod 600 on it.', file),
  'connect.passphraseWrong': () => l10n.t('The passphrase of the client key is wrong. Enter it again.'),
  'connect.clientKeyMismatch': () =>
    l10n.t('The client key does not belong to the client certificate. Check “sslcert” and “sslkey”.'),
  'connect.tlsFilesUnusable': ({ files, detail }) =>
    files.length === 0
      ? l10n.t('The TLS files cannot be used ({0}).', detail)
      : l10n.t('The TLS files cannot be used ({0}). Check {1}.', detail, files.join(', ')),
};

function fileKindText(kind: TlsFileKind, file: string, detail: string): string {
  switch (kind) {
    case 'rootCertificates':
      return l10n.t(
        'The root certificate file “{0}” cannot be read ({1}). Check its path and permissions.',
        file,
        detail,
      );
    case 'revocationList':
      return l10n.t(
        'The certificate revocation list “{0}” cannot be read ({1}). Check its path and permissions.',
        file,
        detail,
      );
    case 'clientCertificate':
      return l10n.t(
        'The client certificate file “{0}” cannot be read ({1}). Check its path and permissions.',
        file,
        detail,
      );
    case 'clientKey':
      return l10n.t('The client key file “{0}” cannot be read ({1}). Check its path and permissions.', file, detail);
  }
}
