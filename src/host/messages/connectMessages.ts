/** The sentences for the problems of opening a connection. */
import { l10n } from 'vscode';
import type { ConnectFaults, ReceivedMessage, ScramFlaw } from '../../core/postgres/connect/connectFaults';
import { endpointText, passwordOriginText } from './connectText';
import type { Messages } from './messages';
import { TLS_MESSAGES } from './tlsMessages';

function receivedText({ message, messageType, authenticationCode }: ReceivedMessage): string {
  if (message !== undefined) return message;
  if (authenticationCode !== undefined) return l10n.t('an authentication request with code {0}', authenticationCode);
  return l10n.t('a message of type {0}', messageType ?? '');
}

function flawText(flaw: ScramFlaw, detail: string): string {
  switch (flaw) {
    case 'malformedFirstMessage':
      return l10n.t('its first message is malformed');
    case 'wrongNonce':
      return l10n.t('it did not repeat our nonce');
    case 'malformedFinalMessage':
      return l10n.t('its last message is malformed');
    case 'wrongSignature':
      return l10n.t('its signature is wrong');
    case 'other':
      return detail;
  }
}

function serverKindText(kind: ConnectFaults['connect.wrongServerKind']['kind']): string {
  switch (kind) {
    case 'read-only':
      return l10n.t('read-only');
    case 'read-write':
      return l10n.t('read-write');
    case 'standby':
      return l10n.t('a standby');
    case 'primary':
      return l10n.t('a primary');
  }
}

export const CONNECT_MESSAGES: Messages<ConnectFaults> = {
  ...TLS_MESSAGES,

  'connect.canceled': () => l10n.t('Connecting was canceled.'),

  'connect.refused': (endpoint) =>
    endpoint.socket === undefined
      ? l10n.t(
          'Connection refused by {0}. Check the host and the port, and that PostgreSQL is running there and listens on that address.',
          endpointText(endpoint),
        )
      : l10n.t('Connection refused by {0}. Check that PostgreSQL is running on this computer.', endpointText(endpoint)),
  'connect.socketMissing': ({ socket, host }) =>
    l10n.t(
      'The socket {0} does not exist. Check the folder and the port, and that PostgreSQL is running on this computer.',
      socket ?? host,
    ),
  'connect.accessDenied': (endpoint) =>
    l10n.t('Your operating-system user may not access {0}. Check its permissions.', endpointText(endpoint)),
  'connect.hostUnknown': ({ host }) =>
    l10n.t('The host {0} was not found. Check its name, and your network or VPN.', host),
  'connect.lookupFailed': ({ host }) =>
    l10n.t('The host {0} could not be looked up. Check your network, and try again.', host),
  'connect.lookupTimeout': ({ host }) =>
    l10n.t('Looking up the host {0} took too long. Check your network, and try again.', host),
  'connect.noResponse': (endpoint) =>
    l10n.t('No response from {0}. Check the host, the port, and any firewalls.', endpointText(endpoint)),
  'connect.timeout': (endpoint) =>
    l10n.t(
      'No response from {0} within {1} s. Check the host, the port, and any firewalls, or increase “connectTimeoutSeconds”.',
      endpointText(endpoint),
      endpoint.seconds,
    ),
  'connect.hostUnreachable': (endpoint) =>
    l10n.t('{0} is unreachable. Check your network or VPN.', endpointText(endpoint)),
  'connect.closedEarly': (endpoint) =>
    l10n.t(
      'The connection to {0} was closed before it was established ({1}). Check that a PostgreSQL server is running there, and its log.',
      endpointText(endpoint),
      endpoint.detail,
    ),

  'connect.noHost': () => l10n.t('There is no host to connect to.'),
  'connect.allHostsFailed': (_, causes) => l10n.t('No server could be used. {0}', causes),
  'connect.withAndWithoutTlsFailed': (_, causes) => causes,
  'connect.withTls': (_, cause) => l10n.t('With TLS: {0}', cause),
  'connect.withoutTls': (_, cause) => l10n.t('Without TLS: {0}', cause),

  'connect.notPostgres': ({ messageType }) =>
    l10n.t(
      'The server does not speak PostgreSQL’s protocol (it sent a message of type {0}). Check the host and the port.',
      messageType,
    ),
  'connect.damagedMessage': (received) =>
    l10n.t(
      'The server sent a damaged message ({0}, length {1}), so the connection was closed. Check the host and the port, and that a PostgreSQL server is running there.',
      receivedText(received),
      received.length,
    ),
  'connect.messageBeforeRequest': (received) =>
    l10n.t(
      'The server sent {0} before it requested authentication, which PostgreSQL never does, so the connection was closed and nothing more was sent. It may be the wrong server: check the host and the port.',
      receivedText(received),
    ),
  'connect.messageAfterRequest': (received) =>
    l10n.t(
      'The server sent {0} after it had requested the method “{1}”, which PostgreSQL never does, so the connection was closed and nothing more was sent. It may be the wrong server: check the host and the port.',
      receivedText(received),
      received.method,
    ),
  'connect.messageAfterOk': (received) =>
    l10n.t(
      'The server sent {0} after AuthenticationOk, which PostgreSQL never does, so the connection was closed and nothing more was sent. It may be the wrong server: check the host and the port.',
      receivedText(received),
    ),
  'connect.zeroCharacter': () => l10n.t('The user, the database, or a parameter contains a NUL character. Remove it.'),

  'connect.passwordMissing': ({ user }) =>
    l10n.t('The server asks for the password of the user “{0}”, and none is known. Enter it.', user),
  'connect.passwordRejected': ({ user, serverMessage, ...origin }) =>
    origin.passwordFrom === undefined
      ? l10n.t(
          'The server did not accept the password of the user “{0}”. Enter it again, and check the user name. Server message: {1}.',
          user,
          serverMessage,
        )
      : l10n.t(
          'The server did not accept the password of the user “{0}” (from {1}). Enter it again, and check the user name. Server message: {2}.',
          user,
          passwordOriginText(origin),
          serverMessage,
        ),
  'connect.loginRejected': ({ user, serverMessage }) =>
    l10n.t(
      'The server rejected the user “{0}”. Check the user name, and which authentication the server requires. Server message: {1}.',
      user,
      serverMessage,
    ),
  'connect.certificateRequired': ({ serverMessage }) =>
    l10n.t(
      'The server requires a client certificate. Set “sslcert” to its file and “sslkey” to its key. Server message: {0}.',
      serverMessage,
    ),
  'connect.hbaRejected': ({ user, database, tls, serverMessage }) =>
    tls
      ? l10n.t(
          'pg_hba.conf does not allow the user “{0}” to connect to the database “{1}” from this computer with TLS. Ask the administrator for an entry in pg_hba.conf. Server message: {2}.',
          user,
          database,
          serverMessage,
        )
      : l10n.t(
          'pg_hba.conf does not allow the user “{0}” to connect to the database “{1}” from this computer without TLS. Set “sslmode” to “require” if the server requires TLS, or ask the administrator for an entry in pg_hba.conf. Server message: {2}.',
          user,
          database,
          serverMessage,
        ),
  'connect.methodNotSupported': ({ method }) =>
    l10n.t(
      'The server requires the authentication method {0}, which is not supported. Ask the administrator for scram-sha-256, or for a client certificate.',
      method,
    ),
  'connect.unknownMethod': ({ authenticationCode }) =>
    l10n.t(
      'The server requires an unknown authentication method (code {0}). Ask the administrator for scram-sha-256, or for a client certificate.',
      authenticationCode,
    ),
  'connect.plusNotAllowed': () =>
    l10n.t(
      'The server offers only SCRAM-SHA-256-PLUS, which “channelBinding”: “disable” rules out. Set “channelBinding” to “prefer”.',
    ),
  'connect.md5Unavailable': () =>
    l10n.t(
      'The server requires md5, which is not available on this computer. Ask the administrator for scram-sha-256.',
    ),
  'connect.requireAuthViolated': ({ method, requireAuth }) =>
    l10n.t(
      'The server requested the method “{0}”, which “requireAuth” ({1}) does not accept. Correct the server’s pg_hba.conf, or change “requireAuth”.',
      method,
      requireAuth,
    ),
  'connect.noAuthenticationRequest': ({ requireAuth }) =>
    l10n.t(
      'The server did not request authentication, which “requireAuth” ({0}) does not accept. Correct the server’s pg_hba.conf, or change “requireAuth”.',
      requireAuth,
    ),
  'connect.requireAuthMixed': () => l10n.t('“requireAuth” mixes methods with and without “!”. Use one kind.'),
  'connect.requireAuthUnknown': ({ method, methods }) =>
    l10n.t('“requireAuth” contains “{0}”, which is not a method. Use {1}.', method, methods.join(', ')),
  'connect.requireAuthTwice': ({ method }) => l10n.t('“requireAuth” contains “{0}” twice.', method),
  'connect.channelBindingMissing': () =>
    l10n.t(
      'The server does not support channel binding, which “channelBinding”: “require” demands: it needs TLS and a password stored as scram-sha-256. Correct the server, or set “channelBinding” to “prefer”.',
    ),
  'connect.channelBindingUnsupported': () =>
    l10n.t('The server’s certificate does not support channel binding. Set “channelBinding” to “disable”.'),
  'connect.cleartextPassword': () =>
    l10n.t(
      'The server asks for the password in clear text over an unencrypted connection, so it was not sent. Set “sslmode” to “require” or stronger, or let the server use scram-sha-256.',
    ),
  'connect.plusWithoutTls': () =>
    l10n.t(
      'The server offers SCRAM-SHA-256-PLUS over a connection without TLS, which PostgreSQL never does, so the connection was closed. TLS may have been removed in transit: set “sslmode” to “verify-full”.',
    ),
  'connect.okWithoutProof': () =>
    l10n.t(
      'The server accepted the login before it proved that it knows the password, so the connection was closed. It may be the wrong server: check the host and the port.',
    ),
  'connect.proofInvalid': ({ flaw, detail }) =>
    l10n.t(
      'The server did not prove that it knows the password ({0}), so the connection was closed. It may be the wrong server: check the host and the port.',
      flawText(flaw, detail ?? ''),
    ),
  'connect.scramFailed': () =>
    l10n.t('The server ended scram-sha-256 with an error. Enter the password again, and check the server log.'),
  'connect.tooManyIterations': ({ iterations, max }) =>
    l10n.t(
      'The server requests {0} iterations of scram-sha-256, so the connection was closed: at most {1} are accepted. Lower “scram_iterations” on the server, and set the password again.',
      iterations,
      max,
    ),

  'connect.notApproved': ({ user }) =>
    l10n.t(
      'The server asks for the password of the user “{0}”. You did not allow this connection to use your own passwords. Connect again to be asked once more, or enter a password for it.',
      user,
    ),
  'connect.approvalNeeded': ({ connection }) =>
    l10n.t(
      'The workspace’s connection “{0}” needs one of your own passwords, and you have not allowed that yet. Run “pg_background: Connect” for it to see where it leads and to decide.',
      connection,
    ),
  'connect.passwordCommandTimeout': ({ seconds }) =>
    l10n.t('The password command did not finish within {0} s. Check that it works without asking for input.', seconds),
  'connect.passwordCommandNotStarted': () => l10n.t('The password command could not be started. Check the shell.'),
  'connect.passwordCommandKilled': ({ signal }) =>
    l10n.t('The password command was ended by {0}. Run it in a terminal to see why.', signal),
  'connect.passwordCommandFailed': ({ status }) =>
    l10n.t('The password command failed with exit code {0}. Run it in a terminal to see why.', status),
  'connect.passwordCommandEmpty': () =>
    l10n.t('The password command printed nothing. The first line of its output must be the password.'),

  'connect.databaseUnknown': ({ database }) =>
    l10n.t('The database “{0}” does not exist on the server. Correct the name, or create the database.', database),
  'connect.databaseDenied': ({ user, database, serverMessage }) =>
    l10n.t(
      'The user “{0}” is not allowed to connect to the database “{1}”. Server message: {2}.',
      user,
      database,
      serverMessage,
    ),
  'connect.noConnectionSlot': ({ user, serverMessage }) =>
    l10n.t(
      'The server has no connection slot left for the user “{0}”. Close some connections, or ask for a higher max_connections (or limit of the role or database). Server message: {1}.',
      user,
      serverMessage,
    ),
  'connect.serverNotReady': ({ serverMessage }) =>
    l10n.t('The server does not accept connections right now. Try again soon. Server message: {0}.', serverMessage),
  'connect.serverError': ({ serverMessage }) => l10n.t('The server rejected the connection: {0}.', serverMessage),
  'connect.wrongServerKind': (endpoint) =>
    l10n.t(
      '{0} is {1}, but “targetSessionAttrs” is “{2}”.',
      endpointText(endpoint),
      serverKindText(endpoint.kind),
      endpoint.targetSessionAttrs,
    ),
  'connect.setupFailed': ({ role, searchPath, serverMessage }) => {
    if (role === undefined) {
      return l10n.t(
        'Connected, but the search path “{0}” could not be set: {1}. Correct it in the connection.',
        searchPath ?? '',
        serverMessage,
      );
    }
    return searchPath === undefined
      ? l10n.t(
          'Connected, but the role “{0}” could not be set: {1}. Correct it in the connection.',
          role,
          serverMessage,
        )
      : l10n.t(
          'Connected, but the role “{0}” and the search path “{1}” could not be set: {2}. Correct them in the connection.',
          role,
          searchPath,
          serverMessage,
        );
  },

  'connect.testCanceled': () => l10n.t('The test was canceled.'),
  'connect.testTimeout': ({ seconds }) => l10n.t('The server did not respond within {0} s. Try again.', seconds),
  'connect.testFailed': ({ detail }) => l10n.t('The server could not be tested: {0}.', detail),
};
