/**
 * What the Activity view of a worker shows, in the user's language. The host makes one about once per second while the view is visible; the
 * page only draws it.
 */

/** The same values as the core's `WorkKind`, and `unknown`. */
export type ActivityKind =
  'cpu' | 'reading' | 'writing' | 'lock' | 'queue' | 'waiting' | 'transaction' | 'idle' | 'unknown';

export interface ActivityFact {
  readonly label: string;
  readonly value: string;
}

/** What the worker did in the last minute, one sample per second. */
export interface ActivityStrip {
  readonly title: string;
  /** The same as a sentence, for screen readers. */
  readonly text: string;
  /** Oldest first; at most `size`. */
  readonly samples: readonly { readonly kind: ActivityKind; readonly text: string }[];
  readonly size: number;
  /** The kinds that occur in the samples. */
  readonly legend: readonly { readonly kind: ActivityKind; readonly text: string }[];
}

export const BLOCKER_SIGNALS = ['cancel', 'terminate'] as const;
export type BlockerSignal = (typeof BLOCKER_SIGNALS)[number];

/** A process of the blocking chain. */
export interface ChainItem {
  readonly pid: number;
  /** Empty if it is not known; the process then has no actions. */
  readonly backendStart: string;
  /** 1 for the processes that the worker waits for. */
  readonly depth: number;
  readonly title: string;
  readonly facts: readonly ActivityFact[];
  readonly query: string;
  readonly actions: readonly { readonly signal: BlockerSignal; readonly title: string }[];
  /** Why an action is missing; may be empty. */
  readonly note: string;
}

export interface ActivitySection {
  /** Stays the same between two views. */
  readonly id: string;
  readonly title: string;
  readonly facts?: readonly ActivityFact[];
  readonly table?: { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] };
  readonly progress?: readonly {
    readonly title: string;
    /** Whole percent; undefined if there is no total. */
    readonly pct?: number;
    readonly text: string;
    readonly facts: readonly ActivityFact[];
  }[];
  readonly chain?: readonly ChainItem[];
  /** Shown below; may be empty. */
  readonly note?: string;
}

export interface ActivityView {
  readonly kind: ActivityKind;
  readonly title: string;
  /** May be empty. */
  readonly explanation: string;
  /** What the user should know first; may be empty. */
  readonly warning: string;
  readonly strip: ActivityStrip;
  readonly sections: readonly ActivitySection[];
}

/** What the page of a worker keeps, so that it can be shown again after a reload. */
export interface KeptWorker {
  readonly version: 1;
  readonly connection: string;
  readonly pid: number;
  readonly backendStart: string;
  readonly title: string;
  /** What identifies the server that runs it, by the names of its properties; missing if it is not known. */
  readonly server?: { readonly start: string } & Readonly<Record<string, string>>;
}

/** From the host to the page of a worker that has no job. */
export type ToActivityPage =
  | {
      readonly type: 'init';
      readonly language: string;
      readonly title: string;
      readonly waiting: string;
      readonly kept: KeptWorker;
    }
  | { readonly type: 'activity'; readonly activity: ActivityView };
