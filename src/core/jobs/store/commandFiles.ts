/**
 * Commands from one window to the window that drives a job: `<id>.<uuid>.command`. The owner acts on each and removes it. A cancel stays until
 * then, so that an owner that was suspended meanwhile knows why its worker has ended.
 *
 * A full disk still takes an empty file: the command is then in its name, `<id>.<uuid>-cancel-5000.command`.
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, isTemporary, replaceFile } from '../../base/files';

export interface JobCommand {
  /** `resume`: resume the held jobs of the owner. */
  readonly command: 'cancel' | 'detach' | 'runNext' | 'resume';
  /** Of a cancel. Milliseconds. */
  readonly graceMs?: number;
  /** The window that sent it, and when. Milliseconds since 1970. */
  readonly by: string;
  readonly at: number;
}

/** A command with its file. */
export interface PendingCommand extends JobCommand {
  readonly file: string;
}

export class CommandFiles {
  readonly #folder: string;
  readonly #windowId: string;
  #expected = false;

  constructor(folder: string, windowId: string) {
    this.#folder = folder;
    this.#windowId = windowId;
  }

  /** Sends a command to the owner of a job. Resolves with its file. @throws if the folder cannot be written */
  async send(id: string, command: Omit<JobCommand, 'by'>): Promise<string> {
    const name = `${id}.${randomUUID()}`;
    const file = join(this.#folder, `${name}.command`);
    try {
      await replaceFile(file, JSON.stringify({ ...command, by: this.#windowId }), false);
    } catch {
      const { sendInName } = await import('./storageFaults');
      return sendInName(join(this.#folder, name), command.command, command.graceMs);
    }
    return file;
  }

  /** The commands for a job that are not executed yet, the oldest first; none if they cannot be read. */
  async pending(id: string): Promise<readonly PendingCommand[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const found = await Promise.all(
      names.filter((name) => isCommandOf(id, name)).map((name) => this.#read(join(this.#folder, name))),
    );
    return found.flatMap((command) => command ?? []).sort((a, b) => a.at - b.at);
  }

  /** Whether another window may have sent commands: it is or was registered since this window was opened. */
  async expected(): Promise<boolean> {
    const windows = await readdir(join(this.#folder, 'windows')).catch(() => []);
    this.#expected ||= windows.some((name) => name !== this.#windowId && !isTemporary(name));
    return this.#expected;
  }

  async remove(file: string): Promise<void> {
    await rm(file, { force: true }).catch(() => undefined);
  }

  async #read(file: string): Promise<PendingCommand | undefined> {
    try {
      const text = await readFile(file, 'utf8');
      const content: unknown = text === '' ? (await import('./storageFaults')).commandInName(file) : JSON.parse(text);
      const { command, graceMs, by = '', at } = content as Partial<JobCommand>;
      if (command === undefined) return undefined;
      const sentAt = at ?? (await stat(file)).mtimeMs;
      return { file, command, by, at: sentAt, ...(typeof graceMs === 'number' && { graceMs }) };
    } catch (error) {
      // Removed meanwhile by the window that executed it, or damaged.
      if (errorCode(error) !== 'ENOENT') await this.remove(file);
      return undefined;
    }
  }
}

function isCommandOf(id: string, name: string): boolean {
  return name.startsWith(`${id}.`) && name.endsWith('.command');
}
