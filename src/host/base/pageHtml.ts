import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { type PageFile, pageText } from './pageText';

/** The only folder from which our pages may load files. */
export function pageRoot(extensionUri: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extensionUri, 'dist', 'webview');
}

/** The texts of a bundle's files. */
export interface PageFiles {
  readonly script: string;
  readonly style: string;
}

/** Reads a bundle, to be part of a page's HTML: VS Code serves each file of a page by several messages between its processes. */
export async function readPage(root: vscode.Uri, bundle: string): Promise<PageFiles> {
  const read = (name: string): Promise<string> => readFile(vscode.Uri.joinPath(root, name).fsPath, 'utf8');
  const [script, style] = await Promise.all([read(`${bundle}.js`), read(`${bundle}.css`)]);
  return { script, style };
}

export interface PageOptions {
  readonly ownMenu: boolean;
  /** The bundle's texts; without them, the page refers to the files. */
  readonly files?: PageFiles;
  /** The base name of a script that the page loads later. */
  readonly later?: string;
}

/** The HTML of a page. @param bundle base name of the script and the style sheet */
export function pageHtml(
  webview: vscode.Webview,
  root: vscode.Uri,
  bundle: 'results' | 'connection' | 'activity' | 'plan',
  { ownMenu, files, later }: PageOptions,
): string {
  const uri = (name: string): string => webview.asWebviewUri(vscode.Uri.joinPath(root, name)).toString();
  const part = (extension: string, text: string | undefined): PageFile =>
    text === undefined ? { uri: uri(`${bundle}.${extension}`) } : { text };
  return pageText({
    nonce: randomBytes(16).toString('base64'),
    source: webview.cspSource,
    style: part('css', files?.style),
    script: part('js', files?.script),
    ...(later === undefined ? {} : { later: uri(`${later}.js`) }),
    ownMenu,
  });
}
