import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { appendWhole, replaceFile } from '../../base/files';
import type { SpareFile } from '../../base/spareFile';
import { ERROR_DISK_BYTES, MESSAGES_DISK_BYTES, MESSAGES_WAITING_BYTES, type KeptNotice } from '../textBudget';
import type { NoticeWritten } from '../job';
import { firstBytes, sizeOfParts } from '../wholeText';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';

/** Messages can arrive very fast: they are collected for this long before they are written. Milliseconds. */
const COLLECT_MS = 200;
/** Messages that are serialized at once, without a pause for other work. */
const LINES_AT_ONCE = 2000;
/** While writing fails, this many bytes of messages are kept in memory. */
const FAILED_PENDING_BYTES = 2 * MESSAGES_WAITING_BYTES;
/** Only this much of the end of a long file of messages is read. Bytes. */
const TAIL_BYTES = 8 * 1024 * 1024;

/** The files of one job. */
export interface JobFileNames {
  /** `<id>.json`, or `<id>.<epoch>.json` of an adopted job: the record, replaced atomically. See epochs.ts. */
  readonly record: string;
  /** `<id>.notices.ndjson`: one message per line, appended. */
  readonly notices: string;
  /** `<id>.messages.txt`: the whole texts of long messages, appended. The lines in `notices` have their offsets. */
  readonly texts: string;
  /** `<id>.error.txt`: the whole text of a long error. */
  readonly error: string;
  /** `<id>.shown.txt`: a text that is too long for a document without a file, while it is open in an editor. */
  readonly shown: string;
  /** `<id>.pinned`: empty; exists while the user keeps the job from being removed with others. */
  readonly pinned: string;
}

interface PendingNotice {
  readonly notice: KeptNotice;
  /** The whole text, if the message has only its beginning. */
  readonly text?: readonly Buffer[];
}

/** Callbacks that the owner of a {@link RecordFile} provides. */
export interface RecordFileOwner {
  /**
   * Called before each write. Resolves with false if another window owns the job now, so that nothing may be written.
   * @param record the record to be written, if there is one
   */
  mayWrite(record: string | undefined): Promise<boolean>;
  /** Called after a write failed. What was to be written is kept for the next {@link RecordFile.flush}. */
  failed(error: unknown): void;
  /** Called when a record is on disk. */
  recordWritten(): void;
  /** Called when everything is on disk. */
  written(): void;
}

/**
 * Writes the files of one job, one write at a time. Of several pending records only the newest is written, and messages and a long error
 * are always written before the record. What cannot be written stays pending.
 */
export class RecordFile {
  #record: string | undefined;
  /** Something waits for the record. */
  #urgent = false;
  #error: readonly Buffer[] | undefined;
  #pending: PendingNotice[] = [];
  #pendingBytes = 0;
  /** The sizes of the two files of messages, including what is pending. */
  #noticesBytes: number | undefined;
  #textsBytes = 0;
  #active: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #timer: Disposable | undefined;
  /** The last write failed. */
  #failing = false;
  #stopped = false;

  readonly #files: JobFileNames;
  readonly #clock: Clock;
  readonly #spare: SpareFile;
  readonly #owner: RecordFileOwner;

  /** @param spare for urgent records, shared by all jobs */
  constructor(files: JobFileNames, clock: Clock, spare: SpareFile, owner: RecordFileOwner) {
    this.#files = files;
    this.#clock = clock;
    this.#spare = spare;
    this.#owner = owner;
  }

  /**
   * Resolves when this record, or a newer one, is on disk. Rejects if it could not be written; it then stays pending.
   * @param urgent something waits for it
   */
  save(record: string, urgent = false): Promise<void> {
    this.#record = record;
    this.#urgent ||= urgent;
    return this.flush();
  }

  /** Stores the whole text of an error; written before the next record. */
  keepError(text: readonly Buffer[]): void {
    this.#error = firstBytes(text, ERROR_DISK_BYTES);
  }

  /** Stores a message. @param fullText the whole text, if the message has only its beginning */
  append(notice: KeptNotice, fullText?: readonly Buffer[]): NoticeWritten {
    this.#noticesBytes ??= this.#measure();
    // An estimate, because escaping makes a line longer: what matters is that there is a limit.
    const lineBytes = 100 + notice.message.length + (notice.detail?.length ?? 0) + (notice.hint?.length ?? 0);
    if (this.#noticesBytes + lineBytes > MESSAGES_DISK_BYTES) return { kept: false };
    // While the disk is full, messages are kept in memory up to a limit.
    if (this.#failing && this.#pendingBytes + lineBytes > FAILED_PENDING_BYTES) return { kept: false };
    this.#noticesBytes += lineBytes;
    this.#pendingBytes += lineBytes;
    let text: readonly Buffer[] | undefined;
    if (fullText !== undefined) {
      const bytes = sizeOfParts(fullText);
      const fits = !this.#failing || this.#pendingBytes + bytes <= FAILED_PENDING_BYTES;
      if (fits && this.#textsBytes + bytes <= MESSAGES_DISK_BYTES) {
        text = fullText;
        this.#textsBytes += bytes;
        this.#pendingBytes += bytes;
      } else {
        notice.textDropped = true;
      }
    }
    this.#pending.push({ notice, ...(text && { text }) });
    if (this.#failing) return { kept: true };
    if (this.#pendingBytes > MESSAGES_WAITING_BYTES) return { kept: true, wait: this.flush().catch(() => undefined) };
    this.#timer ??= this.#clock.after(COLLECT_MS, () => {
      this.#timer = undefined;
      this.flush().catch(() => undefined);
    });
    return { kept: true };
  }

  /** Writes what is pending. Rejects if something could not be written. */
  flush(): Promise<void> {
    this.#next ??= this.#active.then(async () => {
      // A new job changes several times within one turn of the event loop: one write includes all of these changes, and the launch
      // does not have to wait for a second one.
      await setImmediate();
      this.#next = undefined;
      await this.#write();
    });
    this.#active = this.#next.catch(() => undefined);
    return this.#next;
  }

  /** Whether messages are not written yet, which may be because the disk is full. */
  get hasPendingNotices(): boolean {
    return this.#pending.length > 0;
  }

  /** Whether the newest record could not be written, e.g. because the disk is full. */
  get hasFailedRecord(): boolean {
    return this.#failing && this.#record !== undefined;
  }

  /** Discards what is pending and writes nothing any more. Resolves when the current write is over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.dispose();
    await this.#active;
  }

  /** Removes the files, except for the record. Nothing is written afterwards. */
  async remove(): Promise<void> {
    await this.stop();
    const { notices, texts, error, shown, pinned } = this.#files;
    await Promise.all([notices, texts, error, shown, pinned].map((file) => rm(file, { force: true })));
  }

  /** Writes what is pending, and stops the timer. */
  async close(): Promise<void> {
    this.#timer?.dispose();
    await this.flush();
  }

  async #write(): Promise<void> {
    if (this.#stopped) return;
    this.#timer?.dispose();
    this.#timer = undefined;
    try {
      if (!(await this.#owner.mayWrite(this.#record))) {
        this.#stopped = true;
        return;
      }
      await this.#writeAll();
      this.#failing = false;
    } catch (error) {
      this.#failing = true;
      this.#owner.failed(error);
      throw error;
    }
    this.#owner.written();
  }

  /** Writes the record even if the messages before it cannot be written: the state of the job counts more. */
  async #writeAll(): Promise<void> {
    const errors: unknown[] = [];
    await this.#writeNotices().catch((error: unknown) => errors.push(error));
    const text = this.#error;
    if (text) {
      this.#error = undefined;
      await replaceFile(this.#files.error, text).catch((error: unknown) => {
        this.#error ??= text;
        errors.push(error);
      });
    }
    const record = this.#record;
    if (record !== undefined) {
      const urgent = this.#urgent;
      this.#record = undefined;
      this.#urgent = false;
      try {
        if (urgent) await this.#spare.replace(this.#files.record, record);
        else await replaceFile(this.#files.record, record);
        this.#owner.recordWritten();
      } catch (error) {
        this.#record ??= record;
        throw error;
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  /** Writes the whole texts first, so that a line never refers to a text that is missing. */
  async #writeNotices(): Promise<void> {
    const pending = this.#pending;
    if (pending.length === 0) return;
    const pendingBytes = this.#pendingBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
    try {
      await this.#appendTexts(pending);
      const lines: Buffer[] = [];
      for (let at = 0; at < pending.length; at += LINES_AT_ONCE) {
        // Serializing tens of thousands at once would block everything else.
        if (at > 0) await setImmediate();
        const batch = pending.slice(at, at + LINES_AT_ONCE);
        lines.push(Buffer.from(batch.map(({ notice }) => `${JSON.stringify(notice)}\n`).join('')));
      }
      await appendWhole(this.#files.notices, lines);
    } catch (error) {
      // A full disk may have space again.
      this.#pending = [...pending, ...this.#pending];
      this.#pendingBytes += pendingBytes;
      throw error;
    }
  }

  async #appendTexts(pending: readonly PendingNotice[]): Promise<void> {
    const long = pending.flatMap(({ notice, text }) => (text && !notice.fullText ? [{ notice, text }] : []));
    if (long.length === 0) return;
    let offset = await appendWhole(
      this.#files.texts,
      long.flatMap(({ text }) => text),
    );
    for (const { notice, text } of long) {
      const bytes = sizeOfParts(text);
      notice.fullText = { offset, bytes };
      offset += bytes;
    }
  }

  #measure(): number {
    this.#textsBytes = sizeOf(this.#files.texts);
    return sizeOf(this.#files.notices);
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last messages of a file. Skips lines that a crash cut off. @throws if the file cannot be read */
export function readNotices(file: string, limit: number): KeptNotice[] {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    const from = Math.max(0, size - TAIL_BYTES);
    const bytes = Buffer.alloc(size - from);
    readSync(fd, bytes, 0, bytes.length, from);
    const lines = bytes.toString('utf8').split('\n');
    // The first line of a tail is probably incomplete, and the text after the last newline is empty.
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
