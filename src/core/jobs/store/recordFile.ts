import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { appendWhole, replaceFile } from '../../base/files';
import { ERROR_DISK_BYTES, MESSAGES_DISK_BYTES, MESSAGES_WAITING_BYTES, type KeptNotice } from '../textBudget';
import type { NoticeWritten } from '../job';
import { firstBytes, sizeOfParts } from '../wholeText';

/** Messages come in floods: they are gathered this long before they are written. Milliseconds. */
const GATHER_MS = 200;
/** Messages that are made into lines of a file in one go. */
const LINES_AT_ONCE = 2000;
/** Of a long file of messages only the end is read. Bytes. */
const TAIL_BYTES = 8 * 1024 * 1024;

/** The files of one job. */
export interface JobFileNames {
  /** `<id>.json`, the record, replaced whole. */
  readonly record: string;
  /** `<id>.notices.ndjson`, a message a line, appended. */
  readonly notices: string;
  /** `<id>.messages.txt`, the whole texts of long messages, appended; the lines say where each is. */
  readonly texts: string;
  /** `<id>.error.txt`, the whole text of a long error. */
  readonly error: string;
  /** `<id>.shown.txt`, a text that is too long for a document without a file, while somebody reads it. */
  readonly shown: string;
}

interface Waiting {
  readonly notice: KeptNotice;
  /** The whole text, where the message has only the beginning. */
  readonly text?: readonly Buffer[];
}

/**
 * Writes the files of one job. One write at a time; of records that wait only the newest is written, and messages and a long error
 * always before the record.
 */
export class JobWriter {
  #record: string | undefined;
  #error: readonly Buffer[] | undefined;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** Bytes that the two files of messages have or will have. */
  #noticesBytes: number | undefined;
  #textsBytes = 0;
  #active: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #removed = false;

  readonly #files: JobFileNames;
  readonly #onError: (error: unknown) => void;

  constructor(files: JobFileNames, onError: (error: unknown) => void) {
    this.#files = files;
    this.#onError = onError;
  }

  /** Resolves when this record, or a newer one, is on disk. */
  save(record: string): Promise<void> {
    this.#record = record;
    return this.flush();
  }

  /** Keeps the whole text of an error, written before the next record. */
  keepError(text: readonly Buffer[]): void {
    this.#error = firstBytes(text, ERROR_DISK_BYTES);
  }

  /** @param fullText the whole of the message, where it has only the beginning */
  append(notice: KeptNotice, fullText?: readonly Buffer[]): NoticeWritten {
    this.#noticesBytes ??= this.#measure();
    // Escaping makes a line longer; what matters is that there is a limit.
    const lineBytes = 100 + notice.message.length + (notice.detail?.length ?? 0) + (notice.hint?.length ?? 0);
    if (this.#noticesBytes + lineBytes > MESSAGES_DISK_BYTES) return { kept: false };
    this.#noticesBytes += lineBytes;
    this.#waitingBytes += lineBytes;
    let text: readonly Buffer[] | undefined;
    if (fullText !== undefined) {
      const bytes = sizeOfParts(fullText);
      if (this.#textsBytes + bytes <= MESSAGES_DISK_BYTES) {
        text = fullText;
        this.#textsBytes += bytes;
        this.#waitingBytes += bytes;
      } else {
        notice.textDropped = true;
      }
    }
    this.#waiting.push({ notice, ...(text && { text }) });
    if (this.#waitingBytes > MESSAGES_WAITING_BYTES) return { kept: true, wait: this.flush().catch(this.#onError) };
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.flush().catch(this.#onError);
    }, GATHER_MS).unref();
    return { kept: true };
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

  /** True where messages wait to be written, also because the disk was full. */
  get waits(): boolean {
    return this.#waiting.length > 0;
  }

  /** Removes the files; nothing is written afterwards. */
  async remove(): Promise<void> {
    this.#removed = true;
    clearTimeout(this.#timer);
    await this.#active;
    await Promise.all(Object.values(this.#files).map((file: string) => rm(file, { force: true })));
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
    await this.#writeNotices();
    const error = this.#error;
    this.#error = undefined;
    // Without its whole text a failed job still has failed: the record is written all the same.
    if (error) await replaceFile(this.#files.error, error).catch(this.#onError);
    const record = this.#record;
    this.#record = undefined;
    if (record !== undefined) await replaceFile(this.#files.record, record);
  }

  /** The whole texts first, so that a line never names a place where nothing is. */
  async #writeNotices(): Promise<void> {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const long = waiting.flatMap(({ notice, text }) => (text && !notice.fullText ? [{ notice, text }] : []));
    if (long.length > 0) {
      try {
        let offset = await appendWhole(
          this.#files.texts,
          long.flatMap(({ text }) => text),
        );
        for (const { notice, text } of long) {
          const bytes = sizeOfParts(text);
          notice.fullText = { offset, bytes };
          offset += bytes;
        }
      } catch (error) {
        for (const { notice } of long) notice.textDropped = true;
        this.#onError(error);
      }
    }
    const lines: Buffer[] = [];
    for (let at = 0; at < waiting.length; at += LINES_AT_ONCE) {
      // Tens of thousands of them take long.
      if (at > 0) await setImmediate();
      const some = waiting.slice(at, at + LINES_AT_ONCE);
      lines.push(Buffer.from(some.map(({ notice }) => `${JSON.stringify(notice)}\n`).join('')));
    }
    try {
      await appendWhole(this.#files.notices, lines);
    } catch (error) {
      this.#onError(error);
      this.#waitAgain(waiting, sizeOfParts(lines));
    }
  }

  /** A full disk may have room again: the messages wait for the next write, as far as there is room for them in memory. */
  #waitAgain(waiting: readonly Waiting[], bytes: number): void {
    if (bytes > 2 * MESSAGES_WAITING_BYTES) {
      this.#onError(new Error(`${waiting.length} messages were not written.`));
      return;
    }
    this.#waiting = [...waiting.map(({ notice }) => ({ notice })), ...this.#waiting];
    this.#waitingBytes += bytes;
  }

  #measure(): number {
    this.#textsBytes = sizeOf(this.#files.texts);
    return sizeOf(this.#files.notices);
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last messages of a file; a line that a crash cut off is left out. Throws where the file cannot be read. */
export function readNotices(file: string, limit: number): KeptNotice[] {
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

function parsed(line: string): KeptNotice[] {
  try {
    return [JSON.parse(line) as KeptNotice];
  } catch {
    return [];
  }
}
