/** The interface between the harness in the browser and the tests, without browser types. */
import type { ResultsHead, ToPage } from '../../../src/shared/resultsProtocol';
import type { FromPage } from '../../../src/shared/resultsRequests';
import type { ResultsStrings } from '../../../src/shared/resultsStrings';
import type { ThemeName } from './themes';

/** Options that a test sets before the page loads. */
export interface HarnessOptions {
  readonly strings: ResultsStrings;
  readonly theme?: ThemeName;
  readonly rows?: number;
  readonly columns?: number;
  readonly growing?: boolean;
  readonly notices?: number;
  readonly head?: Partial<ResultsHead>;
  /** Delay of each answer in milliseconds. */
  readonly delay?: number;
  readonly orderLimit?: number;
}

/** A cell by view row and column, with its text. */
export interface ShownCell {
  readonly row: number;
  readonly column: number;
  readonly text: string;
}

/** The fully visible rows, and the texts of one column by row. */
export interface ShownRows {
  readonly first: number;
  readonly last: number;
  readonly texts: Readonly<Record<number, string>>;
}

/** `window.harness`. */
export interface Harness {
  /** The page's requests to the host, oldest first. */
  readonly sent: FromPage[];
  /** Violations of the content security policy. */
  readonly violations: string[];
  send(message: ToPage): void;
  setTheme(theme: ThemeName): void;
  /** Resolves when all changes are drawn and all cells are loaded. */
  settle(): Promise<void>;
  active(): ShownCell;
  seen(column: number): ShownRows;
  /** Number of elements in the document, including shadow roots. */
  nodes(): number;
  /** Milliseconds from navigation until the first content was on screen; NaN before. */
  contentAt(): number;
  /** Scrolls by one step per frame. @returns the duration of each frame in ms */
  scrollFor(frames: number, step: number): Promise<number[]>;
}
