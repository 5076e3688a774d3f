/** The HTML text of a page, independent of VS Code, so that tests open the same text in a browser. */

/** A script or style sheet: its address, or its text. */
export type PageFile = { readonly uri: string } | { readonly text: string };

export interface PageParts {
  readonly nonce: string;
  /** The origin of files, for the policy. */
  readonly source: string;
  readonly style: PageFile;
  readonly script: PageFile;
  /** A script that the page loads later, by its `data-later` attribute. */
  readonly later?: string;
  /** True to disable VS Code's context menu for webviews (Cut, Copy, Paste), because the page has its own. */
  readonly ownMenu: boolean;
}

/**
 * The policy allows only our script (by nonce) and our style sheet: no style attributes, images, or requests. The webview toolkit uses
 * constructed style sheets, to which the policy does not apply. It also creates one empty <style> element to test for `:focus-visible`,
 * with the nonce of the meta element. See https://code.visualstudio.com/api/extension-guides/webview#content-security-policy.
 */
export function pageText({ nonce, source, style, script, later, ownMenu }: PageParts): string {
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${source} 'nonce-${nonce}';`;
  const data = later === undefined ? '' : ` data-later="${later}"`;
  return `<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta property="csp-nonce" content="${nonce}">
<meta name="viewport" content="width=device-width, initial-scale=1">
${'uri' in style ? `<link rel="stylesheet" href="${style.uri}">` : `<style nonce="${nonce}">${style.text}</style>`}
<title>pg_background</title>
</head>
<body${ownMenu ? ` data-vscode-context='{"preventDefaultContextMenuItems":true}'` : ''}>
${
  'uri' in script
    ? `<script nonce="${nonce}"${data} src="${script.uri}"></script>`
    : `<script nonce="${nonce}"${data}>${inline(script.text)}</script>`
}
</body>
</html>`;
}

/** Escapes what would end or hide the script: these characters occur only in its strings and regular expressions. */
function inline(script: string): string {
  return script.replace(/<(?=\/script|!--)/gi, '\\x3C');
}
