/**
 * The shape of a statement: its keywords and names, with `…` instead of literals. Automatic labels are shapes, because every role on
 * the server can read a label (`application_name` in `pg_stat_activity`).
 */
import { Lexer, Token } from '../lexer/lexer';
import { metaCommandAt } from '../psql/psqlCommands';

/** Replaces hidden parts. */
export const ELLIPSIS = '…';

/** The maximum number of tokens to read; a label needs far fewer. */
const MAX_TOKENS = 2000;
/** Longer content of parentheses is hidden. UTF-16 code units. */
const MAX_GROUP = 20;
/** A longer select list is hidden, because the tables are more informative. UTF-16 code units. */
const MAX_SELECT_LIST = 12;
/** The maximum length of a name on the server. */
const MAX_NAME = 63;

/** Words that begin a subquery. */
const QUERIES: ReadonlySet<string> = new Set(['SELECT', 'WITH', 'VALUES', 'TABLE']);
/** Statements that prepare what follows them. */
const PREPARING: ReadonlySet<string> = new Set(['SET', 'BEGIN', 'START']);

interface ShapeToken {
  readonly text: string;
  /** There is no blank before it. */
  readonly glued: boolean;
  /** In upper case; '' if it is not a word. */
  readonly word: string;
}

/**
 * The first statements of a text, on one line, without literals (strings, dollar-quoted bodies, numbers, values of SET), comments, psql
 * commands, and long parts: `SELECT … FROM orders WHERE token = …`.
 */
export function shapeOf(sql: string): string {
  const { statements, complete } = read(sql);
  const main = statements.filter(([first]) => first && !PREPARING.has(first.word));
  const shapes = (main.length > 0 ? main : statements).map(statementShape);
  const shape = shapes.join('; ');
  return complete || shape.endsWith(ELLIPSIS) ? shape : `${shape} ${ELLIPSIS}`;
}

function read(sql: string): { readonly statements: readonly (readonly ShapeToken[])[]; readonly complete: boolean } {
  const lexer = new Lexer(sql, sql.charCodeAt(0) === 0xfeff ? 1 : 0);
  const statements: ShapeToken[][] = [];
  let tokens: ShapeToken[] = [];
  let end = -1;
  let depth = 0;
  let count = 0;
  const finish = (): void => {
    if (tokens.length > 0) statements.push(tokens);
    tokens = [];
    depth = 0;
  };
  for (let kind = lexer.nextCode(); kind !== Token.End; kind = lexer.nextCode()) {
    if (++count > MAX_TOKENS) {
      finish();
      return { statements, complete: false };
    }
    if (kind === Token.Backslash) {
      lexer.end = metaCommandAt(sql, lexer.start).next;
      continue;
    }
    if (kind === Token.Semicolon && depth === 0) {
      // The following text may be COPY data, which is not quoted.
      const copies = tokens[0]?.word === 'COPY' && tokens.some(({ word }) => word === 'STDIN');
      finish();
      if (copies) return { statements, complete: true };
      continue;
    }
    if (kind === Token.Open) depth++;
    if (kind === Token.Close && depth > 0) depth--;
    const text = shown(lexer, tokens.at(-1));
    // `'a'AS b` is the same as `'a' AS b`.
    const afterLiteral = tokens.at(-1)?.text === ELLIPSIS && /^[\p{L}_"…]/u.test(text);
    tokens.push({
      text,
      glued: lexer.start === end && !afterLiteral,
      word: kind === Token.Word ? text.toUpperCase() : '',
    });
    end = lexer.end;
  }
  finish();
  return { statements, complete: true };
}

/** The visible text of a token. */
function shown(lexer: Lexer, before: ShapeToken | undefined): string {
  switch (lexer.kind) {
    case Token.String:
    case Token.DollarString:
    case Token.Number:
      return ELLIPSIS;
    case Token.Word:
      return lexer.end - lexer.start > MAX_NAME ? ELLIPSIS : lexer.slice();
    case Token.QuotedName: {
      // A comparison with a quoted name is probably a string, because other database systems use double quotes for strings.
      const asValue = before !== undefined && (before.word === 'PASSWORD' || /^[=<>~|]$/.test(before.text));
      const named = lexer.end - lexer.start <= MAX_NAME + 2 && !lexer.unterminated;
      return named && !asValue ? lexer.slice() : ELLIPSIS;
    }
    default:
      return lexer.slice();
  }
}

function statementShape(all: readonly ShapeToken[]): string {
  const tokens = withoutLongLists(withoutGroups(withoutSetValues(all)));
  const shape = tokens.map(({ text, glued }, index) => (glued || index === 0 ? text : ` ${text}`)).join('');
  return shortened(shape);
}

/** Collapses lists that contain only literals, and lists of such lists. */
function shortened(shape: string): string {
  return shape
    .replaceAll(/[+-]? ?…(?:\s*,\s*[+-]? ?…)+/g, ELLIPSIS)
    .replaceAll(/\((?:…)\)(?:\s*,\s*\(…\))+/g, '(…)')
    .replaceAll(/…(?:\s*…)+/g, ELLIPSIS);
}

/** Hides the value of `SET name TO value`, which may be an unquoted word. */
function withoutSetValues(tokens: readonly ShapeToken[]): readonly ShapeToken[] {
  const first = tokens[0]?.word;
  if (first !== 'SET' && first !== 'ALTER') return tokens;
  let set = false;
  for (const [index, { word, text }] of tokens.entries()) {
    if (word === 'SET') set = true;
    else if (set && (word === 'TO' || word === 'ZONE' || text === '=')) {
      return [...tokens.slice(0, index + 1), { text: ELLIPSIS, glued: false, word: '' }];
    } else if (set && text === '(') return tokens;
  }
  return tokens;
}

/** Replaces the content of parentheses by `…` if it is long or a query. Nested parentheses are part of the outer group. */
function withoutGroups(tokens: readonly ShapeToken[]): readonly ShapeToken[] {
  const result: ShapeToken[] = [];
  let depth = 0;
  let from = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.text === '(' && depth++ === 0) from = index;
    if (depth === 0) result.push(token);
    if (token.text === ')' && depth > 0 && --depth === 0) result.push(group(tokens.slice(from, index + 1)));
  }
  if (depth > 0) result.push(group(tokens.slice(from)));
  return result;
}

function group(tokens: readonly ShapeToken[]): ShapeToken {
  const query = QUERIES.has(tokens[1]?.word ?? '');
  const text = shortened(
    tokens.map((token, index) => (token.glued || index === 0 ? token.text : ` ${token.text}`)).join(''),
  );
  const whole = !query && text.length <= MAX_GROUP + 2 && text.endsWith(')');
  return { text: whole ? text : `(${ELLIPSIS})`, glued: tokens[0]?.glued ?? false, word: '' };
}

/** Hides long lists between the command and its tables. */
function withoutLongLists(tokens: readonly ShapeToken[]): readonly ShapeToken[] {
  const at = (word: string, after = -1): number => tokens.findIndex((token, i) => i > after && token.word === word);
  const hidden: ShapeToken = { text: ELLIPSIS, glued: false, word: '' };
  const values = at('VALUES');
  if (values >= 0) return [...withoutColumns(tokens.slice(0, values + 1)), hidden];
  const select = at('SELECT');
  if (select < 0) return withoutColumns(tokens);
  const from = tokens.findIndex(
    (token, i) => i > select && token.word === 'FROM' && tokens[i - 1]?.word !== 'DISTINCT',
  );
  const head = withoutColumns(tokens.slice(0, select + 1));
  if (from < 0) return [...head, ...tokens.slice(select + 1)];
  const list = tokens.slice(select + 1, from);
  const length = list.reduce((sum, { text, glued }) => sum + text.length + (glued ? 0 : 1), 0);
  return [...head, ...(length <= MAX_SELECT_LIST ? list : [hidden]), ...tokens.slice(from)];
}

/** Hides the columns of `INSERT INTO t (a, b)`. */
function withoutColumns(tokens: readonly ShapeToken[]): readonly ShapeToken[] {
  if (tokens[0]?.word !== 'INSERT') return tokens;
  const columns = tokens.findIndex(({ text, word }) => word === '' && text.startsWith('('));
  return columns < 0 ? tokens : tokens.toSpliced(columns, 1);
}
