/**
 * The shape of a statement: its keywords and names, with `…` in place of every literal. Automatic labels are made of it, because
 * every role of the server can read a label (`application_name` in `pg_stat_activity`).
 */
import { Lexer, Token } from '../lexer/lexer';
import { metaCommandAt } from '../psql/psqlCommands';

/** Stands for what is not shown. */
export const ELLIPSIS = '…';

/** Tokens that are looked at; a label needs far fewer. */
const MOST_TOKENS = 2000;
/** The content of parentheses is shown up to this length. UTF-16 code units. */
const SHORT = 20;
/** A select list is shown up to this length: what it is selected from says more. */
const SHORT_LIST = 12;
/** No name is longer on the server. */
const MOST_NAME = 63;

/** Words that begin a subquery. */
const QUERIES: ReadonlySet<string> = new Set(['SELECT', 'WITH', 'VALUES', 'TABLE']);
/** Statements that prepare what follows them. */
const PREPARING: ReadonlySet<string> = new Set(['SET', 'BEGIN', 'START']);

interface Piece {
  readonly text: string;
  /** No blank stands between it and the piece before it. */
  readonly glued: boolean;
  /** In upper case; '' for everything but words. */
  readonly word: string;
}

/**
 * The first statements of a text, in one line, without literals (strings, dollar-quoted bodies, numbers, values of SET), comments,
 * commands of psql, and whatever is long: `SELECT … FROM orders WHERE token = …`.
 */
export function shapeOf(sql: string): string {
  const { statements, complete } = read(sql);
  const main = statements.filter(([first]) => first && !PREPARING.has(first.word));
  const shapes = (main.length > 0 ? main : statements).map(statementShape);
  const shape = shapes.join('; ');
  return complete || shape.endsWith(ELLIPSIS) ? shape : `${shape} ${ELLIPSIS}`;
}

function read(sql: string): { readonly statements: readonly (readonly Piece[])[]; readonly complete: boolean } {
  const lexer = new Lexer(sql, sql.charCodeAt(0) === 0xfeff ? 1 : 0);
  const statements: Piece[][] = [];
  let pieces: Piece[] = [];
  let end = -1;
  let depth = 0;
  let count = 0;
  const finish = (): void => {
    if (pieces.length > 0) statements.push(pieces);
    pieces = [];
    depth = 0;
  };
  for (let kind = lexer.nextCode(); kind !== Token.End; kind = lexer.nextCode()) {
    if (++count > MOST_TOKENS) {
      finish();
      return { statements, complete: false };
    }
    if (kind === Token.Backslash) {
      lexer.end = metaCommandAt(sql, lexer.start).next;
      continue;
    }
    if (kind === Token.Semicolon && depth === 0) {
      // What follows may be data, which has no quotes.
      const copies = pieces[0]?.word === 'COPY' && pieces.some(({ word }) => word === 'STDIN');
      finish();
      if (copies) return { statements, complete: true };
      continue;
    }
    if (kind === Token.Open) depth++;
    if (kind === Token.Close && depth > 0) depth--;
    const text = shown(lexer, pieces.at(-1));
    // `'a'AS b` is the same as `'a' AS b`.
    const afterLiteral = pieces.at(-1)?.text === ELLIPSIS && /^[\p{L}_"…]/u.test(text);
    pieces.push({
      text,
      glued: lexer.start === end && !afterLiteral,
      word: kind === Token.Word ? text.toUpperCase() : '',
    });
    end = lexer.end;
  }
  finish();
  return { statements, complete: true };
}

/** A token as it may be shown. */
function shown(lexer: Lexer, before: Piece | undefined): string {
  switch (lexer.kind) {
    case Token.String:
    case Token.DollarString:
    case Token.Number:
      return ELLIPSIS;
    case Token.Word:
      return lexer.end - lexer.start > MOST_NAME ? ELLIPSIS : lexer.slice();
    case Token.QuotedName: {
      // In other systems double quotes are for strings, and people mix them up: a comparison with one is likely such a mistake.
      const asValue = before !== undefined && (before.word === 'PASSWORD' || /^[=<>~|]$/.test(before.text));
      const named = lexer.end - lexer.start <= MOST_NAME + 2 && !lexer.unterminated;
      return named && !asValue ? lexer.slice() : ELLIPSIS;
    }
    default:
      return lexer.slice();
  }
}

function statementShape(all: readonly Piece[]): string {
  const pieces = withoutLongLists(withoutGroups(withoutSetValues(all)));
  const shape = pieces.map(({ text, glued }, index) => (glued || index === 0 ? text : ` ${text}`)).join('');
  return shortened(shape);
}

/** Lists of nothing but literals become one, and so do lists of such lists. */
function shortened(shape: string): string {
  return shape
    .replaceAll(/[+-]? ?…(?:\s*,\s*[+-]? ?…)+/g, ELLIPSIS)
    .replaceAll(/\((?:…)\)(?:\s*,\s*\(…\))+/g, '(…)')
    .replaceAll(/…(?:\s*…)+/g, ELLIPSIS);
}

/** `SET name TO value` takes a bare word as a text. */
function withoutSetValues(pieces: readonly Piece[]): readonly Piece[] {
  const first = pieces[0]?.word;
  if (first !== 'SET' && first !== 'ALTER') return pieces;
  let set = false;
  for (const [index, { word, text }] of pieces.entries()) {
    if (word === 'SET') set = true;
    else if (set && (word === 'TO' || word === 'ZONE' || text === '=')) {
      return [...pieces.slice(0, index + 1), { text: ELLIPSIS, glued: false, word: '' }];
    } else if (set && text === '(') return pieces;
  }
  return pieces;
}

/** The content of parentheses, if it is long or a query, becomes `…`. Groups are not nested here, however deep they are. */
function withoutGroups(pieces: readonly Piece[]): readonly Piece[] {
  const result: Piece[] = [];
  let depth = 0;
  let from = 0;
  for (const [index, piece] of pieces.entries()) {
    if (piece.text === '(' && depth++ === 0) from = index;
    if (depth === 0) result.push(piece);
    if (piece.text === ')' && depth > 0 && --depth === 0) result.push(group(pieces.slice(from, index + 1)));
  }
  if (depth > 0) result.push(group(pieces.slice(from)));
  return result;
}

function group(pieces: readonly Piece[]): Piece {
  const query = QUERIES.has(pieces[1]?.word ?? '');
  const text = shortened(
    pieces.map((piece, index) => (piece.glued || index === 0 ? piece.text : ` ${piece.text}`)).join(''),
  );
  const whole = !query && text.length <= SHORT + 2 && text.endsWith(')');
  return { text: whole ? text : `(${ELLIPSIS})`, glued: pieces[0]?.glued ?? false, word: '' };
}

/** Leaves out what stands between the words that say what is done and the names of what it is done to. */
function withoutLongLists(pieces: readonly Piece[]): readonly Piece[] {
  const at = (word: string, after = -1): number => pieces.findIndex((piece, i) => i > after && piece.word === word);
  const hidden: Piece = { text: ELLIPSIS, glued: false, word: '' };
  const values = at('VALUES');
  if (values >= 0) return [...withoutColumns(pieces.slice(0, values + 1)), hidden];
  const select = at('SELECT');
  if (select < 0) return withoutColumns(pieces);
  const from = pieces.findIndex(
    (piece, i) => i > select && piece.word === 'FROM' && pieces[i - 1]?.word !== 'DISTINCT',
  );
  const head = withoutColumns(pieces.slice(0, select + 1));
  if (from < 0) return [...head, ...pieces.slice(select + 1)];
  const list = pieces.slice(select + 1, from);
  const length = list.reduce((sum, { text, glued }) => sum + text.length + (glued ? 0 : 1), 0);
  return [...head, ...(length <= SHORT_LIST ? list : [hidden]), ...pieces.slice(from)];
}

/** `INSERT INTO t (a, b)`: the columns say little. */
function withoutColumns(pieces: readonly Piece[]): readonly Piece[] {
  if (pieces[0]?.word !== 'INSERT') return pieces;
  const columns = pieces.findIndex(({ text, word }) => word === '' && text.startsWith('('));
  return columns < 0 ? pieces : pieces.toSpliced(columns, 1);
}
