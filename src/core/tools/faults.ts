import type { FaultOf, NoParams } from '../base/fault';

/** Why a language model's request is refused. The model reads the sentences, so each says what it can do. */
export interface ToolFaults {
  'tools.disabled': NoParams;
  'tools.untrusted': NoParams;
  /** `known`: the fields that the tool has */
  'tools.unknownField': { readonly field: string; readonly known: readonly string[] };
  'tools.noObject': { readonly known: readonly string[] };
  'tools.fieldNotText': { readonly field: string };
  'tools.fieldNotNumber': { readonly field: string; readonly min: number; readonly max?: number };
  'tools.sqlTooLong': { readonly max: number };
  /** `known`: the names of all connections */
  'tools.noConnection': NoParams;
  'tools.unknownConnection': { readonly name: string; readonly known: readonly string[] };
  'tools.nameConnection': { readonly known: readonly string[] };
  'tools.unknownJob': { readonly id: string };
  'tools.noRowsYet': { readonly state: string };
  /** Not even one row fits into the budget. */
  'tools.rowTooWide': { readonly columns: number };
  /** Has a cause: why the SQL may write. */
  'tools.writesNotAllowed': NoParams;
  'tools.declined': NoParams;
  /** The connection was changed while the user was asked. */
  'tools.changed': NoParams;

  // Why a text is not known to only read.
  /** `command`: its first word */
  'tools.writeStatement': { readonly command: string };
  'tools.writeFunction': { readonly name: string };
  'tools.writeLock': NoParams;
  'tools.writeUnclear': NoParams;
}

export type ToolFault = FaultOf<ToolFaults>;
