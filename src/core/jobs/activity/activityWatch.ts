import type { Disposable } from '../../base/disposable';
import { FaultError } from '../../base/fault';
import { findWorker } from '../findWorker';
import type { ActiveWorker, ActivitySnapshot, ServerLink } from '../ports';
import { compareServers, serverOfSnapshot } from '../serverIdentity';
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
 * per second. Without such a watch, nothing is inspected. Once the worker has ended, it requests nothing more.
 */
export class ActivityWatch implements Disposable {
  #disposables: readonly Disposable[] = [];
  #inspecting = false;
  #inspectedAt = -Infinity;
  #disposed = false;
  #last: WorkerInspection | undefined;
  /** Kept after the end of the worker, when the link has no samples anymore. */
  #samples: readonly ActivitySample[] = [];

  readonly #link: ServerLink;
  readonly #request: InspectRequest;
  readonly #onSeen: (seen: SeenActivity) => void;

  /** @param onSeen called after each inspection, also after a failed one */
  constructor(link: ServerLink, request: InspectRequest, onSeen: (seen: SeenActivity) => void) {
    this.#link = link;
    this.#request = request;
    this.#onSeen = onSeen;
    const unreachable = link.onUnreachable?.((fault) => this.#report(new FaultError(fault)));
    this.#disposables = [
      link.onSnapshot((snapshot) => void this.#snapshot(snapshot)),
      link.watch('steady'),
      ...(unreachable ? [unreachable] : []),
    ];
    // The newest snapshot may be recent enough that the next one is not due yet.
    const { snapshot } = link;
    if (snapshot) void Promise.resolve().then(() => this.#snapshot(snapshot));
  }

  dispose(): void {
    this.#disposed = true;
    this.#stop();
  }

  #stop(): void {
    for (const disposable of this.#disposables) disposable.dispose();
    this.#disposables = [];
  }

  async #snapshot(snapshot: ActivitySnapshot): Promise<void> {
    if (this.#disposed || this.#inspecting || snapshot.at - this.#inspectedAt < PAUSE_MS) return;
    const { server, backendStart } = this.#request;
    if (server && compareServers(server, serverOfSnapshot(snapshot), backendStart) === 'restarted') {
      this.#end();
      return;
    }
    this.#inspecting = true;
    this.#inspectedAt = snapshot.at;
    try {
      this.#last = await this.#link.inspect?.(this.#request);
      if (this.#last) this.#report();
      else this.#end();
    } catch (error) {
      this.#report(error);
    } finally {
      this.#inspecting = false;
    }
  }

  #end(): void {
    this.#last = undefined;
    this.#report();
    this.#stop();
  }

  #report(error?: unknown): void {
    if (this.#disposed) return;
    const link = this.#link;
    const samples = link.samples?.(this.#request) ?? [];
    if (samples.length > 0) this.#samples = samples;
    this.#onSeen({
      inspection: this.#last,
      worker: findWorker(link.snapshot, this.#request),
      samples: this.#samples,
      ...(error === undefined ? {} : { error }),
    });
  }
}
