import * as vscode from 'vscode';
import { hostLocationOf } from './formModel';

/** Names the computer from which connections start: the one that runs the extension host. */
export function hostLocationText(kind: vscode.ExtensionKind): string {
  const { remoteName, uiKind } = vscode.env;
  const location = hostLocationOf(remoteName, kind === vscode.ExtensionKind.UI, uiKind === vscode.UIKind.Web);
  const explanation = vscode.l10n.t('“localhost”, sockets, files, and environment variables refer to that computer.');
  switch (location) {
    case 'local':
      return vscode.l10n.t('Connections start from this computer.');
    case 'ssh':
      return vscode.l10n.t(
        'Connections start from the SSH host of this window, not from your computer. {0}',
        explanation,
      );
    case 'wsl':
      return vscode.l10n.t('Connections start from WSL, not from Windows. {0}', explanation);
    case 'container':
      return vscode.l10n.t(
        'Connections start from the container of this window, not from your computer. {0}',
        explanation,
      );
    case 'codespace':
      return vscode.l10n.t('Connections start from the codespace, not from your computer. {0}', explanation);
    case 'browser':
      return vscode.l10n.t(
        'Connections start from the computer that runs the VS Code server, not from the one with your browser. {0}',
        explanation,
      );
    case 'remote':
      return vscode.l10n.t(
        'Connections start from the remote computer of this window ({0}), not from your computer. {1}',
        remoteName ?? '',
        explanation,
      );
  }
}
