import * as vscode from 'vscode';
import { parseDuration } from '../../core/sql/settings/gucUnits';

/** Validates a typed duration. Empty is valid. @returns a message if it is invalid */
export function durationProblem(text: string): string | undefined {
  return text.trim() === '' || parseDuration(text) !== undefined
    ? undefined
    : vscode.l10n.t('Enter a duration such as 500ms, 30s, 5min, or 2h.');
}

/** A duration in the largest unit that is exact. */
export function durationText(ms: number): string {
  const units = [
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const;
  if (ms === 0) return '0';
  const [unit, factor] = units.find(([, size]) => ms % size === 0) ?? ['ms', 1];
  return `${ms / factor}${unit}`;
}
