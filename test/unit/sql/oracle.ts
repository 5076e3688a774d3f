/** Uses PostgreSQL's parser (libpg-query) as the oracle for the boundaries of statements. */
import { loadModule, parseSync, scanSync } from 'libpg-query';

/** One statement as the parser sees it, in UTF-16 offsets. */
export interface OracleStatement {
  /** The start of its first token. */
  readonly start: number;
  /** The offset of its semicolon, or the end of the text. */
  readonly end: number;
  /** The name of its parse node, such as `SelectStmt`. */
  readonly node: string;
  readonly tree: Readonly<Record<string, unknown>>;
}

export const loadOracle = loadModule;

/** The statements of a text, or undefined if it has a syntax error. */
export function oracleStatements(text: string): OracleStatement[] | undefined {
  let parsed;
  try {
    parsed = parseSync(text);
  } catch {
    return undefined;
  }
  const offsets = utf16Offsets(text);
  return (parsed.stmts ?? []).map(({ stmt, stmt_location: from = 0, stmt_len: length = 0 }) => {
    const entry = Object.entries(stmt ?? {})[0];
    return {
      start: offsets(from),
      end: length === 0 ? text.length : offsets(from + length),
      node: entry?.[0] ?? '',
      tree: (entry?.[1] ?? {}) as Record<string, unknown>,
    };
  });
}

/** A token of PostgreSQL's lexer, in UTF-16 offsets. */
export interface OracleToken {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The tokens of a text without comments, or undefined if the lexer finds an error. */
export function oracleTokens(text: string): OracleToken[] | undefined {
  let scanned;
  try {
    scanned = scanSync(text);
  } catch {
    return undefined;
  }
  const offsets = utf16Offsets(text);
  return scanned.tokens
    .map((token) => ({ start: offsets(token.start), end: offsets(token.end), text: token.text }))
    .filter((token) => !token.text.startsWith('--') && !token.text.startsWith('/*'));
}

/** Converts offsets in UTF-8 to offsets in UTF-16. */
function utf16Offsets(text: string): (byte: number) => number {
  if (Buffer.byteLength(text) === text.length) return (byte) => byte;
  const map: number[] = [];
  let offset = 0;
  for (const char of text) {
    for (let byte = Buffer.byteLength(char); byte > 0; byte--) map.push(offset);
    offset += char.length;
  }
  return (byte) => map[byte] ?? text.length;
}
