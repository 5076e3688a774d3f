/**
 * Variables in a text: `:name`, `:'name'`, `:"name"` as in psql (`psqlscan.l`, "Variables" in its manual), and `$1`.
 *
 * psql asks whether a variable is set before it takes `:name` for one; here there is no such list, so a colon that means
 * something to the server is left alone: `::`, `:=`, array slices, the colon of JSON_OBJECT.
 */
import { Lexer, Token, continuesWord, startsWord } from './lexer';
import { metaCommandAt } from './meta';
import { quoteIdent, quoteLiteral } from './quote';

/** How a variable is written, which is how its value is quoted. */
export type ParameterForm =
  /** `:name` */
  | 'plain'
  /** `:'name'` */
  | 'literal'
  /** `:"name"` */
  | 'identifier'
  /** `$1` */
  | 'positional';

/** One place where a text uses a variable. */
export interface ParameterUse {
  /** Without colon and quotes; `$1` with its dollar. The key of its value. */
  readonly name: string;
  readonly form: ParameterForm;
  readonly start: number;
  readonly end: number;
}

/** A value for a variable: text, NULL, or a number that is written without quotes (in `:name` and `$1` only). */
export type ParameterValue = string | null | { readonly number: string };

/** A text with its values in place. */
export interface Substitution {
  readonly text: string;
  /** The offset in the text before it that an offset in the new text comes from; inside a value, the variable's start. */
  readonly sourceOffset: (offset: number) => number;
}

/** The uses of variables in a text, in its order. Strings, comments and quoted names have none. */
export function findParameters(text: string): ParameterUse[] {
  const finder = new Finder(text);
  return finder.find();
}

/**
 * Puts values in the place of variables, quoted so that each stays one value whatever it contains: text as a string
 * constant, `:"name"` as a quoted name.
 *
 * @param values By name; positional ones by `$1`. A variable without a value stays as it is.
 * @throws RangeError for a value that cannot stand there: NUL in text, NULL as a name, a number that is none
 */
export function substituteParameters(text: string, values: ReadonlyMap<string, ParameterValue>): Substitution {
  const parts: { readonly from: number; readonly to: number; readonly source: number; readonly verbatim: boolean }[] = [];
  let result = '';
  let copied = 0;
  const add = (piece: string, source: number, verbatim: boolean): void => {
    if (piece === '') return;
    parts.push({ from: result.length, to: result.length + piece.length, source, verbatim });
    result += piece;
  };
  for (const use of findParameters(text)) {
    const value = values.get(use.name);
    if (value === undefined) continue;
    add(text.slice(copied, use.start), copied, true);
    add(separated(text, use, quoted(use, value)), use.start, false);
    copied = use.end;
  }
  add(text.slice(copied), copied, true);

  const sourceOffset = (offset: number): number => {
    const part = parts.find(({ to }) => offset < to) ?? parts.at(-1);
    if (!part) return 0;
    return part.verbatim ? Math.min(part.source + offset - part.from, text.length) : part.source;
  };
  return { text: result, sourceOffset };
}

function quoted(use: ParameterUse, value: ParameterValue): string {
  if (use.form === 'identifier') {
    if (typeof value !== 'string' || value === '') throw new RangeError(`${use.name} needs a name as its value.`);
    return quoteIdent(value);
  }
  if (value === null) return 'NULL';
  if (typeof value === 'string') return quoteLiteral(value);
  if (use.form === 'literal') return quoteLiteral(value.number);
  const number = value.number.trim();
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(number)) {
    throw new RangeError(`The value of ${use.name} is not a number: ${value.number}`);
  }
  // A sign in front could join an operator, or begin a comment: 1 -:x.
  return /^[+-]/.test(number) ? `(${number})` : number;
}

/** Keeps a value apart from what touches it: a prefix such as E or U&, a string that would continue it, a word. */
function separated(text: string, use: ParameterUse, value: string): string {
  const before = use.start === 0 || /[\s(,=[]/.test(text.charAt(use.start - 1)) ? '' : ' ';
  const after = use.end === text.length || /[\s),;:\]]/.test(text.charAt(use.end)) ? '' : ' ';
  if (!value.endsWith("'")) return before + value + after;
  // Two strings with a line end between them are one to the server, and an E string would read this one's backslashes.
  const head = /'\s*$/.test(text.slice(0, use.start)) || endsWithComment(text, use.start) ? '/**/' : before;
  const tail = /^(\s|--)/.test(text.slice(use.end, use.end + 2)) || text.charAt(use.end) === "'" ? '/**/' : after;
  return head + value + tail;
}
