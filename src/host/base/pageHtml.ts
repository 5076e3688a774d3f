import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

/** The folder from which our pages load; nothing else is open to them. */
export function pageRoot(extensionUri: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
}

/**
 * The page around a bundle. Everything is forbidden but our own script (by nonce) and our own style sheet: no inline
 * style attribute, no image, no request. The toolkit styles itself through constructed style sheets, which the policy
 * leaves alone; it also makes one empty <style> to try out `:focus-visible`, to which it gives the nonce of the meta element.
 * See https://code.visualstudio.com/api/extension-guides/webview#content-security-policy.
 *
 * @param bundle the name of the script and the style sheet
 * @param ownMenu true: without VS Code's own menu for webviews (Cut, Copy, Paste), which knows nothing of cells
 */
export function pageHtml(
  webview: vscode.Webview,
  root: vscode.Uri,
  bundle: 'results' | 'connection',
  { ownMenu }: { readonly ownMenu: boolean },
): string {
  const nonce = randomBytes(16).toString('base64');
  const script = webview.asWebviewUri(vscode.Uri.joinPath(root, `${bundle}.js`)).toString();
  const style = webview.asWebviewUri(vscode.Uri.joinPath(root, `${bundle}.css`)).toString();
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${webview.cspSource} 'nonce-${nonce}';`;
  return `<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta property="csp-nonce" content="${nonce}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>pg_background</title>
</head>
<body${ownMenu ? ` data-vscode-context='{"preventDefaultContextMenuItems":true}'` : ''}>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
