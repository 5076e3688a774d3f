/** What the harness in the browser and the tests outside of it say to each other; no types of the browser. */
import type { ResultsHead, ToPage } from '../../../src/shared/resultsProtocol';
import type { FromPage } from '../../../src/shared/resultsRequests';
import type { ResultsStrings } from '../../../src/shared/resultsStrings';
import type { ThemeName } from './themes';

/** What a test sets before the page loads. */
export interface HarnessOptions {
  readonly strings: ResultsStrings;
  readonly theme?: ThemeName;
  readonly rows?: number;
  readonly columns?: number;
  readonly growing?: boolean;
  readonly notices?: number;
  readonly head?: Partial<ResultsHead>;
  /** Milliseconds that each answer takes. */
  readonly delay?: number;
  readonly orderLimit?: number;
}

/** A cell by row and column of the view, and what it shows. */
export interface ShownCell {
  readonly row: number;
  readonly column: number;
  readonly text: string;
}

/** The rows that are wholly seen, and the texts of one column by row. */
export interface ShownRows {
  readonly first: number;
  readonly last: number;
  readonly texts: Readonly<Record<number, string>>;
}

/** `window.harness`. */
export interface Harness {
  /** What the page asked of the host, oldest first. */
  readonly sent: FromPage[];
  /** Violations of the content security policy. */
  readonly violations: string[];
  send(message: ToPage): void;
  setTheme(theme: ThemeName): void;
  /** Resolves when what was done is drawn and no cell waits for its value. */
  settle(): Promise<void>;
  active(): ShownCell;
  seen(column: number): ShownRows;
  /** Elements of the document, those in shadow roots too. */
  nodes(): number;
  /** Milliseconds from the page's beginning to the first frame with rows in it; NaN before. */
  contentAt(): number;
  /** Scrolls by one step a frame for so many frames; the time of each frame in ms. */
  scrollFor(frames: number, step: number): Promise<number[]>;
}
