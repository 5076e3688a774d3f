import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { errorCode, isTemporary, replaceFile } from '../../base/files';
import { ownIdentity, processState, type ProcessIdentity } from './processIdentity';

/** How often a window refreshes the time of its file. Milliseconds. */
const HEARTBEAT_MS = 5000;
/** From this age a heartbeat proves nothing about a window on another host. Milliseconds. */
const STALE_MS = 20_000;
/** The same for a window on this host whose process id exists but may belong to another process. Milliseconds. */
const UNKNOWN_PROCESS_STALE_MS = 600_000;

export interface WindowRegistryOptions {
  /** Created with its missing parents, private to the user. */
  readonly folder: string;
  /** Unique to this window and session. */
  readonly windowId: string;
  readonly clock: Clock;
  /** Called when this window has registered: it has jobs, or watches those of others. */
  readonly entered?: () => void;
  /** Called after this process was suspended so long that others may have replaced it. */
  readonly resumed?: () => void;
  /** For tests: the identity of another host, and shorter times. */
  readonly identity?: ProcessIdentity;
  readonly heartbeatMs?: number;
  readonly staleMs?: number;
}

/** When a window had the focus. */
export interface LastFocus {
  readonly windowId: string;
  readonly at: number;
}

/** The content of a window's file. Older versions wrote only the process id. */
interface WindowFile extends ProcessIdentity {
  readonly focusedAt?: number;
}

/** The other windows that share a folder. */
export interface OtherWindows {
  /** Includes windows that may be dead and must be checked again later. */
  readonly living: ReadonlySet<string>;
  /** Found dead by this call. Their files are removed. */
  readonly dead: ReadonlySet<string>;
  /** The living window that had the focus last, and when; missing if none had it. Milliseconds since 1970. */
  readonly focused?: LastFocus;
  /** Whether a living window may be on another computer. */
  readonly remote: boolean;
  /** When to check again, because a window is silent. Milliseconds. */
  readonly checkAgainMs?: number;
}

/**
 * The windows that share one folder of jobs. Each has a file there that identifies its process; the file's time is its heartbeat. A window
 * without a file is dead.
 *
 * A window on this host is alive while its process exists, also if it is suspended. A window on another host is alive while its heartbeat
 * is fresh.
 */
export class WindowRegistry {
  #heartbeat: Disposable | undefined;
  #registered: Promise<void> | undefined;
  #identity: ProcessIdentity | undefined;
  /** When this window received the focus last; 0 = never. */
  #focusedAt = 0;
  #lastBeat = 0;
  /** The refresh of the file that is running, or the last one. */
  #beating: Promise<void> = Promise.resolve();
  #left = false;
  /** Windows with an old heartbeat: its time, and when it was seen first, by the monotonic clock. */
  readonly #silent = new Map<string, { readonly mtimeMs: number; readonly since: number }>();

  readonly #options: WindowRegistryOptions;

  constructor(options: WindowRegistryOptions) {
    this.#options = options;
  }

  /**
   * Registers this window unless it is registered. Rejects if the folder cannot be written, and the next call tries again; also rejects
   * after the window has left.
   */
  enter(): Promise<void> {
    if (this.#left) return Promise.reject(new Error('This window has closed its folder of jobs.'));
    this.#registered ??= this.#enter().catch((error: unknown) => {
      this.#registered = undefined;
      throw error;
    });
    return this.#registered;
  }

  /** This window has received the focus. Never rejects, and creates nothing before the window is registered. */
  async noteFocus(): Promise<void> {
    this.#focusedAt = this.#options.clock.now();
    const registered = this.#registered;
    if (!registered) return;
    this.#beating = Promise.all([registered, this.#beating])
      .then(() => this.#write())
      .catch(() => undefined);
    await this.#beating;
  }

  /** Whether no other living window has had the focus since this one. */
  async isLastFocused(): Promise<boolean> {
    const { focused, living } = await this.others();
    const { windowId } = this.#options;
    if (!focused) return this.#focusedAt > 0 || [...living].every((other) => windowId < other);
    return focused.at === this.#focusedAt ? windowId < focused.windowId : this.#focusedAt > focused.at;
  }

  /**
   * Removes this window's file for good: a late heartbeat or write does not register it again, which would keep its jobs from the others.
   *
   * @returns whether it was registered
   */
  async leave(): Promise<boolean> {
    this.#left = true;
    const registered = this.#registered;
    await registered?.catch(() => undefined);
    this.#heartbeat?.dispose();
    if (!registered) return false;
    this.#registered = undefined;
    await this.#beating;
    await rm(this.#file(this.#options.windowId), { force: true });
    return true;
  }

  /** Finds the other windows. Never waits for a heartbeat, and never rejects because the folder is missing or cannot be written. */
  async others(): Promise<OtherWindows> {
    const { folder, windowId } = this.#options;
    const names = await readdir(folder).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    });
    const living = new Set<string>();
    const dead = new Set<string>();
    const silent: string[] = [];
    let focused: LastFocus | undefined;
    let remote = false;
    await Promise.all(
      names.map(async (name) => {
        if (name === windowId || isTemporary(name)) return;
        const { state, elsewhere, focusedAt } = await this.#stateOf(name);
        if (elsewhere && state !== 'dead') remote = true;
        if (state === 'silent') silent.push(name);
        if (state !== 'dead') {
          living.add(name);
          if (focusedAt !== undefined && focusedAt > (focused?.at ?? 0)) focused = { windowId: name, at: focusedAt };
        } else {
          dead.add(name);
          this.#silent.delete(name);
          await rm(this.#file(name), { force: true }).catch(() => undefined);
        }
      }),
    );
    return {
      living,
      dead,
      remote,
      ...(focused && { focused }),
      ...(silent.length > 0 && { checkAgainMs: this.#patienceMs }),
    };
  }

  /** Whether another window is alive, or may be. */
  async isAlive(windowId: string): Promise<boolean> {
    return (await this.#stateOf(windowId)).state !== 'dead';
  }

  get #heartbeatMs(): number {
    return this.#options.heartbeatMs ?? HEARTBEAT_MS;
  }

  /** After the machine has slept, every heartbeat is old for a moment: a silent window gets the time for another one. */
  get #patienceMs(): number {
    return this.#heartbeatMs * 1.5;
  }

  #file(windowId: string): string {
    return join(this.#options.folder, windowId);
  }

  async #enter(): Promise<void> {
    const { folder, identity = await ownIdentity() } = this.#options;
    this.#identity = identity;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await this.#write();
    this.#lastBeat = this.#options.clock.now();
    this.#heartbeat?.dispose();
    this.#beatLater();
    this.#options.entered?.();
  }

  /** The file is gone. While it cannot be written, others take this window for dead, so it must not count as registered. */
  #enterAgain(): Promise<void> {
    this.#registered = undefined;
    return this.enter();
  }

  #write(): Promise<void> {
    const content = { ...this.#identity, ...(this.#focusedAt > 0 && { focusedAt: this.#focusedAt }) };
    // Never truncated: on a full disk, others would not know the process any more.
    return replaceFile(this.#file(this.#options.windowId), JSON.stringify(content), false);
  }

  #beatLater(): void {
    this.#heartbeat = this.#options.clock.after(this.#heartbeatMs, () => {
      const now = this.#options.clock.now();
      const late = now - this.#lastBeat;
      this.#lastBeat = now;
      const beat = utimes(this.#file(this.#options.windowId), now / 1000, now / 1000);
      const written = beat.catch(() => this.#enterAgain()).catch(() => undefined);
      this.#beating = Promise.all([this.#beating, written]).then(() => undefined);
      this.#beatLater();
      // A suspended process runs its overdue timers first of all.
      if (late > 2 * this.#heartbeatMs) this.#options.resumed?.();
    });
  }

  async #stateOf(
    windowId: string,
  ): Promise<{ state: 'alive' | 'silent' | 'dead'; elsewhere: boolean; focusedAt?: number | undefined }> {
    let identity: WindowFile;
    let mtimeMs: number;
    try {
      const file = this.#file(windowId);
      mtimeMs = (await stat(file)).mtimeMs;
      const content = JSON.parse(await readFile(file, 'utf8')) as Partial<WindowFile>;
      if (content.pid === undefined) throw new Error('no process id');
      identity = { ...content, pid: content.pid, host: content.host ?? hostname() };
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return { state: 'dead', elsewhere: false };
      // Being written, or unreadable: only its heartbeat can be judged.
      identity = { pid: 0, host: '' };
      mtimeMs = await stat(this.#file(windowId)).then(
        (found) => found.mtimeMs,
        () => 0,
      );
    }
    const state = await processState(identity);
    const elsewhere = state === 'elsewhere';
    const focusedAt = typeof identity.focusedAt === 'number' ? identity.focusedAt : undefined;
    if (state === 'alive' || state === 'dead') return { state, elsewhere, focusedAt };
    const { clock, staleMs = STALE_MS } = this.#options;
    const limit = state === 'unknown' ? UNKNOWN_PROCESS_STALE_MS : staleMs;
    // A heartbeat from the future proves as little as an old one: a clock was set back, or differs from ours.
    if (Math.abs(clock.now() - mtimeMs) <= limit) return { state: 'alive', elsewhere, focusedAt };
    const seen = this.#silent.get(windowId);
    if (seen?.mtimeMs !== mtimeMs) {
      this.#silent.set(windowId, { mtimeMs, since: clock.monotonic() });
      return { state: 'silent', elsewhere, focusedAt };
    }
    return { state: clock.monotonic() - seen.since >= this.#patienceMs ? 'dead' : 'silent', elsewhere, focusedAt };
  }
}
