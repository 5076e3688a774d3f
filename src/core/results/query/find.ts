/** Searching all rows of a spool: streaming, with a count, and able to stop at any time. */
import { createContext, Script } from 'node:vm';
import { decodeLine, encodeField, type Row } from '../../../shared/rowCodec';
import { countNewlines } from '../spool/lineIndex';
import { errorCode } from '../../base/files';
import type { SpoolBlock, SpoolReader } from '../spool/spoolReader';

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

type Found = (row: number, column: number) => void;

/** Tells each match in a block, with the row's place in it. */
type Search = (block: SpoolBlock['bytes'], found: Found) => void;

function createSearch(query: FindQuery): Search {
  const matches = createMatcher(query);
  const check = (row: Row, number: number, found: Found): void => {
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
        let number = 0;
        for (const line of linesOf(block.toString())) check(decodeLine(line), number++, found);
      });
    };
  }
  return query.matchCase ? searchExact(query, check) : searchFolded(query, check);
}

type Check = (row: Row, number: number, found: Found) => void;

/**
 * COPY text encodes each character on its own, so what a value contains, its line contains encoded. Bytes are as good as characters
 * here (UTF-8 of one never begins in the middle of another), and the faster.
 */
function searchExact(query: FindQuery, check: Check): Search {
  const needle = Buffer.from(encodeField(query.text)).toString('latin1');
  return (block, found) => {
    // A call for the whole block, before it is made a string: most blocks are done with it.
    if (!block.includes(needle, 0, 'latin1')) return;
    const text = block.toString('latin1');
    let row = 0;
    let start = 0;
    for (let at = text.indexOf(needle); at !== -1; at = text.indexOf(needle, start)) {
      let end = text.indexOf('\n', start);
      for (; end < at; end = text.indexOf('\n', start)) {
        row++;
        start = end + 1;
      }
      const line = text.slice(start, end);
      // An escape may look like text (`\t` holds a t), so then the decoded values have the last word.
      if (line.includes('\\')) check(decodeLine(Buffer.from(line, 'latin1').toString()), row, found);
      else checkPlain(line, needle, at - start, query.column, row, found);
      row++;
      start = end + 1;
    }
  };
}

function searchFolded(query: FindQuery, check: Check): Search {
  // Folding leaves the escapes alone: their letters are small ones (`\N` becomes `\n`, which the decoded values put right).
  const needle = fold(encodeField(query.text));
  return (block, found) => {
    const original = block.toString();
    const text = fold(original);
    let row = 0;
    /** Where the row begins, in the folded text and in the original: folding may change lengths, but no newlines. */
    let start = 0;
    let startOriginal = 0;
    for (let at = text.indexOf(needle); at !== -1; at = text.indexOf(needle, start)) {
      let end = text.indexOf('\n', start);
      for (; end < at; end = text.indexOf('\n', start)) {
        row++;
        start = end + 1;
        startOriginal = original.indexOf('\n', startOriginal) + 1;
      }
      const line = text.slice(start, end);
      const endOriginal = original.indexOf('\n', startOriginal);
      if (line.includes('\\')) check(decodeLine(original.slice(startOriginal, endOriginal)), row, found);
      else checkPlain(line, needle, at - start, query.column, row, found);
      row++;
      start = end + 1;
      startOriginal = endOriginal + 1;
    }
  };
}

/** Finds the columns of a line without escapes that hold the text. `at`: where it is for the first time. */
function checkPlain(
  line: string,
  needle: string,
  at: number,
  wanted: number | undefined,
  row: number,
  found: Found,
): void {
  let column = 0;
  for (let start = 0; at !== -1; at = line.indexOf(needle, start)) {
    let tab = line.indexOf('\t', start);
    for (; tab !== -1 && tab < at; tab = line.indexOf('\t', start)) {
      column++;
      start = tab + 1;
    }
    if (wanted === undefined || wanted === column) found(row, column);
    if (tab === -1) return;
    // Another match counts in another column only.
    column++;
    start = tab + 1;
  }
}

/** The lines of a block, without their newlines. */
export function* linesOf(block: string): Generator<string, void, undefined> {
  for (let start = 0; start < block.length;) {
    const end = block.indexOf('\n', start);
    yield block.slice(start, end);
    start = end + 1;
  }
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
  const small = text.toLowerCase();
  return small.includes('ς') ? small.replaceAll('ς', 'σ') : small;
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

/** Made when first needed: it would only cost time when the extension starts. */
let sandbox: { readonly context: { run: () => void }; readonly script: Script } | undefined;

/**
 * Does something that may never end by itself: an expression such as `(a+)+$` takes for ever on the wrong text, and nothing else
 * can interrupt it. The vm module's timeout can.
 */
export function withTimeout(work: () => void): void {
  sandbox ??= { context: createContext({}) as { run: () => void }, script: new Script('run()') };
  const { context, script } = sandbox;
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
