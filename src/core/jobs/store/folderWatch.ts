/**
 * Reports changed files of a folder, also those that other windows and other computers change.
 *
 * `fs.watch` reports changes at once on local disks, but on network folders only those of this computer, and it can lose events. Therefore
 * the folder is also polled: seldom while `fs.watch` works, often where it does not. The first event after a change of our own shows that it
 * works.
 */
import { watch, type FSWatcher } from 'node:fs';
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { errorCode, PRIVATE } from '../../base/files';

/** Changes are reported this long after the first one, so that a burst is one report. Milliseconds. */
const COALESCE_MS = 20;
/** How often to poll while `fs.watch` does not report changes, and while it does. Milliseconds. */
const POLL_MS = 300;
const SLOW_POLL_MS = 5000;
/** Files whose times are read at once. */
const STAT_AT_ONCE = 64;

export interface FolderWatchOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** Only these names are reported. */
  readonly relevant: (name: string) => boolean;
  /** Names of files that were created, changed, or removed. */
  readonly changed: (names: ReadonlySet<string>) => void;
  /** While false for a file, polling only notices that it was created or removed, which is much cheaper. Default: true for all. */
  readonly mayChange?: (name: string) => boolean;
  /**
   * `quiet`: only `fs.watch`, without a timer and a file, until {@link FolderWatch.startPolling}. If the folder is missing, its nearest
   * parent is watched until it appears.
   */
  readonly quiet?: boolean;
  /** The name of a file that is created once when polling starts, to find out whether `fs.watch` works. Others see it too. */
  readonly hello?: string;
  /** False for tests of polling. */
  readonly useFsWatch?: boolean;
}

export class FolderWatch implements Disposable {
  #watcher: FSWatcher | undefined;
  /** An event was received, so polling need not be fast. */
  #eventsArrive = false;
  /** Files may be changed by another computer, whose changes `fs.watch` does not report. */
  #remote = false;
  #polling = false;
  #pending = new Set<string>();
  #report: Disposable | undefined;
  #poll: Disposable | undefined;
  /** Modification time and size of each file at the last poll. */
  #known: Map<string, string> | undefined;
  #greeted: Promise<void> = Promise.resolve();
  #disposed = false;

  readonly #options: FolderWatchOptions;

  constructor(options: FolderWatchOptions) {
    this.#options = options;
    if (options.useFsWatch !== false) this.#watch(options.folder);
    if (options.quiet !== true) this.startPolling();
  }

  /** Polls from now on. */
  startPolling(): void {
    if (this.#polling || this.#disposed) return;
    this.#polling = true;
    this.#pollLater(0);
    const { folder, hello } = this.#options;
    if (hello !== undefined) this.#greeted = sayHello(folder, hello);
  }

  /** Resolves when this watch has no file in the folder. */
  get greeted(): Promise<void> {
    return this.#greeted;
  }

  /** Whether a window on another computer may change files. */
  setRemote(remote: boolean): void {
    const sooner = remote && !this.#remote;
    this.#remote = remote;
    if (sooner) this.check();
  }

  /** Checks the folder now, e.g. after the computer slept. */
  check(): void {
    if (this.#polling && !this.#disposed) this.#pollLater(0);
  }

  dispose(): void {
    this.#disposed = true;
    this.#watcher?.close();
    this.#report?.dispose();
    this.#poll?.dispose();
  }

  /** Watches the folder, or the nearest parent that exists until the folder appears. */
  #watch(path: string): void {
    const { folder } = this.#options;
    this.#watcher?.close();
    this.#watcher = undefined;
    try {
      const watcher = watch(path, { persistent: false }, (_event, name) => {
        if (this.#watcher !== watcher) return;
        if (path === folder) this.#noteEvent(name);
        else this.#lookForFolder();
      });
      watcher.on('error', () => {
        watcher.close();
        if (this.#watcher !== watcher) return;
        this.#watcher = undefined;
        this.#eventsArrive = false;
      });
      this.#watcher = watcher;
    } catch (error) {
      // Another error: no watcher, e.g. because the system allows no more of them. Polling remains.
      if (errorCode(error) === 'ENOENT' && dirname(path) !== path) this.#watch(dirname(path));
      return;
    }
    // It may have been created before the watch of its parent began.
    if (path !== folder)
      void stat(folder).then(
        () => this.#lookForFolder(),
        () => undefined,
      );
  }

  #lookForFolder(): void {
    if (this.#disposed) return;
    const { folder, relevant } = this.#options;
    this.#watch(folder);
    void readdir(folder).then(
      (names) => names.filter(relevant).forEach((name) => this.#note(name)),
      () => undefined,
    );
  }

  #noteEvent(name: string | null): void {
    this.#eventsArrive = true;
    if (typeof name === 'string') this.#note(name);
    else this.check();
  }

  #note(name: string): void {
    if (this.#disposed || !this.#options.relevant(name)) return;
    this.#pending.add(name);
    this.#report ??= this.#options.clock.after(COALESCE_MS, () => {
      this.#report = undefined;
      const names = this.#pending;
      this.#pending = new Set();
      this.#options.changed(names);
    });
  }

  #pollLater(ms: number): void {
    this.#poll?.dispose();
    this.#poll = this.#options.clock.after(ms, () => {
      void this.#compare()
        .catch(() => undefined)
        .then(() => {
          if (!this.#disposed) this.#pollLater(this.#eventsArrive && !this.#remote ? SLOW_POLL_MS : POLL_MS);
        });
    });
  }

  async #compare(): Promise<void> {
    const { folder, relevant, mayChange = () => true } = this.#options;
    const names = (await readdir(folder)).filter(relevant);
    const before = this.#known;
    const now = new Map<string, string>();
    for (let at = 0; at < names.length; at += STAT_AT_ONCE) {
      await Promise.all(
        names.slice(at, at + STAT_AT_ONCE).map(async (name) => {
          const known = before?.get(name);
          if (!mayChange(name)) now.set(name, known ?? '');
          else {
            const found = await stat(join(folder, name)).catch(() => undefined);
            if (found) now.set(name, `${found.mtimeMs}/${found.size}/${found.ino}`);
          }
        }),
      );
    }
    this.#known = now;
    // At the first look, everything that may change is news: without events, it may have changed since the folder was read.
    for (const [name, state] of now) if ((before?.get(name) ?? '') !== state) this.#note(name);
    for (const name of before?.keys() ?? []) if (!now.has(name)) this.#note(name);
  }
}

/** Creates and removes a file that every window sees. Without the right to write there is no event, and the folder is polled often. */
export async function sayHello(folder: string, name: string): Promise<void> {
  const file = join(folder, name);
  await writeFile(file, '', { mode: PRIVATE })
    .then(() => rm(file, { force: true }))
    .catch(() => undefined);
}
