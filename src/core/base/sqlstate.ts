/** SQLSTATEs under the condition names that PostgreSQL gives them (PostgreSQL, "PostgreSQL Error Codes"). */
export const SQLSTATE = {
  connectionFailure: '08006',
  protocolViolation: '08P01',
  featureNotSupported: '0A000',
  characterNotInRepertoire: '22021',
  untranslatableCharacter: '22P05',
  transactionTimeout: '25P04',
  invalidAuthorizationSpecification: '28000',
  invalidPassword: '28P01',
  invalidCatalogName: '3D000',
  invalidSchemaName: '3F000',
  insufficientPrivilege: '42501',
  undefinedObject: '42704',
  datatypeMismatch: '42804',
  wrongObjectType: '42809',
  undefinedFunction: '42883',
  insufficientResources: '53000',
  tooManyConnections: '53300',
  configurationLimitExceeded: '53400',
  objectNotInPrerequisiteState: '55000',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
  adminShutdown: '57P01',
  crashShutdown: '57P02',
  cannotConnectNow: '57P03',
  databaseDropped: '57P04',
  idleSessionTimeout: '57P05',
} as const;

/** Any text: servers, extensions, and SQL may raise SQLSTATEs that are not in the table. */
export type Sqlstate = string;

/** Whether a text has the form of a SQLSTATE. Error codes of Node.js, such as EPIPE, can have it too. */
export function isSqlstate(text: string): boolean {
  return /^[0-9A-Z]{5}$/.test(text);
}

/** Class 08: the connection itself failed. */
export function isConnectionException(sqlstate: Sqlstate): boolean {
  return sqlstate.startsWith('08');
}

/** 57Pxx, operator intervention other than a canceled query: the server shuts down, starts up, or ends sessions. */
export function isOperatorIntervention(sqlstate: Sqlstate): boolean {
  return sqlstate.startsWith('57P');
}

/** 25P0x: timeouts that end a session or its transaction, e.g. idle_in_transaction_session_timeout. */
export function isTransactionTimeout(sqlstate: Sqlstate): boolean {
  return sqlstate.startsWith('25P0');
}

/** A text cannot be represented in the encoding of the database, or of the client. */
export function isEncodingError(sqlstate: Sqlstate): boolean {
  return sqlstate === SQLSTATE.characterNotInRepertoire || sqlstate === SQLSTATE.untranslatableCharacter;
}
