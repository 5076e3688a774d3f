/**
 * Variables in a text: `:name`, `:'name'`, `:"name"`, and `:{?name}` as in psql (`psqlscan.l`, "Variables" in its manual), and `$1`.
 *
 * psql treats `:name` as a variable only if it is set. `expandVariables` does so with the variables that a script sets.
 * `findParameters` has to guess, so it ignores colons that have a meaning to the server: `::`, `:=`, array slices, JSON_OBJECT.
 */
import { Cursor } from './lexer/cursor';
import { continuesWord, startsWord } from './lexer/characters';
import { Lexer, Token } from './lexer/lexer';
import { metaCommandAt } from './psql/psqlCommands';
import { ValueError } from './faults';
import { quoteIdent, quoteLiteral } from './quote';
import { psqlText, variableUse, type VariableState } from './psql/commandArguments';
import { lastStartingBefore, splitStatements } from './split/statements';
import type { SplitText, Statement } from './split/splitTypes';
import { TextBuilder, type Substitution } from './textBuilder';

/** The form of a use, which determines how the value is quoted. */
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

/** A use of a variable in a text. */
export interface ParameterUse {
  /** The key of its value: without colon and quotes, but `$1` with its dollar. */
  readonly name: string;
  readonly form: ParameterForm;
  readonly start: number;
  readonly end: number;
  /** It may also be an array slice without a lower bound: `[:name]`. */
  readonly perhapsSlice?: true;
}

/** The value of a variable: text, NULL, or a number, which is written without quotes (in `:name` and `$1` only). */
export type ParameterValue = string | null | { readonly number: string };

/** Finds the uses of variables in a text, in order. Strings, comments, and quoted names contain none. */
export function findParameters(text: string, split: SplitText = splitStatements(text)): ParameterUse[] {
  return new Finder(text, split).find().map(({ name, form, start, end, perhapsSlice }) => ({
    name,
    form,
    start,
    end,
    ...(perhapsSlice ? { perhapsSlice } : {}),
  }));
}

/** The maximum nesting of variables in values; psql is limited only by its stack. */
const MAX_DEPTH = 100;
/**
 * The maximum length of all values, in UTF-16 code units: if each variable refers to the next one twice, the length doubles with
 * each of them.
 */
const MAX_EXPANSION = 64_000_000;

/** A text with the values of the variables that its script sets. */
export interface Expansion extends Substitution {
  /** Variables that the script removed with `\unset`: psql leaves their uses as written. */
  readonly unset: ReadonlySet<string>;
  /** The number of replaced uses. */
  readonly replaced: number;
}

/**
 * Replaces variables as psql does: `:name` by exactly its value, which may be any part of SQL and may refer to other variables.
 *
 * @param lookup the state of a variable at an offset of the text
 * @throws ValueError if a value contains NUL or the text becomes too long
 */
export function expandVariables(
  text: string,
  lookup: (name: string, offset: number) => VariableState | undefined,
  split: SplitText = splitStatements(text),
): Expansion {
  const builder = new TextBuilder(text);
  const unset = new Set<string>();
  let replaced = 0;
  let produced = 0;
  const expand = (part: string, offset: number | undefined, active: readonly string[]): string | undefined => {
    let result = '';
    let copied = 0;
    for (const { name, form, start, end } of psqlUses(part, offset === undefined ? split : splitStatements(part))) {
      const at = offset ?? start;
      const known = lookup(name, at);
      if (known === undefined || known.kind === 'uncertain') continue;
      if (known.kind === 'unset' && form !== 'test') {
        unset.add(name);
        continue;
      }
      // psql does not expand a variable inside its own value.
      if (form !== 'test' && (active.includes(name) || active.length >= MAX_DEPTH)) continue;
      let value: string;
      if (form === 'test') value = known.kind === 'set' ? 'TRUE' : 'FALSE';
      else if (known.kind !== 'set') continue;
      else if (form !== 'plain') value = psqlText(form, known.value);
      else value = expand(known.value, at, [...active, name]) ?? known.value;
      replaced++;
      // Empty values take time too.
      produced += value.length + 64;
      if (produced > MAX_EXPANSION) throw new ValueError({ code: 'value.expansionTooLong', params: { name } });
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

/** Yields every use that psql would look up. */
function* psqlUses(
  text: string,
  split: SplitText,
): Generator<{ name: string; form: Exclude<ParameterForm, 'positional'>; start: number; end: number }> {
  if (!text.includes(':')) return;
  const lexer = new Lexer(text);
  const data = split.problems.filter(({ kind }) => kind === 'copyData');
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
 * Replaces variables by quoted values, so that each stays one value whatever it contains: text as a string constant, `:"name"` as a
 * quoted name.
 *
 * @param values by {@link ParameterUse.name}. Variables without a value stay as written, except `:{?name}`, which becomes FALSE.
 * @throws ValueError for a value that is not possible there: NUL in text, NULL as a name, a malformed number
 */
export function substituteParameters(
  text: string,
  values: ReadonlyMap<string, ParameterValue>,
  split: SplitText = splitStatements(text),
): Substitution {
  const builder = new TextBuilder(text);
  for (const use of new Finder(text, split).find()) {
    const value = values.get(use.name);
    if (use.form === 'test') builder.replace(use.start, use.end, value === undefined ? 'FALSE' : 'TRUE');
    else if (value !== undefined) builder.replace(use.start, use.end, separated(text, use, quoted(use, value)));
  }
  return builder.done();
}

function quoted(use: ParameterUse, value: ParameterValue): string {
  if (use.form === 'identifier') {
    if (typeof value !== 'string' || value === '') {
      throw new ValueError({ code: 'value.nameRequired', params: { name: use.name } });
    }
    return quoteIdent(value);
  }
  if (value === null) return 'NULL';
  if (typeof value === 'string') return quoteLiteral(value);
  if (use.form === 'literal') return quoteLiteral(value.number);
  const number = value.number.trim();
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(number)) {
    throw new ValueError({ code: 'value.notANumber', params: { name: use.name, value: value.number } });
  }
  // A sign could join an operator or begin a comment: 1 -:x.
  return /^[+-]/.test(number) ? `(${number})` : number;
}

/** Separates a value from adjacent text that would change it: a prefix such as E or U&, a string that it would continue, a word. */
function separated(text: string, use: UseInContext, value: string): string {
  const before = use.start > 0 && joins(text.charCodeAt(use.start - 1)) ? ' ' : '';
  const after = use.end < text.length && joins(text.charCodeAt(use.end)) ? ' ' : '';
  if (!value.endsWith("'")) return before + value + after;
  // The server joins two strings with a line end between them, and an E string also applies to the second one's backslashes.
  return `${use.afterString ? '/**/' : before}${value}${use.beforeString ? '/**/' : after}`;
}

const JOINING = new Set(["'", '"', '&', '.'].map((char) => char.charCodeAt(0)));

function joins(code: number): boolean {
  return continuesWord(code) || JOINING.has(code);
}

/** A use and its neighbors. */
interface UseInContext extends ParameterUse {
  readonly afterString: boolean;
  beforeString: boolean;
}

/** Kinds of open brackets: in a subscript and in JSON_OBJECT, a colon may have a meaning to the server. */
type Bracket = 'parenthesis' | 'jsonObject' | 'array' | 'subscript';

/** Words after which an operand follows. In a subscript, a colon after any other word belongs to a slice. */
const EXPECT_OPERAND = new Set(
  (
    'ALL AND ANY ARRAY ASYMMETRIC BETWEEN BY CASE COLLATE DISTINCT ELSE ESCAPE EXCEPT FROM HAVING ILIKE IN INTERSECT IS LIKE ' +
    'LIMIT NOT OFFSET ON OR SELECT SIMILAR SOME SYMMETRIC THEN TO UNION USING VALUE VALUES WHEN WHERE'
  ).split(' '),
);

/** The previous token, as far as the meaning of a colon depends on it. */
interface PreviousToken {
  readonly kind: 'none' | 'word' | 'operand' | 'string' | 'variable' | 'other';
  /** The word, or the only character of the token. */
  readonly word: string;
}

class Finder {
  readonly #lexer: Lexer;
  readonly #uses: UseInContext[] = [];
  readonly #brackets: Bracket[] = [];
  #previous: PreviousToken = { kind: 'none', word: '' };
  #dataIndex = 0;
  #serverParameters: { readonly statement: Statement | undefined; readonly found: boolean } | undefined;

  readonly #text: string;
  readonly #split: SplitText;

  constructor(text: string, split: SplitText) {
    this.#text = text;
    this.#split = split;
    this.#lexer = new Lexer(text);
  }

  find(): UseInContext[] {
    const lexer = this.#lexer;
    const data = this.#split.problems.filter(({ kind }) => kind === 'copyData');
    for (let kind = lexer.nextCode(); kind !== Token.End; kind = lexer.nextCode()) {
      while ((data[this.#dataIndex]?.end ?? Infinity) <= lexer.start) this.#dataIndex++;
      const rows = data[this.#dataIndex];
      if (rows && rows.start <= lexer.start) lexer.end = rows.end;
      else if (kind === Token.Backslash) lexer.end = metaCommandAt(this.#text, lexer.start).next;
      else this.#token(kind);
    }
    return this.#uses;
  }

  #token(kind: Token): void {
    const lexer = this.#lexer;
    const brackets = this.#brackets;
    switch (kind) {
      case Token.Word:
        this.#advance('word');
        return;
      case Token.String:
      case Token.DollarString: {
        const last = this.#uses.at(-1);
        if (last && this.#previous.kind === 'variable') last.beforeString = true;
        this.#advance('string');
        return;
      }
      case Token.QuotedName:
      case Token.Number:
        this.#advance('operand');
        return;
      case Token.Parameter:
        this.#positional();
        return;
      case Token.Semicolon:
        brackets.length = 0;
        this.#advance('none');
        return;
      case Token.Open:
        brackets.push(/^JSON_OBJECT(AGG)?$/i.test(this.#previous.word) ? 'jsonObject' : 'parenthesis');
        this.#advance('other');
        return;
      case Token.Close:
        brackets.pop();
        this.#advance('operand');
        return;
      default:
        this.#character(this.#text.charAt(lexer.start));
    }
  }

  #character(char: string): void {
    const brackets = this.#brackets;
    if (char === '[') {
      brackets.push(this.#afterOperand() ? 'subscript' : 'array');
      this.#advance('other');
    } else if (char === ']') {
      brackets.pop();
      this.#advance('operand');
    } else if (char === ':') this.#colon();
    else this.#advance('other');
  }

  #colon(): void {
    const text = this.#text;
    const lexer = this.#lexer;
    const follower = text.charAt(lexer.end);
    if (follower === ':' || follower === '=') {
      lexer.end++;
      this.#advance('other');
      return;
    }
    const use = variableUse(text, lexer.start);
    // A plain name that begins with a digit is more likely a bound of a slice or a time.
    if (!use || (use.form === 'plain' && !startsWord(text.charCodeAt(lexer.end))) || this.#isServerColon(use.form)) {
      this.#advance('other');
      return;
    }
    lexer.end = use.end;
    this.#use(use.name, use.form);
  }

  /** Whether a colon after an operand belongs to a slice in a subscript, or separates key and value in JSON_OBJECT. */
  #isServerColon(form: ParameterForm): boolean {
    const bracket = this.#brackets.at(-1);
    return form !== 'test' && (bracket === 'subscript' || bracket === 'jsonObject') && this.#afterOperand();
  }

  #afterOperand(): boolean {
    const { kind, word } = this.#previous;
    if (kind === 'word') return !EXPECT_OPERAND.has(word.toUpperCase());
    return kind === 'operand' || kind === 'string' || kind === 'variable';
  }

  #positional(): void {
    const name = this.#lexer.slice();
    if (!/^\$\d+$/.test(name) || this.#hasServerParameters()) this.#advance('operand');
    else this.#use(name, 'positional');
  }

  #use(name: string, form: ParameterForm): void {
    const { kind } = this.#previous;
    const last = this.#uses.at(-1);
    if (last && kind === 'variable') last.beforeString = true;
    const { start, end } = this.#lexer;
    this.#uses.push({
      name,
      form,
      start,
      end,
      afterString: kind === 'string' || kind === 'variable',
      beforeString: false,
      ...(form === 'plain' && this.#brackets.at(-1) === 'subscript' && this.#previous.word === '['
        ? { perhapsSlice: true as const }
        : {}),
    });
    this.#advance('variable');
  }

  /** Whether `$1` is an argument (in a routine's body) or a parameter of the server (PREPARE, EXPLAIN (GENERIC_PLAN)). */
  #hasServerParameters(): boolean {
    const statement = this.#split.statements[lastStartingBefore(this.#split.statements, this.#lexer.start)];
    if (this.#serverParameters?.statement === statement) return this.#serverParameters?.found ?? false;
    const found = statement !== undefined && hasServerParameters(this.#text, statement);
    this.#serverParameters = { statement, found };
    return found;
  }

  #advance(kind: PreviousToken['kind']): void {
    const lexer = this.#lexer;
    const short = kind === 'word' || lexer.end - lexer.start === 1;
    this.#previous = { kind, word: short ? lexer.slice() : '' };
  }
}

function hasServerParameters(text: string, statement: Statement): boolean {
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
