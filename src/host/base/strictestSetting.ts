/** The values of a setting in each scope, as VS Code's `WorkspaceConfiguration.inspect()` returns them. */
export interface InspectedSetting<T> {
  readonly defaultValue?: T | undefined;
  readonly globalValue?: T | undefined;
  readonly workspaceValue?: T | undefined;
  readonly workspaceFolderValue?: T | undefined;
}

/** Settings that protect the user. Each lists its values, the strictest last. */
export const STRICTNESS = {
  confirmUnboundedWrites: [false, true],
  onStatementFailure: ['continue', 'ask', 'stop'],
  'languageModelTools.enabled': [true, false],
} as const;

/**
 * Returns the stricter one of the user's value and the workspace's value. A workspace can come from another author: it may add a
 * confirmation, but it must not remove one. Ignores values that the setting does not have.
 *
 * @param order the setting's values, the strictest last
 */
export function strictestValue<T>(order: readonly T[], inspected: InspectedSetting<T>): T | undefined {
  const { defaultValue, globalValue, workspaceValue, workspaceFolderValue } = inspected;
  const known = (value: T | undefined): T | undefined =>
    value !== undefined && order.includes(value) ? value : undefined;
  const user = known(globalValue) ?? known(defaultValue);
  const workspace = known(workspaceFolderValue) ?? known(workspaceValue);
  const values = [user, workspace].filter((value) => value !== undefined);
  return values.toSorted((a, b) => order.indexOf(b) - order.indexOf(a))[0];
}
