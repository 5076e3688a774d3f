/** Searching all rows of a spool: streaming, with a count, and able to stop at any time. */
import { createContext, Script } from 'node:vm';
import { decodeLine, encodeField, type Row } from '../../shared/rowCodec';
import { countNewlines } from './lineIndex';
import { errorCode } from './spoolFiles';
import type { SpoolBlock, SpoolReader } from './spoolReader';

const NEWLINE = 10;

/** Milliseconds that a regular expression may take on one block of rows (0.5 MB, usually some 5 ms): some never end. */
const REGEX_TIMEOUT_MS = 2000;

/** What to look for. */
export interface FindQuery {
  /** Plain text, or a JavaScript regular expression. NULL is never found. */
  readonly text: string;
  readonly regex?: boolean;
  /** Without it, upper and lower case are the same; so are the two forms of a small sigma. */
  readonly matchCase?: boolean;
  /** The column to look in; all when left out. */
  readonly column?: number;
}

/** A cell whose text matches. */
export interface FindMatch {
  /** Row of the spool. */
  readonly row: number;
  readonly column: number;
}

/** How far a search has come. One is given for each block of rows, the last for the end. */
export interface FindProgress {
  /** The cells found since the last one, in order. */
  readonly matches: readonly FindMatch[];
  /** Cells found so far. */
  readonly total: number;
  /** Rows looked at so far. */
  readonly rows: number;
  /** The part of the bytes looked at, 0 to 1. */
  readonly fraction: number;
  readonly done: boolean;
}

/** The query cannot be used; the message says why, for people. */
export class FindError extends Error {
  override readonly name = 'FindError';
}

/**
 * Finds the cells whose text matches, among the rows there are when it is called.
 *
 * Plain text is looked for in the bytes of the file first, and only rows where it may be are decoded.
 *
 * @param signal Ends it: the generator throws the signal's reason.
 * @throws FindError when the regular expression is not one, or takes too long.
 */
export async function* find(
  reader: SpoolReader,
  query: FindQuery,
  signal?: AbortSignal,
): AsyncGenerator<FindProgress, void, undefined> {
  const search = query.text === '' ? undefined : createSearch(query);
  let total = 0;
  let rows = 0;
  if (search) {
    for await (const block of reader.blocks(signal)) {
      const matches: FindMatch[] = [];
      search(block.bytes, (row, column) => matches.push({ row: rows + row, column }));
      rows += countNewlines(block.bytes);
      total += matches.length;
      yield { matches, total, rows, fraction: block.position / block.size, done: false };
    }
  }
  yield { matches: [], total, rows, fraction: 1, done: true };
}

/** Tells each match in a block, with the row's place in it. */
type Search = (block: SpoolBlock['bytes'], found: (row: number, column: number) => void) => void;

function createSearch(query: FindQuery): Search {
  const matches = createMatcher(query);
  const check = (row: Row, number: number, found: (row: number, column: number) => void): void => {
    const first = query.column ?? 0;
    const end = query.column === undefined ? row.length : Math.min(row.length, first + 1);
    for (let column = first; column < end; column++) {
      const value = row[column];
      if (typeof value === 'string' && matches(value)) found(number, column);
    }
  };
  if (query.regex) {
    return (block, found) => {
      withTimeout(() => {
        const lines = block.toString('utf8', 0, block.length - 1).split('\n');
        for (let i = 0; i < lines.length; i++) check(decodeLine(lines[i] ?? ''), i, found);
      });
    };
  }
  return query.matchCase ? searchBytes(query.text, check) : searchFolded(query.text, check);
}

type Check = (row: Row, number: number, found: (row: number, column: number) => void) => void;

/** COPY text encodes each character on its own, so what a value contains, its encoded form contains encoded. */
function searchBytes(text: string, check: Check): Search {
  const needle = Buffer.from(encodeField(text));
  return (block, found) => {
    let row = 0;
    let counted = 0;
    for (let at = block.indexOf(needle); at !== -1; at = block.indexOf(needle, counted)) {
      row += countNewlines(block, counted, at);
      const start = at === 0 ? 0 : block.lastIndexOf(NEWLINE, at - 1) + 1;
      const end = block.indexOf(NEWLINE, at);
      // An escape may look like text (`\t` holds a t), so the decoded values have the last word.
      check(decodeLine(block.toString('utf8', start, end)), row, found);
      row++;
      counted = end + 1;
    }
  };
}

function searchFolded(text: string, check: Check): Search {
  // Folding leaves the escapes alone: their letters are small ones (`\N` becomes `\n`, which the decoded values put right).
  const needle = fold(encodeField(text));
  return (block, found) => {
    const folded = fold(block.toString());
    let row = 0;
    let counted = 0;
    let start = 0;
    for (let at = folded.indexOf(needle); at !== -1; at = folded.indexOf(needle, counted)) {
      // Folding may change lengths, but no newlines: these lead back to the bytes of the row.
      for (let i = folded.indexOf('\n', counted); i !== -1 && i < at; i = folded.indexOf('\n', counted)) {
        row++;
        counted = i + 1;
        start = block.indexOf(NEWLINE, start) + 1;
      }
      const end = block.indexOf(NEWLINE, start);
      check(decodeLine(block.toString('utf8', start, end)), row, found);
      row++;
      counted = folded.indexOf('\n', at) + 1;
      start = end + 1;
    }
  };
}

/**
 * Makes the test of a query for single values.
 *
 * @throws FindError when the regular expression is not one.
 */
export function createMatcher(query: Pick<FindQuery, 'text' | 'regex' | 'matchCase'>): (value: string) => boolean {
  if (query.regex) {
    const pattern = compile(query.text, query.matchCase ? '' : 'i');
    return (value) => pattern.test(value);
  }
  if (query.matchCase) return (value) => value.includes(query.text);
  const needle = fold(query.text);
  return (value) => fold(value).includes(needle);
}

/**
 * Text for comparing without case. A capital sigma becomes one of two small ones by what surrounds it, which in a block of COPY text
 * is not what surrounds it in its value: both are made the same.
 */
export function fold(text: string): string {
  return text.toLowerCase().replaceAll('ς', 'σ');
}

function compile(pattern: string, flags: string): RegExp {
  try {
    return new RegExp(pattern, flags + 'u');
  } catch {
    // Without "u" more is allowed, such as `\-`, and common.
    try {
      return new RegExp(pattern, flags);
    } catch (error) {
      const reason =
        error instanceof Error ? error.message.replace(/^Invalid regular expression: /, '') : String(error);
      throw new FindError(`This is not a regular expression: ${reason}.`, { cause: error });
    }
  }
}

const context = createContext({ run: (): void => undefined }) as { run: () => void };
const script = new Script('run()');

/**
 * Does something that may never end by itself: an expression such as `(a+)+$` takes for ever on the wrong text, and nothing else
 * can interrupt it. The vm module's timeout can.
 */
export function withTimeout(work: () => void): void {
  context.run = work;
  try {
    script.runInContext(context, { timeout: REGEX_TIMEOUT_MS });
  } catch (error) {
    if (errorCode(error) !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new FindError('This regular expression takes too long on these rows. Try a simpler one.', { cause: error });
  } finally {
    context.run = () => undefined;
  }
}
