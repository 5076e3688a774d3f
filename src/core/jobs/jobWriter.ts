import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { appendFile, rename, rm, writeFile } from 'node:fs/promises';
import type { JobNotice } from '../../api';

/** Messages come in floods: they are gathered this long before they are written. Milliseconds. */
const GATHER_MS = 200;
/** Of a long file of messages only the end is read. Bytes. */
const TAIL_BYTES = 8 * 1024 * 1024;
const PRIVATE = 0o600;

/**
 * The two files of one job: `<id>.json`, the record, replaced whole, and `<id>.notices.ndjson`, a message a line, appended.
 * One write at a time; of records that wait only the newest is written, and messages always before the record.
 */
export class JobWriter {
  #record: string | undefined;
  #lines: string[] = [];
  #active: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #removed = false;

  constructor(
    private readonly recordFile: string,
    private readonly noticesFile: string,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Resolves when this record, or a newer one, is on disk. */
  save(record: string): Promise<void> {
    this.#record = record;
    return this.flush();
  }

  append(notice: JobNotice): void {
    this.#lines.push(`${JSON.stringify(notice)}\n`);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.flush().catch(this.onError);
    }, GATHER_MS).unref();
  }

  /** Writes what waits. */
  flush(): Promise<void> {
    this.#next ??= this.#active.then(async () => {
      this.#next = undefined;
      await this.#write();
    });
    this.#active = this.#next.catch(() => undefined);
    return this.#next;
  }

  /** Removes both files; nothing is written afterwards. */
  async remove(): Promise<void> {
    this.#removed = true;
    clearTimeout(this.#timer);
    await this.#active;
    await Promise.all([this.recordFile, this.noticesFile].map((file) => rm(file, { force: true })));
  }

  /** Writes what waits, and leaves no timer behind. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.flush();
  }

  async #write(): Promise<void> {
    if (this.#removed) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#lines;
    this.#lines = [];
    if (lines.length > 0) await appendFile(this.noticesFile, lines.join(''), { mode: PRIVATE });
    const record = this.#record;
    this.#record = undefined;
    if (record !== undefined) await replaceFile(this.recordFile, record);
  }
}

/** Replaces a file whole: whoever reads it, also after a crash of ours, sees the old text or the new one. */
export async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, text, { mode: PRIVATE });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The last messages of a file; a line that a crash cut off is left out. Throws where the file cannot be read. */
export function readNotices(file: string, limit: number): JobNotice[] {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    const from = Math.max(0, size - TAIL_BYTES);
    const bytes = Buffer.alloc(size - from);
    readSync(fd, bytes, 0, bytes.length, from);
    const lines = bytes.toString('utf8').split('\n');
    // The first of a tail is most likely a part of a line, and behind the last newline there is none.
    const whole = lines.slice(from > 0 ? 1 : 0).filter((line) => line !== '');
    return whole.slice(-limit).flatMap(parsed);
  } finally {
    closeSync(fd);
  }
}

function parsed(line: string): JobNotice[] {
  try {
    return [JSON.parse(line) as JobNotice];
  } catch {
    return [];
  }
}
