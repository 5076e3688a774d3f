import type { Disposable } from '../../base/disposable';
import { findWorker } from '../findWorker';
import type { ActiveWorker, ActivitySnapshot, ServerLink } from '../ports';
import type { InspectRequest, WorkerInspection } from './inspection';
import type { ActivitySample } from './workKind';

/** Pause between the starts of two inspections. A little less than a second, because snapshots are that far apart. Milliseconds. */
const PAUSE_MS = 900;

/** What is known about a watched worker. */
export interface SeenActivity {
  /** The newest answer; undefined if the worker has ended. */
  readonly inspection: WorkerInspection | undefined;
  /** The worker in the newest snapshot. */
  readonly worker: ActiveWorker | undefined;
  readonly samples: readonly ActivitySample[];
  /** Why there is no newer answer. */
  readonly error?: unknown;
}

/**
 * Watches one worker in detail, from creation until {@link dispose}: one inspection after a snapshot, at most one at a time and about one
 * per second. Without such a watch, nothing is inspected.
 */
export class ActivityWatch implements Disposable {
  readonly #disposables: readonly Disposable[];
  #inspecting = false;
  #inspectedAt = -Infinity;
  #disposed = false;
  #last: WorkerInspection | undefined;

  readonly #link: ServerLink;
  readonly #request: InspectRequest;
  readonly #onSeen: (seen: SeenActivity) => void;

  /** @param onSeen called after each inspection, also after a failed one */
  constructor(link: ServerLink, request: InspectRequest, onSeen: (seen: SeenActivity) => void) {
    this.#link = link;
    this.#request = request;
    this.#onSeen = onSeen;
    this.#disposables = [link.onSnapshot((snapshot) => void this.#snapshot(snapshot)), link.watch('steady')];
    // The newest snapshot may be recent enough that the next one is not due yet.
    if (link.snapshot) void this.#snapshot(link.snapshot);
  }

  dispose(): void {
    this.#disposed = true;
    for (const disposable of this.#disposables) disposable.dispose();
  }

  async #snapshot(snapshot: ActivitySnapshot): Promise<void> {
    if (this.#disposed || this.#inspecting || snapshot.at - this.#inspectedAt < PAUSE_MS) return;
    this.#inspecting = true;
    this.#inspectedAt = snapshot.at;
    try {
      this.#last = await this.#link.inspect?.(this.#request);
      this.#report();
    } catch (error) {
      this.#report(error);
    } finally {
      this.#inspecting = false;
    }
  }

  #report(error?: unknown): void {
    if (this.#disposed) return;
    const link = this.#link;
    this.#onSeen({
      inspection: this.#last,
      worker: findWorker(link.snapshot, this.#request),
      samples: link.samples?.(this.#request) ?? [],
      ...(error === undefined ? {} : { error }),
    });
  }
}
