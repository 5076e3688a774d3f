import * as vscode from 'vscode';
import { originOf } from './formModel';

/** Connections start where the extension host runs, which people cannot see: this says it. */
export function originText(kind: vscode.ExtensionKind): string {
  const { remoteName, uiKind } = vscode.env;
  const origin = originOf(remoteName, kind === vscode.ExtensionKind.UI, uiKind === vscode.UIKind.Web);
  const tail = vscode.l10n.t('“localhost”, sockets, files and the environment are those of that computer.');
  switch (origin) {
    case 'local':
      return vscode.l10n.t('Connections start from this computer.');
    case 'ssh':
      return vscode.l10n.t('Connections start from the SSH host of this window, not from your computer. {0}', tail);
    case 'wsl':
      return vscode.l10n.t('Connections start from WSL, not from Windows. {0}', tail);
    case 'container':
      return vscode.l10n.t('Connections start from the container of this window, not from your computer. {0}', tail);
    case 'codespace':
      return vscode.l10n.t('Connections start from the codespace, not from your computer. {0}', tail);
    case 'browser':
      return vscode.l10n.t(
        'Connections start from the computer on which VS Code’s server runs, not from the one with your browser. {0}',
        tail,
      );
    case 'remote':
      return vscode.l10n.t(
        'Connections start from the remote computer of this window ({0}), not from yours. {1}',
        remoteName ?? '',
        tail,
      );
  }
}
