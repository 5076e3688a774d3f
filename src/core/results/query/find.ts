/** Searches all rows of a spool. The search streams, counts matches, and can be aborted at any time. */
import { createContext, Script } from 'node:vm';
import { decodeLine, encodeField, type Row } from '../../../shared/rowCodec';
import { countNewlines } from '../spool/lineIndex';
import { errorCode } from '../../base/files';
import { RowsError } from '../faults';
import type { SpoolBlock, SpoolReader } from '../spool/spoolReader';

/** Time limit of a regular expression per block of rows (0.5 MB, typically 5 ms), because some never finish. Milliseconds. */
const REGEX_TIMEOUT_MS = 2000;

export interface FindQuery {
  /** Plain text or a JavaScript regular expression. NULL never matches. */
  readonly text: string;
  readonly regex?: boolean;
  /** If not set, the search ignores case, including the two forms of the small sigma. */
  readonly matchCase?: boolean;
  /** The column to search. Default: all. */
  readonly column?: number;
}

/** A cell whose text matches. */
export interface FindMatch {
  /** Row of the spool. */
  readonly row: number;
  readonly column: number;
}

/** Progress of a search. Yielded for each block of rows, and once at the end. */
export interface FindProgress {
  /** Matches since the last progress, in order. */
  readonly matches: readonly FindMatch[];
  /** Matches so far. */
  readonly total: number;
  /** Rows searched so far. */
  readonly rows: number;
  /** Progress by bytes, 0 to 1. */
  readonly fraction: number;
  readonly done: boolean;
}

/**
 * Finds the cells whose text matches, among the rows that exist at the time of the call.
 *
 * Plain text is first searched in the bytes of the file; only rows that may contain it are decoded.
 *
 * @param signal Aborts the search: the generator throws the signal's reason.
 * @throws RowsError if the regular expression is invalid or takes too long.
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

/** Reports each match in a block; `row` is relative to the block. */
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
 * COPY text encodes each character separately, so a line contains the encoded form of any text in its values. Comparing bytes is exact,
 * because no UTF-8 character begins inside another, and faster than comparing characters.
 */
function searchExact(query: FindQuery, check: Check): Search {
  const needle = Buffer.from(encodeField(query.text)).toString('latin1');
  return (block, found) => {
    // One call for the whole block, before it is converted to a string, rules out most blocks.
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
      // An escape may look like text (`\t` contains a t), so check the decoded values.
      if (line.includes('\\')) check(decodeLine(Buffer.from(line, 'latin1').toString()), row, found);
      else checkPlain(line, needle, at - start, query.column, row, found);
      row++;
      start = end + 1;
    }
  };
}

function searchFolded(query: FindQuery, check: Check): Search {
  // Folding does not change escapes, whose letters are lowercase, except `\N`; checking the decoded values corrects that.
  const needle = fold(encodeField(query.text));
  return (block, found) => {
    const original = block.toString();
    const text = fold(original);
    let row = 0;
    /** Start of the row in the folded and in the original text: folding may change lengths, but not newlines. */
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

/** Finds the columns of a line without escapes that contain the text. `at`: the first occurrence. */
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
    // Count at most one match per column.
    column++;
    start = tab + 1;
  }
}

/** Yields the lines of a block without their newlines. */
export function* linesOf(block: string): Generator<string, void, undefined> {
  for (let start = 0; start < block.length;) {
    const end = block.indexOf('\n', start);
    yield block.slice(start, end);
    start = end + 1;
  }
}

/**
 * Creates a predicate that tests single values.
 *
 * @throws RowsError if the regular expression is invalid.
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
 * Folds the case of a text. A capital sigma becomes one of two small sigmas depending on its neighbors, which differ between a value
 * and a block of COPY text, so both are mapped to the same one.
 */
export function fold(text: string): string {
  const small = text.toLowerCase();
  return small.includes('ς') ? small.replaceAll('ς', 'σ') : small;
}

function compile(pattern: string, flags: string): RegExp {
  try {
    return new RegExp(pattern, flags + 'u');
  } catch {
    // Without the flag "u", more patterns are valid, such as the common `\-`.
    try {
      return new RegExp(pattern, flags);
    } catch (error) {
      const reason =
        error instanceof Error ? error.message.replace(/^Invalid regular expression: /, '') : String(error);
      throw new RowsError({ code: 'rows.badRegex', params: { reason } }, { cause: error });
    }
  }
}

/** Created on first use, to keep activation fast. */
let sandbox: { readonly context: { run: () => void }; readonly script: Script } | undefined;

/**
 * Runs a function with a time limit. An expression such as `(a+)+$` can take forever on some texts, and only the timeout of the vm
 * module can interrupt it.
 *
 * @throws RowsError if the time is up.
 */
export function withTimeout(work: () => void): void {
  sandbox ??= { context: createContext({}) as { run: () => void }, script: new Script('run()') };
  const { context, script } = sandbox;
  context.run = work;
  try {
    script.runInContext(context, { timeout: REGEX_TIMEOUT_MS });
  } catch (error) {
    if (errorCode(error) !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new RowsError({ code: 'rows.slowRegex' }, { cause: error });
  } finally {
    context.run = () => undefined;
  }
}
