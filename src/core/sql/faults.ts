/** The problems that this folder reports. Their sentences are in src/host/messages/sqlMessages.ts. */
import { FaultError, type FaultOf, type FaultSpan, type NoParams } from '../base/fault';
import type { SplitProblem } from './split/splitTypes';

/** Parts of a text that are not plain SQL: commands and data of psql, and unclosed quotes, comments, and parentheses. */
export interface SplitFaults {
  'sql.metaCommand': NoParams;
  'sql.copyData': NoParams;
  'sql.unterminatedString': NoParams;
  'sql.unterminatedName': NoParams;
  'sql.unterminatedDollarQuote': NoParams;
  'sql.unterminatedComment': NoParams;
  'sql.unclosedParenthesis': NoParams;
  'sql.unclosedBody': NoParams;
}
export type SplitFault = FaultOf<SplitFaults>;

/** A split problem as a fault. */
export function splitFault({ kind, start, end }: SplitProblem): SplitFault & { readonly span: FaultSpan } {
  return { code: `sql.${kind}`, span: { start, end } };
}

/** Findings of {@link checkBeforeLaunch}. `command` is a command's name as the server writes it. */
export interface PrelaunchFaults extends SplitFaults {
  'sql.empty': NoParams;
  'sql.tooLong': NoParams;
  'sql.nulCharacter': NoParams;
  /** Line and column start at 1; the column counts UTF-16 code units. */
  'sql.loneSurrogate': { readonly line: number; readonly column: number };
  'sql.transactionControl': { readonly command: string };
  'sql.clientCopy': NoParams;
  'sql.refusesTransactionBlock': { readonly command: string };
  'sql.needsOtherStatements': { readonly command: string };
  'sql.listen': NoParams;
  'sql.unboundedWrite': { readonly command: 'UPDATE' | 'DELETE' };
  'sql.onlyLastRows': NoParams;
  'sql.limitWithoutEffect': { readonly name: string };
}
export type PrelaunchFault = FaultOf<PrelaunchFaults>;

/** Reasons not to send a text with several statements; see {@link fenceRefusal}. */
export interface FenceFaults extends SplitFaults {
  'sql.backslashStringsInSession': NoParams;
  'sql.backslashStringsInText': NoParams;
}
export type FenceFault = FaultOf<FenceFaults>;

/** Problems of `-- name: value` comments. `name` is the directive's name. */
export interface DirectiveFaults {
  'directive.emptyValue': { readonly name: string };
  'directive.invalidDuration': { readonly name: string };
  'directive.invalidSize': { readonly name: string };
  'directive.sizeOutOfRange': { readonly name: string };
  'directive.invalidTable': { readonly name: string };
  'directive.invalidSetting': { readonly name: string };
  'directive.invalidCount': { readonly name: string };
  'directive.notYesOrNo': { readonly name: string };
  /** The label is used, cut to its maximum length. */
  'directive.labelTooLong': { readonly name: string };
  /** The last value is used. */
  'directive.repeated': { readonly name: string };
}
export type DirectiveFault = FaultOf<DirectiveFaults>;

/** Values that cannot become part of a text. `name` is the variable's name. */
export interface ValueFaults {
  /** Replacing variables would make the text longer than the limit. */
  'value.expansionTooLong': { readonly name: string };
  'value.nameRequired': { readonly name: string };
  'value.notANumber': { readonly name: string; readonly value: string };
  'value.nulCharacter': NoParams;
}
export type ValueFault = FaultOf<ValueFaults>;

/** A value that cannot become part of a text. */
export class ValueError extends FaultError<ValueFault> {}

/** Effects on the session that later statements would miss if each ran in its own worker. `name` is a name in the script. */
export interface ScriptConcerns {
  'script.temporary': { readonly name: string };
  'script.preparedStatement': { readonly name: string };
  'script.heldCursor': { readonly name: string };
  'script.loadedLibrary': { readonly name: string };
  'script.sessionLock': { readonly name: string };
  'script.sequenceState': { readonly name: string };
  'script.unclearSetting': { readonly statement: string };
  'script.backslashStrings': { readonly name: string };
}

/** Transactions of a script that psql would not commit, so their statements are not run. */
export interface SkippedTransactions {
  'script.rolledBack': NoParams;
  'script.neverCommitted': NoParams;
}

/** Differences from psql that the file above a statement causes. `statement` and `command` are as written. */
export interface ContextFaults {
  'context.rolledBack': { readonly statement: string };
  'context.neverCommitted': { readonly statement: string };
  'context.committedLater': { readonly statement: string };
  'context.readOnly': { readonly statement: string };
  'context.autocommitOff': { readonly command: string };
  'context.connect': { readonly command: string };
  /** In a branch of an `\if` that psql skips, or may skip. */
  'context.skipped': { readonly command: string };
  'context.perhapsSkipped': { readonly command: string };
  /** The file sets parameters or a role first. */
  'context.settings': { readonly names: string };
}
