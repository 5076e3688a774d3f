/** The problems of opening a connection. src/host/messages/connectMessages.ts has the sentences. */
import type { FaultOf, NoParams } from '../../base/fault';

/** Where a connection attempt went. */
export type Endpoint = {
  /** The host as it was given: a name, or an address if no name was given. */
  readonly host: string;
  readonly port: number;
  /** The IP address of the host, if it was looked up. */
  readonly address?: string;
  /** The path of the Unix socket, if the attempt went to one. */
  readonly socket?: string;
};

/** A message of the protocol: by its name in PostgreSQL's documentation, or by its code if it has none. */
export type ReceivedMessage = {
  readonly message?: string;
  readonly messageType?: string;
  readonly authenticationCode?: number;
};

/** Where a password came from. */
export type PasswordOrigin = {
  readonly passwordFrom?: 'store' | 'form' | 'prompt' | 'command' | 'passfile' | 'parameter';
  /** The password file, or the name of the parameter's source (the service or the environment variable). */
  readonly passwordSource?: string;
};

export type ScramFlaw =
  | 'malformedFirstMessage'
  | 'wrongNonce'
  | 'malformedFinalMessage'
  | 'wrongSignature'
  /** Found by `pg`, which explains it in `detail`. */
  | 'other';

/** A file that a TLS connection reads. */
export type TlsFileKind = 'rootCertificates' | 'revocationList' | 'clientCertificate' | 'clientKey';

type Login = {
  readonly user: string;
  readonly database: string;
  /** The server's own message. */
  readonly serverMessage: string;
};

type File = {
  readonly file: string;
};

export interface TlsFaults {
  'connect.tlsNotOffered': Endpoint & { readonly sslmode: string };
  'connect.tlsFailed': Endpoint & { readonly detail: string };
  'connect.tlsNoCommonVersion': Endpoint;
  'connect.tlsInjectedData': NoParams;
  'connect.tlsProtocolNotConfirmed': { readonly protocol: string };
  'connect.certificateExpired': Endpoint;
  'connect.certificateNotYetValid': Endpoint;
  'connect.certificateRevoked': Endpoint;
  'connect.revocationListInsufficient': Endpoint;
  /** `names`: the names in the certificate; undefined if it has none. `expected`: undefined if there is no host name to verify. */
  'connect.certificateForOtherHost': Endpoint & { readonly names?: string; readonly expected?: string };
  'connect.certificateUntrusted': Endpoint & { readonly rootFile?: string };
  'connect.tlsFileUnreadable': File & { readonly kind: TlsFileKind; readonly detail: string };
  'connect.rootFileInvalid': File;
  'connect.rootFileMissing': { readonly file?: string };
  'connect.revocationListMissing': File;
  'connect.clientKeyMissing': { readonly file?: string };
  'connect.clientKeyNotPem': File;
  'connect.clientKeyEncrypted': File;
  'connect.clientKeyNotAFile': File;
  'connect.clientKeyExposed': File;
  'connect.passphraseWrong': NoParams;
  'connect.clientKeyMismatch': NoParams;
  'connect.tlsFilesUnusable': { readonly files: readonly string[]; readonly detail: string };
}

/** `detail` is the text of a system, TLS, or server error. */
export interface ConnectFaults extends TlsFaults {
  'connect.canceled': NoParams;

  // The network
  'connect.refused': Endpoint;
  'connect.socketMissing': Endpoint;
  'connect.accessDenied': Endpoint;
  'connect.hostUnknown': { readonly host: string };
  'connect.lookupFailed': { readonly host: string };
  'connect.lookupTimeout': { readonly host: string };
  'connect.noResponse': Endpoint;
  'connect.timeout': Endpoint & { readonly seconds: number };
  'connect.hostUnreachable': Endpoint;
  'connect.closedEarly': Endpoint & { readonly detail: string };

  // Several attempts
  'connect.noHost': NoParams;
  /** `causes`: one per host. */
  'connect.allHostsFailed': NoParams;
  /** `causes`: {@link ConnectFaults['connect.withTls']}, then {@link ConnectFaults['connect.withoutTls']}. */
  'connect.withAndWithoutTlsFailed': NoParams;
  /** `cause`: the fault of the attempt. */
  'connect.withTls': NoParams;
  'connect.withoutTls': NoParams;

  // The protocol
  'connect.notPostgres': { readonly messageType: string };
  'connect.damagedMessage': ReceivedMessage & { readonly length: number };
  'connect.messageBeforeRequest': ReceivedMessage;
  'connect.messageAfterRequest': ReceivedMessage & { readonly method: string };
  'connect.messageAfterOk': ReceivedMessage;
  'connect.zeroCharacter': NoParams;

  // Authentication
  'connect.passwordMissing': { readonly user: string };
  'connect.passwordRejected': Pick<Login, 'user' | 'serverMessage'> & PasswordOrigin;
  'connect.loginRejected': Login;
  'connect.certificateRequired': Login;
  'connect.hbaRejected': Login & { readonly tls: boolean };
  'connect.methodNotSupported': { readonly method: string };
  'connect.unknownMethod': { readonly authenticationCode: number };
  'connect.plusNotAllowed': NoParams;
  'connect.md5Unavailable': NoParams;
  'connect.requireAuthViolated': { readonly method: string; readonly requireAuth: string };
  'connect.noAuthenticationRequest': { readonly requireAuth: string };
  'connect.requireAuthMixed': NoParams;
  'connect.requireAuthUnknown': { readonly method: string; readonly methods: readonly string[] };
  'connect.requireAuthTwice': { readonly method: string };
  'connect.channelBindingMissing': NoParams;
  'connect.channelBindingUnsupported': NoParams;
  'connect.cleartextPassword': NoParams;
  'connect.plusWithoutTls': NoParams;
  'connect.okWithoutProof': NoParams;
  'connect.proofInvalid': { readonly flaw: ScramFlaw; readonly detail?: string };
  'connect.scramFailed': NoParams;
  'connect.tooManyIterations': { readonly iterations: string; readonly max: number };

  // The user's own secrets
  'connect.notApproved': { readonly user: string };
  /** No prompt was allowed, because the connection was opened in the background. */
  'connect.approvalNeeded': { readonly connection: string };
  'connect.passwordCommandTimeout': { readonly seconds: number };
  'connect.passwordCommandNotStarted': NoParams;
  'connect.passwordCommandKilled': { readonly signal: string };
  'connect.passwordCommandFailed': { readonly status: number };
  'connect.passwordCommandEmpty': NoParams;

  // The server
  'connect.databaseUnknown': { readonly database: string };
  'connect.databaseDenied': Login;
  'connect.noConnectionSlot': Login;
  'connect.serverNotReady': Login;
  'connect.serverError': { readonly serverMessage: string };
  'connect.wrongServerKind': Endpoint & {
    readonly kind: 'read-only' | 'read-write' | 'standby' | 'primary';
    readonly targetSessionAttrs: string;
  };
  'connect.setupFailed': { readonly role?: string; readonly searchPath?: string; readonly serverMessage: string };

  // The connection test
  'connect.testCanceled': NoParams;
  'connect.testTimeout': { readonly seconds: number };
  'connect.testFailed': { readonly detail: string };
}

export type ConnectFault = FaultOf<ConnectFaults>;
