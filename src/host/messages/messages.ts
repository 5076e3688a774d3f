/**
 * The sentences for one map of faults (src/core/base/fault.ts): one function per code, so that a missing code does not compile.
 *
 * ```ts
 * const PASTE: Messages<PasteFaults> = {
 *   'paste.empty': () => l10n.t('Paste a connection string first.'),
 *   'paste.unknownScheme': ({ scheme }) => l10n.t('“{0}” is not a PostgreSQL address.', scheme),
 * };
 * ```
 */
import { l10n } from 'vscode';
import type { Fault } from '../../core/base/fault';

/** `cause`: the text of the fault's causes; empty if it has none. `fault`: the fault itself, for its field. */
export type Messages<Map> = {
  readonly [Code in keyof Map]: (params: Map[Code], cause: string, fault: Fault) => string;
};

/**
 * The sentence for a fault. A code that the table does not know comes from a record of a newer version: the sentence then names the code.
 *
 * @param cause the text of the fault's cause
 */
export function messageFor<Map>(messages: Messages<Map>, fault: Fault, cause = ''): string {
  const known = messages as unknown as Readonly<
    Record<string, ((params: unknown, cause: string, fault: Fault) => string) | undefined>
  >;
  const sentence = Object.hasOwn(known, fault.code) ? known[fault.code] : undefined;
  return (
    sentence?.(fault.params, cause, fault) ??
    l10n.t('Unknown problem “{0}”. Update the extension to see its text.', fault.code)
  );
}
