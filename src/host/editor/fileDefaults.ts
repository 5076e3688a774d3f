import * as vscode from 'vscode';
import type { RunOptions } from '../launch/request';
import { omit } from '../base/omit';

/** The default options of a file's jobs. */
export type FileDefaults = Omit<RunOptions, 'label' | 'into'>;

const KEY = 'fileDefaults';
/** Only the most recent files are kept. */
const MAX_FILES = 500;

/** Stores the defaults of files in the workspace state. */
export class FileDefaultsStore implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;

  readonly #memory: vscode.Memento;

  constructor(memory: vscode.Memento) {
    this.#memory = memory;
  }

  get(uri: vscode.Uri): FileDefaults {
    return this.#all()[keyOf(uri)] ?? {};
  }

  async set(uri: vscode.Uri, defaults: FileDefaults): Promise<void> {
    const entries = Object.entries(omit(this.#all(), keyOf(uri))).slice(1 - MAX_FILES);
    if (Object.keys(defaults).length > 0) entries.push([keyOf(uri), defaults]);
    await this.#memory.update(KEY, Object.fromEntries(entries));
    this.#changed.fire();
  }

  /** Removes the defaults of a file that cannot be opened again. */
  async forget(uri: vscode.Uri): Promise<void> {
    if (Object.keys(this.get(uri)).length > 0) await this.set(uri, {});
  }

  /** Updates all defaults after a connection was renamed. */
  async renameConnection(from: string, to: string): Promise<void> {
    const files = Object.entries(this.#all());
    if (!files.some(([, { connection }]) => connection === from)) return;
    const renamed = files.map(([key, own]) => [key, own.connection === from ? { ...own, connection: to } : own]);
    await this.#memory.update(KEY, Object.fromEntries(renamed));
    this.#changed.fire();
  }

  dispose(): void {
    this.#changed.dispose();
  }

  #all(): Readonly<Record<string, FileDefaults>> {
    return this.#memory.get<Record<string, FileDefaults>>(KEY, {});
  }
}

/** The cells of a notebook share their defaults. */
function keyOf(uri: vscode.Uri): string {
  return uri.scheme === 'vscode-notebook-cell' ? uri.with({ scheme: 'file', fragment: '' }).toString() : uri.toString();
}
