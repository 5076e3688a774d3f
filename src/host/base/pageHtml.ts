import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

/** The only folder from which our pages may load files. */
export function pageRoot(extensionUri: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
}

/**
 * The HTML page for a bundle. Its policy allows only our script (by nonce) and our style sheet: no inline styles, images, or
 * requests. The webview toolkit uses constructed style sheets, to which the policy does not apply. It also creates one empty <style>
 * element to test for `:focus-visible`, with the nonce of the meta element.
 * See https://code.visualstudio.com/api/extension-guides/webview#content-security-policy.
 *
 * @param bundle base name of the script and the style sheet
 * @param ownMenu true to disable VS Code's context menu for webviews (Cut, Copy, Paste), because the page has its own
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
