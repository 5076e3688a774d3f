/**
 * Variables in a text: `:name`, `:'name'`, `:"name"`, `:{?name}` as in psql (`psqlscan.l`, "Variables" in its manual), and `$1`.
 *
 * psql takes `:name` for a variable only if it is set. `expandVariables` does the same with what a script sets. What is asked for
 * afterwards is a guess, so a colon that means something to the server is left alone: `::`, `:=`, array slices, that of JSON_OBJECT.
 */
import { Cursor } from './split/statementAtCursor';
import { continuesWord, startsWord } from './lexer/characters';
import { Lexer, Token } from './lexer/lexer';
import { metaCommandAt } from './psql/psqlCommands';
import { quoteIdent, quoteLiteral } from './quote';
import { psqlText, variableUse, type Known } from './psql/commandArguments';
import { lastStartingBefore, splitStatements, type SplitText, type Statement } from './split/statements';
import { TextBuilder, type Substitution } from './textBuilder';

/** How a variable is written, which is how its value is quoted. */
export type ParameterForm =
  /** `:name` */
  | 'plain'
  /** `:'name'` */
  | 'literal'
  /** `:"name"` */
  | 'identifier'
  /** `:{?name}`: TRUE if the variable has a value, otherwise FALSE. */
  | 'test'
  /** `$1` */
  | 'positional';

/** One place where a text uses a variable. */
export interface ParameterUse {
  /** Without colon and quotes; `$1` with its dollar. The key of its value. */
  readonly name: string;
  readonly form: ParameterForm;
  readonly start: number;
  readonly end: number;
  /** It may just as well be a slice without its lower bound: `[:name]`. */
  readonly perhapsSlice?: true;
}

/** A value for a variable: text, NULL, or a number that is written without quotes (in `:name` and `$1` only). */
export type ParameterValue = string | null | { readonly number: string };

/** The uses of variables in a text, in its order. Strings, comments and quoted names have none. */
export function findParameters(text: string): ParameterUse[] {
  return new Finder(text).find().map(({ name, form, start, end, perhapsSlice }) => ({
    name,
    form,
    start,
    end,
    ...(perhapsSlice ? { perhapsSlice } : {}),
  }));
}

/** How deep values may refer to other variables; psql has no limit but its stack. */
const MAX_DEPTH = 100;
/** How long a text may become: variables that refer to one another twice each double with each step. In UTF-16 code units. */
const MAX_EXPANDED = 64_000_000;

/** A text in which the variables that its script sets have their values. */
export interface Expansion extends Substitution {
  /** Variables that the script removed: psql leaves them as they are written. */
  readonly unset: ReadonlySet<string>;
  /** How many were replaced. */
  readonly replaced: number;
}

/**
 * Replaces variables as psql does: `:name` by exactly its value, which may be any part of SQL and may refer to further variables.
 *
 * @param lookup What the script says about a variable at an offset of the text; undefined if nothing.
 * @throws RangeError if a value has a NUL, or the text becomes too long
 */
export function expandVariables(text: string, lookup: (name: string, offset: number) => Known | undefined): Expansion {
  const builder = new TextBuilder(text);
  const unset = new Set<string>();
  let replaced = 0;
  let produced = 0;
  const expand = (part: string, offset: number | undefined, active: readonly string[]): string | undefined => {
    let result = '';
    let copied = 0;
    for (const { name, form, start, end } of psqlUses(part)) {
      const at = offset ?? start;
      const known = lookup(name, at);
      if (known === undefined || known.kind === 'uncertain') continue;
      if (known.kind === 'unset' && form !== 'test') {
        unset.add(name);
        continue;
      }
      // psql does not expand a variable in its own value.
      if (form !== 'test' && (active.includes(name) || active.length >= MAX_DEPTH)) continue;
      let value: string;
      if (form === 'test') value = known.kind === 'set' ? 'TRUE' : 'FALSE';
      else if (known.kind !== 'set') continue;
      else if (form !== 'plain') value = psqlText(form, known.value);
      else value = expand(known.value, at, [...active, name]) ?? known.value;
      replaced++;
      // What is empty costs time too.
      produced += value.length + 64;
      if (produced > MAX_EXPANDED) throw new RangeError(`The value of :${name} makes the text too long.`);
      if (offset === undefined) builder.replace(start, end, value);
      else {
        result += part.slice(copied, start) + value;
        copied = end;
      }
    }
    return offset === undefined ? undefined : result + part.slice(copied);
  };
  expand(text, undefined, []);
  return { ...builder.done(), unset, replaced };
}

/** Every place where psql would look for a variable. */
function* psqlUses(
  text: string,
): Generator<{ name: string; form: Exclude<ParameterForm, 'positional'>; start: number; end: number }> {
  if (!text.includes(':')) return;
  const lexer = new Lexer(text);
  const data = splitStatements(text).problems.filter(({ kind }) => kind === 'copyData');
  let index = 0;
  for (let kind = lexer.nextCode(); kind !== Token.End; kind = lexer.nextCode()) {
    while ((data[index]?.end ?? Infinity) <= lexer.start) index++;
    const rows = data[index];
    if (rows && rows.start <= lexer.start) lexer.end = rows.end;
    else if (kind === Token.Backslash) lexer.end = metaCommandAt(text, lexer.start).next;
    else if (kind === Token.Other && text.charAt(lexer.start) === ':') {
      const follower = text.charAt(lexer.end);
      if (follower === ':' || follower === '=') lexer.end++;
      else {
        const use = variableUse(text, lexer.start);
        if (!use) continue;
        yield { ...use, start: lexer.start };
        lexer.end = use.end;
      }
    }
  }
}

/**
 * Puts values in the place of variables, quoted so that each stays one value whatever it contains: text as a string
 * constant, `:"name"` as a quoted name.
 *
 * @param values By name; positional ones by `$1`. A variable without a value stays as it is, but `:{?name}` becomes FALSE.
 * @throws RangeError for a value that cannot stand there: NUL in text, NULL as a name, a number that is none
 */
export function substituteParameters(text: string, values: ReadonlyMap<string, ParameterValue>): Substitution {
  const builder = new TextBuilder(text);
  for (const use of new Finder(text).find()) {
    const value = values.get(use.name);
    if (use.form === 'test') builder.replace(use.start, use.end, value === undefined ? 'FALSE' : 'TRUE');
    else if (value !== undefined) builder.replace(use.start, use.end, separated(text, use, quoted(use, value)));
  }
  return builder.done();
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

/** What brackets are open: in a subscript and in JSON_OBJECT a colon may be the server's own. */
type Bracket = 'parenthesis' | 'jsonObject' | 'array' | 'subscript';

/** Words after which an expression goes on: a colon behind any other word in a subscript is that of a slice. */
const EXPECT_OPERAND = new Set(
  (
    'ALL AND ANY ARRAY ASYMMETRIC BETWEEN BY CASE COLLATE DISTINCT ELSE ESCAPE EXCEPT FROM HAVING ILIKE IN INTERSECT IS LIKE ' +
    'LIMIT NOT OFFSET ON OR SELECT SIMILAR SOME SYMMETRIC THEN TO UNION USING VALUE VALUES WHEN WHERE'
  ).split(' '),
);

/** What the token before was, as far as a colon behind it depends on it. */
interface Before {
  readonly kind: 'none' | 'word' | 'operand' | 'string' | 'variable' | 'other';
  /** The word, or the character of a token of one character. */
  readonly word: string;
}

class Finder {
  readonly #lexer: Lexer;
  readonly #places: Place[] = [];
  readonly #brackets: Bracket[] = [];
  #before: Before = { kind: 'none', word: '' };
  readonly #split: SplitText;
  #dataIndex = 0;
  #ownNumbers: { readonly statement: Statement | undefined; readonly own: boolean } | undefined;

  readonly #text: string;

  constructor(text: string) {
    this.#text = text;

    this.#lexer = new Lexer(text);
    this.#split = splitStatements(text);
  }

  find(): Place[] {
    const lexer = this.#lexer;
    const data = this.#split.problems.filter(({ kind }) => kind === 'copyData');
    for (let kind = lexer.nextCode(); kind !== Token.End; kind = lexer.nextCode()) {
      while ((data[this.#dataIndex]?.end ?? Infinity) <= lexer.start) this.#dataIndex++;
      const rows = data[this.#dataIndex];
      if (rows && rows.start <= lexer.start) lexer.end = rows.end;
      else if (kind === Token.Backslash) lexer.end = metaCommandAt(this.#text, lexer.start).next;
      else this.#token(kind);
    }
    return this.#places;
  }

  #token(kind: Token): void {
    const lexer = this.#lexer;
    const brackets = this.#brackets;
    switch (kind) {
      case Token.Word:
        this.#passed('word');
        return;
      case Token.String:
      case Token.DollarString: {
        const last = this.#places.at(-1);
        if (last && this.#before.kind === 'variable') last.beforeString = true;
        this.#passed('string');
        return;
      }
      case Token.QuotedName:
      case Token.Number:
        this.#passed('operand');
        return;
      case Token.Parameter:
        this.#positional();
        return;
      case Token.Semicolon:
        brackets.length = 0;
        this.#passed('none');
        return;
      case Token.Open:
        brackets.push(/^JSON_OBJECT(AGG)?$/i.test(this.#before.word) ? 'jsonObject' : 'parenthesis');
        this.#passed('other');
        return;
      case Token.Close:
        brackets.pop();
        this.#passed('operand');
        return;
      default:
        this.#character(this.#text.charAt(lexer.start));
    }
  }

  #character(char: string): void {
    const brackets = this.#brackets;
    if (char === '[') {
      brackets.push(this.#afterOperand() ? 'subscript' : 'array');
      this.#passed('other');
    } else if (char === ']') {
      brackets.pop();
      this.#passed('operand');
    } else if (char === ':') this.#colon();
    else this.#passed('other');
  }

  #colon(): void {
    const text = this.#text;
    const lexer = this.#lexer;
    const follower = text.charAt(lexer.end);
    if (follower === ':' || follower === '=') {
      lexer.end++;
      this.#passed('other');
      return;
    }
    const use = variableUse(text, lexer.start);
    // A plain name that begins with a digit is more likely a bound or a time.
    if (!use || (use.form === 'plain' && !startsWord(text.charCodeAt(lexer.end))) || this.#isServersColon(use.form)) {
      this.#passed('other');
      return;
    }
    lexer.end = use.end;
    this.#use(use.name, use.form);
  }

  /** Behind an operand: the colon of a slice in a subscript, that between key and value in JSON_OBJECT. */
  #isServersColon(form: ParameterForm): boolean {
    const bracket = this.#brackets.at(-1);
    return form !== 'test' && (bracket === 'subscript' || bracket === 'jsonObject') && this.#afterOperand();
  }

  #afterOperand(): boolean {
    const { kind, word } = this.#before;
    if (kind === 'word') return !EXPECT_OPERAND.has(word.toUpperCase());
    return kind === 'operand' || kind === 'string' || kind === 'variable';
  }

  #positional(): void {
    const name = this.#lexer.slice();
    if (!/^\$\d+$/.test(name) || this.#hasOwnNumbers()) this.#passed('operand');
    else this.#use(name, 'positional');
  }

  #use(name: string, form: ParameterForm): void {
    const { kind } = this.#before;
    const last = this.#places.at(-1);
    if (last && kind === 'variable') last.beforeString = true;
    const { start, end } = this.#lexer;
    this.#places.push({
      name,
      form,
      start,
      end,
      afterString: kind === 'string' || kind === 'variable',
      beforeString: false,
      ...(form === 'plain' && this.#brackets.at(-1) === 'subscript' && this.#before.word === '['
        ? { perhapsSlice: true as const }
        : {}),
    });
    this.#passed('variable');
  }

  /** `$1` in a routine's body is its argument, in PREPARE and EXPLAIN (GENERIC_PLAN) the server's own parameter. */
  #hasOwnNumbers(): boolean {
    const statement = this.#split.statements[lastStartingBefore(this.#split.statements, this.#lexer.start)];
    if (this.#ownNumbers?.statement === statement) return this.#ownNumbers?.own ?? false;
    const own = statement !== undefined && hasOwnNumbers(this.#text, statement);
    this.#ownNumbers = { statement, own };
    return own;
  }

  #passed(kind: Before['kind']): void {
    const lexer = this.#lexer;
    const short = kind === 'word' || lexer.end - lexer.start === 1;
    this.#before = { kind, word: short ? lexer.slice() : '' };
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
