import type { FaultOf, NoParams } from '../../core/base/fault';

/** Problems of the list of connections, as opposed to those of a single profile. */
export interface EntryFaults {
  'connections.sameName': { readonly name: string };
  /** A workspace's settings contain a field that only the user's own settings may set. */
  'connections.fieldIgnored': { readonly field: string };
  'connections.retentionIgnored': NoParams;
  /** An extension could not list the connections that it provides. `detail`: its error. */
  'connections.providerFailed': { readonly provider: string; readonly detail: string };
}

export type EntryFault = FaultOf<EntryFaults>;
