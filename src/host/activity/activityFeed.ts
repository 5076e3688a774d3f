import type { Disposable } from '../../core/base/disposable';
import { ActivityWatch, type SeenActivity } from '../../core/jobs/activity/activityWatch';
import type { ServerLink } from '../../core/jobs/ports';
import type { ActivityView, BlockerSignal } from '../../shared/activityProtocol';
import { activityView } from './activityView';
import type { ActivityTarget } from './activityTarget';
import { confirmAndSignal } from './signalBlocker';

/** Feeds a page with the activity of one worker while the page shows it. */
export class ActivityFeed implements Disposable {
  #watch: ActivityWatch | undefined;
  /** The worker and the link of the watch. */
  #watched: string | undefined;
  #link: ServerLink | undefined;
  #last: SeenActivity | undefined;

  readonly #target: () => ActivityTarget | undefined;
  readonly #post: (activity: ActivityView) => void;

  /** @param target undefined while there is no worker that could be watched */
  constructor(target: () => ActivityTarget | undefined, post: (activity: ActivityView) => void) {
    this.#target = target;
    this.#post = post;
  }

  /** Begins or stops. Call it again when the worker or its connection may have changed. */
  show(shown: boolean): void {
    const target = shown ? this.#target() : undefined;
    const key = target && `${target.pid}:${target.backendStart}`;
    if (target && this.#watched === key && this.#link === target.link) return;
    this.stop();
    if (!target) return;
    this.#watched = key;
    this.#link = target.link;
    const { pid, backendStart, server } = target;
    const request = { pid, backendStart, ...(server && { server }) };
    this.#watch = new ActivityWatch(target.link, request, (seen) => {
      this.#last = seen;
      this.#post(activityView(pid, seen, target.launch));
    });
  }

  /** Whether it watches now. */
  get shown(): boolean {
    return this.#watch !== undefined;
  }

  /** Signals a process of the chain that was shown last, after a confirmation. */
  async signal(pid: number, backendStart: string, signal: BlockerSignal): Promise<void> {
    const chain = this.#last?.inspection?.chain ?? [];
    const process = chain.find((one) => one.pid === pid && one.backendStart === backendStart);
    const target = this.#target();
    if (target && process) await confirmAndSignal(target, process, signal);
  }

  stop(): void {
    this.#watch?.dispose();
    this.#watch = undefined;
    this.#watched = undefined;
    this.#link = undefined;
  }

  dispose(): void {
    this.stop();
  }
}
