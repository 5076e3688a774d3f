import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { PRIVATE, replaceFile } from './files';

/** A block of every common file system. Bytes. */
const SIZE = 4096;
const EMPTY = Buffer.alloc(SIZE, ' ');

interface Spare {
  readonly name: string;
  readonly handle: FileHandle;
}

/**
 * Writes small text files that something waits for, in one folder. It has a file of spaces on disk in advance. Writing into that one
 * changes neither its size nor where its blocks are, so that flushing it does not wait for the journal of the file system; only the
 * rename does. With a new file, both do (measured: half the time, a quarter on a busy machine).
 */
export class SpareFile {
  #spare: Spare | undefined;
  /** The folder, opened once. Undefined on Windows, and on file systems that cannot open folders. */
  #folderHandle: FileHandle | undefined;
  #preparing: Promise<void> | undefined;
  #closed = false;

  readonly #folder: string;
  readonly #prefix: string;

  /** @param prefix the first part of the name of the spare file, by which its owner finds one that a crash left behind */
  constructor(folder: string, prefix: string) {
    this.#folder = folder;
    this.#prefix = prefix;
  }

  /** Creates the file for the next {@link replace}, unless it exists. Never rejects: without it, {@link replace} is slower. */
  prepare(): Promise<void> {
    if (this.#spare || this.#closed) return Promise.resolve();
    this.#preparing ??= this.#create()
      .catch(() => undefined)
      .finally(() => (this.#preparing = undefined));
    return this.#preparing;
  }

  /**
   * As {@link replaceFile}: a reader sees the old or the new content, even after a crash of the machine. Resolves when the new content is
   * on disk.
   *
   * @param text whose reader ignores spaces at the end, such as JSON
   * @throws the error of the file system; the old content is then unchanged
   */
  async replace(file: string, text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const spare = bytes.length <= SIZE ? this.#spare : undefined;
    if (!spare) return replaceFile(file, bytes);
    this.#spare = undefined;
    const { name, handle } = spare;
    try {
      try {
        // Into memory, and in one call, so that it is not worth a thread.
        writeSync(handle.fd, bytes, 0, bytes.length, 0);
        // Before the rename, because some file systems write a new name before the content.
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await rename(name, file);
    } catch {
      // Another process may have removed the spare file, or, on Windows, is reading the target.
      await rm(name, { force: true });
      // The folder may have been replaced.
      await this.#closeFolder();
      return replaceFile(file, bytes);
    }
    // As in syncFolder: the content is on disk in any case.
    await this.#folderHandle?.sync().catch(() => undefined);
  }

  /** Removes the spare file; none is created after that. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#preparing;
    const spare = this.#spare;
    this.#spare = undefined;
    await spare?.handle.close();
    if (spare) await rm(spare.name, { force: true });
    await this.#closeFolder();
  }

  async #closeFolder(): Promise<void> {
    const handle = this.#folderHandle;
    this.#folderHandle = undefined;
    await handle?.close();
  }

  async #create(): Promise<void> {
    if (process.platform !== 'win32') this.#folderHandle ??= await open(this.#folder, 'r').catch(() => undefined);
    const name = join(this.#folder, `${this.#prefix}.${randomBytes(4).toString('hex')}.tmp`);
    const handle = await open(name, 'wx', PRIVATE);
    try {
      await handle.writeFile(EMPTY);
      // With its metadata, so that later only its content has to be written.
      await handle.sync();
    } catch (error) {
      await handle.close();
      await rm(name, { force: true });
      throw error;
    }
    this.#spare = { name, handle };
  }
}
