/** A form of SQL in which texts that differ only in literals, spacing, comments, and the case of keywords are equal. */
import { createHash } from 'node:crypto';
import { Lexer, Token } from './lexer/lexer';

/** Longer texts are compared by their beginning and their length: reading megabytes is not worth a hint about the duration. */
const MAX_LENGTH = 200_000;

/**
 * Returns the SQL with literals and parameters as `?`, names without quotes in lower case, one space between tokens, and without
 * comments and trailing semicolons. Lists of literals count as one, so that `IN (1, 2)` and `IN (1, 2, 3)` are equal.
 */
export function normalizedSql(sql: string): string {
  const lexer = new Lexer(sql.length > MAX_LENGTH ? sql.slice(0, MAX_LENGTH) : sql);
  const tokens: string[] = [];
  for (let kind = lexer.nextCode(); kind !== Token.End; kind = lexer.nextCode()) {
    if (isLiteral(kind)) {
      if (tokens.at(-1) === ',' && tokens.at(-2) === '?') tokens.pop();
      else tokens.push('?');
    } else if (kind === Token.Word) {
      tokens.push(lexer.slice().toLowerCase());
    } else {
      tokens.push(lexer.slice());
    }
  }
  while (tokens.at(-1) === ';') tokens.pop();
  if (sql.length > MAX_LENGTH) tokens.push(String(sql.length));
  return tokens.join(' ');
}

/** A short key that is equal for equal {@link normalizedSql}. */
export function sqlFingerprint(sql: string): string {
  return createHash('sha256').update(normalizedSql(sql)).digest('base64url').slice(0, 22);
}

function isLiteral(kind: Token): boolean {
  return kind === Token.String || kind === Token.DollarString || kind === Token.Number || kind === Token.Parameter;
}
