/** What each scope of the settings says; undefined if it says nothing. As VS Code's `inspect()` returns it. */
export interface Inspected<T> {
  readonly defaultValue?: T | undefined;
  readonly globalValue?: T | undefined;
  readonly workspaceValue?: T | undefined;
  readonly workspaceFolderValue?: T | undefined;
}

/** Settings that protect the user, each with its values from the least to the most careful. */
export const CAREFUL = {
  confirmUnboundedWrites: [false, true],
  onStatementFailure: ['continue', 'ask', 'stop'],
} as const;

/**
 * The more careful of what the user's settings say and what the workspace's say: a workspace, which others may have written, can
 * add a question but cannot take one away. Values that the setting does not have are passed over.
 */
export function moreCareful<T>(order: readonly T[], inspected: Inspected<T>): T | undefined {
  const { defaultValue, globalValue, workspaceValue, workspaceFolderValue } = inspected;
  const known = (value: T | undefined): T | undefined =>
    value !== undefined && order.includes(value) ? value : undefined;
  const users = known(globalValue) ?? known(defaultValue);
  const values = [users, known(workspaceFolderValue) ?? known(workspaceValue)].filter((value) => value !== undefined);
  return values.toSorted((a, b) => order.indexOf(b) - order.indexOf(a))[0];
}
