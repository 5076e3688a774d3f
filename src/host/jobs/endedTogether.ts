import { l10n } from 'vscode';
import type { JobState } from '../../api';
import type { Clock } from '../../core/base/clock';
import { formatCount } from './jobText';

/** Jobs that end within this time are reported together. Milliseconds. */
export const TOGETHER_MS = 400;
/** With fewer, each gets its own notification, which shows more. */
export const MIN_GROUP = 4;

/** Collects what happens at about the same time. */
export class Gatherer<T> {
  readonly #clock: Clock;
  readonly #report: (items: readonly T[], isGroup: boolean) => void;
  #items: T[] = [];

  constructor(clock: Clock, report: (items: readonly T[], isGroup: boolean) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  add(item: T): void {
    this.#items.push(item);
    if (this.#items.length === 1) this.#waitForMore(0);
  }

  /** Waits until no more have come for a while. */
  #waitForMore(before: number): void {
    this.#clock.after(TOGETHER_MS, () => {
      const { length } = this.#items;
      // A single one is not held up.
      if (length > before && length >= MIN_GROUP) {
        this.#waitForMore(length);
        return;
      }
      const items = this.#items;
      this.#items = [];
      this.#report(items, items.length >= MIN_GROUP);
    });
  }
}

/** The notification about several jobs that have ended together: `12 jobs ended, 2 failed`. */
export function endedTogether(states: readonly JobState[]): {
  readonly text: string;
  readonly worst: 'failed' | 'unknown' | undefined;
} {
  const failed = states.filter((state) => state === 'failed').length;
  const unknown = states.filter((state) => state === 'lost' || state === 'finished').length;
  const parts = [
    l10n.t('{0} jobs ended', formatCount(states.length)),
    ...(failed > 0 ? [l10n.t('{0} failed', failed)] : []),
    ...(unknown > 0 ? [l10n.t('{0} unknown', unknown)] : []),
    ...(failed + unknown === 0 ? [l10n.t('all succeeded')] : []),
  ];
  return { text: parts.join(', '), worst: failed > 0 ? 'failed' : unknown > 0 ? 'unknown' : undefined };
}
