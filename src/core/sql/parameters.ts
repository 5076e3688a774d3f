/**
 * Variables in a text: `:name`, `:'name'`, `:"name"` as in psql (`psqlscan.l`, "Variables" in its manual), and `$1`.
 *
 * psql asks whether a variable is set before it takes `:name` for one; here there is no such list, so a colon that means
 * something to the server is left alone: `::`, `:=`, array slices, the colon of JSON_OBJECT.
 */
import { Cursor } from './cursor';
import { continuesWord, isDigit, startsWord } from './characters';
import { Lexer, Token } from './lexer';
import { metaCommandAt } from './meta';
import { quoteIdent, quoteLiteral } from './quote';
import { lastStartingBefore, splitStatements, type SplitText, type Statement } from './statements';

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
  return new Finder(text).find().map(({ name, form, start, end }) => ({ name, form, start, end }));
}

/**
 * Puts values in the place of variables, quoted so that each stays one value whatever it contains: text as a string
 * constant, `:"name"` as a quoted name.
 *
 * @param values By name; positional ones by `$1`. A variable without a value stays as it is.
 * @throws RangeError for a value that cannot stand there: NUL in text, NULL as a name, a number that is none
 */
export function substituteParameters(text: string, values: ReadonlyMap<string, ParameterValue>): Substitution {
  const parts: { readonly from: number; readonly to: number; readonly source: number; readonly verbatim: boolean }[] =
    [];
  let result = '';
  let copied = 0;
  const add = (piece: string, source: number, verbatim: boolean): void => {
    if (piece === '') return;
    parts.push({ from: result.length, to: result.length + piece.length, source, verbatim });
    result += piece;
  };
  for (const use of new Finder(text).find()) {
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

/** Keeps a value apart from what touches it: a prefix such as E or U&, a string that would go on in it, a word. */
function separated(text: string, use: Place, value: string): string {
  const before = use.start > 0 && joins(text.charCodeAt(use.start - 1)) ? ' ' : '';
  const after = use.end < text.length && joins(text.charCodeAt(use.end)) ? ' ' : '';
  if (!value.endsWith("'")) return before + value + after;
  // Two strings with a line end between them are one to the server, and an E string reads the second's backslashes too.
  return `${use.afterString ? '/**/' : before}${value}${use.beforeString ? '/**/' : after}`;
}

const JOINING = new Set(["'", '"', '&', '.'].map((char) => char.charCodeAt(0)));

function joins(code: number): boolean {
  return continuesWord(code) || JOINING.has(code);
}

/** A use, and what stands next to it. */
interface Place extends ParameterUse {
  readonly afterString: boolean;
  beforeString: boolean;
}

/** What brackets are open: in some of them a colon is the server's own. */
type Bracket = 'parenthesis' | 'jsonObject' | 'square';

/** What the token before was, as far as a colon behind it depends on it. */
interface Before {
  kind: 'none' | 'word' | 'operand' | 'string' | 'variable' | 'other';
  word: string;
  end: number;
}

class Finder {
  private readonly lexer: Lexer;
  private readonly places: Place[] = [];
  private readonly brackets: Bracket[] = [];
  private before: Before = { kind: 'none', word: '', end: 0 };
  private readonly split: SplitText;
  private dataIndex = 0;
  private ownNumbers: { readonly statement: Statement | undefined; readonly own: boolean } | undefined;

  constructor(private readonly text: string) {
    this.lexer = new Lexer(text);
    this.split = splitStatements(text);
  }

  find(): Place[] {
    const { lexer } = this;
    const data = this.split.problems.filter(({ kind }) => kind === 'copyData');
    for (let kind = lexer.nextCode(); kind !== Token.End; kind = lexer.nextCode()) {
      while ((data[this.dataIndex]?.end ?? Infinity) <= lexer.start) this.dataIndex++;
      const rows = data[this.dataIndex];
      if (rows && rows.start <= lexer.start) lexer.end = rows.end;
      else if (kind === Token.Backslash) lexer.end = metaCommandAt(this.text, lexer.start).next;
      else this.token(kind);
    }
    return this.places;
  }

  private token(kind: Token): void {
    const { lexer, brackets } = this;
    switch (kind) {
      case Token.Word:
        this.passed('word');
        return;
      case Token.String:
      case Token.DollarString: {
        const last = this.places.at(-1);
        if (last && this.before.kind === 'variable') last.beforeString = true;
        this.passed('string');
        return;
      }
      case Token.QuotedName:
      case Token.Number:
        this.passed('operand');
        return;
      case Token.Parameter:
        this.positional();
        return;
      case Token.Semicolon:
        brackets.length = 0;
        this.passed('none');
        return;
      case Token.Open:
        brackets.push(/^JSON_OBJECT(AGG)?$/i.test(this.before.word) ? 'jsonObject' : 'parenthesis');
        this.passed('other');
        return;
      case Token.Close:
        brackets.pop();
        this.passed('operand');
        return;
      default:
        this.character(this.text.charAt(lexer.start));
    }
  }

  private character(char: string): void {
    const { brackets } = this;
    if (char === '[') {
      brackets.push('square');
      this.passed('other');
    } else if (char === ']') {
      brackets.pop();
      this.passed('operand');
    } else if (char === ':') this.colon();
    else this.passed('other');
  }

  private colon(): void {
    const { text, lexer } = this;
    const follower = text.charAt(lexer.end);
    if (follower === ':' || follower === '=') {
      lexer.end++;
      this.passed('other');
      return;
    }
    const quoted = follower === "'" || follower === '"';
    const from = lexer.end + (quoted ? 1 : 0);
    let to = from;
    while (isVariablePart(text.charCodeAt(to))) to++;
    const complete = to > from && (quoted ? text.charAt(to) === follower : startsWord(text.charCodeAt(from)));
    if (!complete || this.isServersColon()) {
      this.passed('other');
      return;
    }
    const form = !quoted ? 'plain' : follower === "'" ? 'literal' : 'identifier';
    lexer.end = quoted ? to + 1 : to;
    this.use(text.slice(from, to), form);
  }

  /** Behind an operand: the colon of a slice in a subscript, that between key and value in JSON_OBJECT. */
  private isServersColon(): boolean {
    const { before } = this;
    const bracket = this.brackets.at(-1);
    if (bracket !== 'square' && bracket !== 'jsonObject') return false;
    if (before.kind === 'word') return before.end === this.lexer.start;
    return before.kind === 'operand' || before.kind === 'string' || before.kind === 'variable';
  }

  private positional(): void {
    const name = this.lexer.slice();
    if (!/^\$\d+$/.test(name) || this.hasOwnNumbers()) this.passed('operand');
    else this.use(name, 'positional');
  }

  private use(name: string, form: ParameterForm): void {
    const { kind } = this.before;
    const last = this.places.at(-1);
    if (last && kind === 'variable') last.beforeString = true;
    const { start, end } = this.lexer;
    this.places.push({
      name,
      form,
      start,
      end,
      afterString: kind === 'string' || kind === 'variable',
      beforeString: false,
    });
    this.passed('variable');
  }

  /** `$1` in a routine's body is its argument, in PREPARE and EXPLAIN (GENERIC_PLAN) the server's own parameter. */
  private hasOwnNumbers(): boolean {
    const statement = this.split.statements[lastStartingBefore(this.split.statements, this.lexer.start)];
    if (this.ownNumbers?.statement === statement) return this.ownNumbers?.own ?? false;
    const own = statement !== undefined && hasOwnNumbers(this.text, statement);
    this.ownNumbers = { statement, own };
    return own;
  }

  private passed(kind: Before['kind']): void {
    const { lexer } = this;
    this.before = { kind, word: kind === 'word' ? lexer.slice() : '', end: lexer.end };
  }
}

function hasOwnNumbers(text: string, statement: Statement): boolean {
  const cursor = new Cursor(text, statement.start, statement.end);
  if (cursor.is('PREPARE')) return true;
  if (cursor.accept('EXPLAIN')) {
    while (cursor.depth > 0 || cursor.kind === Token.Open) {
      if (cursor.atEnd || cursor.is('GENERIC_PLAN')) return !cursor.atEnd;
      cursor.next();
    }
    return false;
  }
  if (!cursor.accept('CREATE')) return false;
  if (cursor.accept('OR')) cursor.accept('REPLACE');
  return cursor.is('FUNCTION', 'PROCEDURE');
}

/** What psql allows in the name of a variable. */
function isVariablePart(code: number): boolean {
  return isDigit(code) || startsWord(code);
}
