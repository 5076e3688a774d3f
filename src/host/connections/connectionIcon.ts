import * as vscode from 'vscode';
import type { LinkState } from '../../core/postgres/server/serverLink';

/** Plain color names, mapped to VS Code's theme colors. */
const PLAIN_NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  ['red', 'orange', 'yellow', 'green', 'blue', 'purple'].map((name) => [name, `charts.${name}`]),
);

/**
 * The icon of a connection: its shape shows the state, and its color is the profile's.
 *
 * @param readOnly a connection whose workers start in read-only transactions has a lock instead
 * @param color as in a profile: `#rrggbb`, or the name of one of the editor's colors
 */
export function connectionIcon(
  state: LinkState['kind'],
  color: string | undefined,
  readOnly = false,
): vscode.ThemeIcon | vscode.Uri {
  if (state === 'error') return new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
  const connected = state === 'connected';
  // Theme icons accept only theme colors.
  if (color?.startsWith('#') && state !== 'connecting') return drawn(color, connected, readOnly);
  const name =
    state === 'connecting' ? 'sync~spin' : readOnly ? 'lock' : connected ? 'database' : 'circle-large-outline';
  const own = color === undefined || color.startsWith('#') ? undefined : (PLAIN_NAMES[color] ?? color);
  const shown = own ?? (connected ? 'testing.iconPassed' : undefined);
  return new vscode.ThemeIcon(name, shown === undefined ? undefined : new vscode.ThemeColor(shown));
}

/** The same shapes as the theme's icons. @param color `#` and six hexadecimal digits, already checked */
function drawn(color: string, connected: boolean, readOnly: boolean): vscode.Uri {
  const shape = readOnly
    ? `<path d="M5 7V4.500a3 3 0 0 1 6 0V7" fill="none" stroke="COLOR" stroke-width="1.2"/><rect x="3.500" y="7" width="9" height="7" rx="1"${connected ? '' : ' fill="none" stroke="COLOR" stroke-width="1.2"'}/>`
    : connected
      ? '<path d="M8 1C4.7 1 2 2.1 2 3.5v9C2 13.9 4.7 15 8 15s6-1.1 6-2.5v-9C14 2.1 11.3 1 8 1z" opacity=".35"/><g fill="none" stroke="COLOR"><ellipse cx="8" cy="3.5" rx="5.5" ry="2"/><path d="M2.500 3.500v9c0 1.100 2.460 2 5.500 2s5.500-.9 5.500-2v-9M2.500 8c0 1.100 2.460 2 5.500 2s5.500-.9 5.500-2"/></g>'
      : '<circle cx="8" cy="8" r="6" fill="none" stroke="COLOR" stroke-width="1.2"/>';
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16" fill="COLOR">${shape}</svg>`;
  return vscode.Uri.parse(
    `data:image/svg+xml;base64,${Buffer.from(svg.replaceAll('COLOR', color)).toString('base64')}`,
  );
}
