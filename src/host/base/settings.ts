import * as vscode from 'vscode';
import { SETTING_DEFAULTS, type Settings } from './settingDefaults';
import { STRICTNESS, strictestValue } from './strictestSetting';

const SECTION = 'pgBackground';

/**
 * Reads a setting. For settings that protect the user, the strictest value of all scopes applies.
 *
 * @param scope the document to which the setting is to apply, if it can differ by folder or language
 */
export function readSetting<K extends keyof Settings>(key: K, scope?: vscode.TextDocument): Settings[K] {
  const configuration = vscode.workspace.getConfiguration(SECTION, scope ?? null);
  const order = (STRICTNESS as Partial<Record<K, readonly Settings[K][]>>)[key];
  const inspected = order && configuration.inspect<Settings[K]>(key);
  const strictest = order && inspected && strictestValue(order, inspected);
  return strictest ?? configuration.get(key, SETTING_DEFAULTS[key]);
}

/** Writes a setting to the user's settings. */
export async function updateSetting<K extends keyof Settings>(key: K, value: Settings[K]): Promise<void> {
  await vscode.workspace.getConfiguration(SECTION).update(key, value, vscode.ConfigurationTarget.Global);
}

export function affectsSetting(event: vscode.ConfigurationChangeEvent, key: keyof Settings): boolean {
  return event.affectsConfiguration(`${SECTION}.${key}`);
}
