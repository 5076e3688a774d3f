import * as vscode from 'vscode';
import { directivesOf } from '../../core/sql/directives';
import { Disposables } from '../base/disposables';
import { elapses, systemClock } from '../../core/base/clock';
import { defaultInSettings } from '../connections/connectionSettings';
import type { RunOptions } from '../launch/request';
import { nameOf } from '../editor/editorTargets';

/** The scheme of documents with the SQL of tasks. */
const SCHEME = 'pg-background-task';
/** How long VS Code may take to notice that a file was written. Milliseconds. */
const NOTICE_MS = 10_000;

/** Documents with the SQL that is written in tasks.json, so that its errors have a place in Problems. */
export class TaskSql implements vscode.Disposable {
  readonly #texts = new Map<string, string>();
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly #disposables = new Disposables();

  constructor() {
    this.#disposables.add(this.#changed);
    this.#disposables.add(
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
        onDidChange: this.#changed.event,
        provideTextDocumentContent: (uri) => this.#texts.get(uri.toString()) ?? '',
      }),
    );
  }

  has(uri: vscode.Uri): boolean {
    return uri.scheme === SCHEME;
  }

  /** Prepares to run the SQL of a task as if it were a file. */
  async prepare(
    sql: string,
    options: RunOptions,
    folder: vscode.Uri | undefined,
    name: string,
  ): Promise<{ readonly uri: vscode.Uri; readonly options: RunOptions }> {
    // The same document each time, so that the next run removes the problems of the one before.
    const file = `${name.replaceAll(/[\\/]/g, '-')}.sql`;
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${file}`, query: folder ? nameOf(folder) : '' });
    const key = uri.toString();
    const isNew = this.#texts.get(key) !== sql;
    this.#texts.set(key, sql);
    if (isNew) this.#changed.fire(uri);
    await untilText(uri, (text) => text === sql.replace(/\r\n?/g, '\n'));
    // A folder may have its own default connection, and the document is in none.
    const connection = defaultInSettings(folder);
    const directives = directivesOf(sql);
    return {
      uri,
      options: {
        ...(connection === '' || directives.connection !== undefined ? {} : { connection }),
        ...(directives.label === undefined ? { label: name } : {}),
        ...options,
      },
    };
  }

  dispose(): void {
    this.#disposables.dispose();
  }
}

/**
 * Makes sure that the document of a file has the text that the file has now: a task before this one may have just written it. Unsaved
 * changes count, because the text in the editor is what runs.
 *
 * @throws if VS Code does not notice the change
 */
export async function currentDocument(uri: vscode.Uri): Promise<void> {
  const known = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  // Opening it reads it.
  if (!known || known.isDirty) return;
  const onDisk = comparable(await vscode.workspace.decode(await vscode.workspace.fs.readFile(uri), { uri }));
  await untilText(uri, (text) => text === onDisk);
}

/** Waits until the text of a document is as wanted. @throws if it does not become so */
async function untilText(uri: vscode.Uri, isWanted: (text: string) => boolean): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uri);
  const isDone = (): boolean => document.isDirty || isWanted(comparable(document.getText()));
  if (isDone()) return;
  let listener: vscode.Disposable | undefined;
  const done = new Promise<void>((resolve) => {
    listener = vscode.workspace.onDidChangeTextDocument((event) => {
      if (event.document === document && isDone()) resolve();
    });
  });
  const timedOut = await elapses(systemClock, NOTICE_MS, [done]);
  listener?.dispose();
  if (timedOut) {
    throw new Error(
      vscode.l10n.t(
        '{0} has changed, but VS Code still shows its old text. Open the file, and run the task again.',
        nameOf(uri),
      ),
    );
  }
}

/** A text as documents have it: VS Code may change line ends, and removes the byte order mark. */
function comparable(text: string): string {
  return text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
}
