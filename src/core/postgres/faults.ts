import type { FaultOf, NoParams } from '../base/fault';
import type { ServerIdentity } from '../jobs/serverIdentity';

/**
 * Problems with a server, its pg_background, and our connection to it. Records on disk keep them: add codes, and never change the
 * meaning of one.
 *
 * `message` and `detail` are the server's or the operating system's own texts.
 */
export interface ServerFaults {
  // pg_background cannot be used.
  'server.extensionMissing': { readonly database: string };
  'server.extensionTooOld': { readonly version: string; readonly database: string };
  /** The extension was moved to another schema, or changed, since it was looked up. */
  'server.extensionMoved': { readonly message: string };
  'server.transactionPooler': NoParams;
  /** The role may not call pg_background's functions. */
  'server.launchDenied': { readonly message: string };
  'server.signalDenied': { readonly message: string; readonly detail?: string };

  // The connection leads to another server. A place is `host:port`; a start is a time as the server writes it.
  'server.otherServer': OtherServers;
  /** New connections lead to another server than the control connection. */
  'server.newConnectionsElsewhere': OtherServers;
  'server.replaced': NoParams;

  // The connection is lost, or the server does not answer.
  /** Has a cause. */
  'server.connectionLost': NoParams;
  'server.noAnswer': { readonly seconds: number };
  'server.cancelUnanswered': { readonly seconds: number };
  'server.linkClosed': { readonly connection: string };

  // The server sent bytes that are not messages of its protocol. `type`: as {@link typeName} writes it
  'server.unexpectedMessage': { readonly type: string };
  'server.impossibleLength': { readonly type: string; readonly length: number };
  'server.damagedMessage': { readonly type: string };
  'server.tooManyRows': NoParams;

  /** The text of a worker's error is not valid in the encoding of the database. */
  'server.errorNotText': NoParams;

  // Why the rows of the last statement cannot be stored in a table. `table`: with its schema; `command`: as in the text
  'into.invalid': { readonly into: string };
  'into.noRows': { readonly command: string };
  'into.noSchemaInPath': NoParams;
  'into.noSchema': { readonly schema: string };
  'into.exists': { readonly table: string };
  'into.notATable': { readonly table: string };
  'into.mayNotCreate': { readonly role: string; readonly schema: string };
  'into.mayNotInsert': { readonly role: string; readonly table: string };
  'into.mayNotReplace': { readonly role: string; readonly table: string };

  // Why the rows of a statement cannot be read. `command`: the statement's command, e.g. `INSERT`
  'rows.locked': NoParams;
  'rows.noColumns': NoParams;
  'rows.unsendableType': { readonly command: string };
  'rows.unknownColumns': { readonly command: string };
}

export type ServerFault = FaultOf<ServerFaults>;

/** The server that a request is about, and the server that answers instead. */
type OtherServers = Readonly<{ place?: string; start: string; otherPlace?: string; otherStart: string }>;

/** @param server the server that the request is about @param other the server that answers instead */
export function otherServers(server: ServerIdentity, other: ServerIdentity): OtherServers {
  const [place, otherPlace] = [placeOf(server), placeOf(other)];
  return {
    start: server.start,
    otherStart: other.start,
    ...(place === undefined ? {} : { place }),
    ...(otherPlace === undefined ? {} : { otherPlace }),
  };
}

function placeOf({ reached, address }: ServerIdentity): string | undefined {
  return reached ? `${reached.host}:${reached.port}` : address;
}
