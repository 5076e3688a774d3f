/** The interface of all export formats. Each format has its own file in this folder; formats.ts creates them. */
import type { Row } from '../../../shared/rowCodec';
import type { SpoolColumn } from '../spool/spoolFormat';

/** Separators of CSV values, by their names in the setting. */
export const DELIMITERS = { comma: ',', semicolon: ';', tab: '\t' } as const;
export type Delimiter = (typeof DELIMITERS)[keyof typeof DELIMITERS];

export interface FormatOptions {
  /** CSV: the separator, by default a comma. Spreadsheets expect a semicolon in countries with a decimal comma. */
  readonly delimiter?: Delimiter;
  /**
   * CSV, TSV: put an apostrophe before values that a spreadsheet would run as a formula, that is, non-numbers that begin with `=`,
   * `+`, `-`, `@` or a control character (https://owasp.org/www-community/attacks/CSV_Injection).
   */
  readonly escapeFormulas?: boolean;
  /** CSV, TSV: write the column names as the first line. Default: true. */
  readonly header?: boolean;
  /** SQL INSERT: the table, optionally with its schema. Default: `result`. */
  readonly table?: readonly [name: string] | readonly [schema: string, name: string];
}

/**
 * Writes rows in one format.
 *
 * Formatters map strings to strings. The strings may be text, or bytes with one character per byte (latin1), which is how files are
 * written: all characters with a meaning in any format are ASCII, so nothing needs to be decoded.
 */
export interface Formatter {
  readonly head: string;
  row(values: Row): string;
  /** Fast path: formats a block of COPY lines, each with its newline. */
  readonly block?: (lines: string) => string;
  /**
   * Fast path: formats one COPY line that contains neither backslashes nor control characters except tabs, so that its values need no
   * decoding. Most lines are like that. Returns undefined if the line needs {@link row}.
   */
  readonly plain?: (line: string) => string | undefined;
  /** Call once, after all rows. */
  tail(): string;
}

/** Distinct column names: repeated names get a number, as in `id`, `id_2`. */
export function uniqueNames(columns: readonly SpoolColumn[]): string[] {
  const all = new Set(columns.map(({ name }) => name));
  const used = new Set<string>();
  return columns.map(({ name }) => {
    let unique = name;
    for (let i = 2; used.has(unique); i++) {
      // Skip names that another column already has.
      const candidate = `${name}_${i}`;
      if (!all.has(candidate)) unique = candidate;
    }
    used.add(unique);
    return unique;
  });
}
