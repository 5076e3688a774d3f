/**
 * Reports changed files of a folder, also those that other windows and other computers change.
 *
 * `fs.watch` reports changes at once on local disks, but not on most network folders, and it can lose events. Therefore the folder is also
 * polled: seldom while `fs.watch` works, often where it does not. The first event after a change of our own shows that it works.
 */
import { watch, type FSWatcher } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';

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
  /** False for tests of polling. */
  readonly useFsWatch?: boolean;
}

export class FolderWatch implements Disposable {
  #watcher: FSWatcher | undefined;
  /** An event was received, so polling need not be fast. */
  #eventsArrive = false;
  #pending = new Set<string>();
  #report: Disposable | undefined;
  #poll: Disposable | undefined;
  /** Modification time and size of each file at the last poll. */
  #known: Map<string, string> | undefined;
  #disposed = false;

  readonly #options: FolderWatchOptions;

  constructor(options: FolderWatchOptions) {
    this.#options = options;
    this.#startWatcher();
    this.#pollLater(0);
  }

  /** Checks the folder now, e.g. after the computer slept. */
  check(): void {
    if (!this.#disposed) this.#pollLater(0);
  }

  dispose(): void {
    this.#disposed = true;
    this.#watcher?.close();
    this.#report?.dispose();
    this.#poll?.dispose();
  }

  #startWatcher(): void {
    if (this.#options.useFsWatch === false) return;
    try {
      this.#watcher = watch(this.#options.folder, { persistent: false }, (_event, name) => {
        this.#eventsArrive = true;
        if (typeof name === 'string') this.#note(name);
        else this.check();
      });
      this.#watcher.on('error', () => {
        this.#watcher?.close();
        this.#watcher = undefined;
        this.#eventsArrive = false;
      });
    } catch {
      // No watcher, e.g. because the system allows no more of them: polling remains.
    }
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
          if (!this.#disposed) this.#pollLater(this.#eventsArrive ? SLOW_POLL_MS : POLL_MS);
        });
    });
  }

  async #compare(): Promise<void> {
    const { folder, relevant } = this.#options;
    const names = (await readdir(folder)).filter(relevant);
    const now = new Map<string, string>();
    for (let at = 0; at < names.length; at += STAT_AT_ONCE) {
      await Promise.all(
        names.slice(at, at + STAT_AT_ONCE).map(async (name) => {
          const found = await stat(join(folder, name)).catch(() => undefined);
          if (found) now.set(name, `${found.mtimeMs}/${found.size}/${found.ino}`);
        }),
      );
    }
    const before = this.#known;
    this.#known = now;
    // The first look only learns what is there: the owner of this watch reads the folder itself.
    if (!before) return;
    for (const [name, state] of now) if (before.get(name) !== state) this.#note(name);
    for (const name of before.keys()) if (!now.has(name)) this.#note(name);
  }
}
