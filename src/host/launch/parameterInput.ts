/** Reads the typed values of variables. */
import type { ParameterUse, ParameterValue } from '../../core/sql/parameters';
import type { VariableState } from '../../core/sql/psql/commandArguments';

/** A variable of the texts to run. */
export interface Variable {
  /** The key of its value: the name, or `$1` with its dollar. */
  readonly name: string;
  /** As written: `:name`, `:'name'`, `:"name"`, `$1`. */
  readonly written: string;
  /** The value is the name of a database object, so NULL and numbers have no special meaning. */
  readonly identifier: boolean;
  /** The value is always a string constant. */
  readonly literal: boolean;
  /** The script's own question (`\prompt`). */
  readonly question?: string;
  /** The initial value: the one that the script may set, or the use itself if it may not be a variable. */
  readonly suggested?: string;
}

/**
 * The variables of several texts, without duplicates, in the order of their first use.
 *
 * @param hints the state of variables whose values the scripts do not determine
 */
export function variablesOf(
  uses: readonly ParameterUse[],
  hints: (name: string) => VariableState | undefined = () => undefined,
): Variable[] {
  const variables = new Map<string, Variable>();
  for (const { name, form, perhapsSlice } of uses) {
    // `:{?name}` only tests whether another use gets a value.
    if (form === 'test') continue;
    const known = variables.get(name);
    const literal = form === 'literal' && (known?.literal ?? true);
    const identifier = form === 'identifier' || (known?.identifier ?? false);
    const hint = hints(name);
    const value = hint?.kind === 'unset' ? undefined : hint?.value;
    const suggested = known ? known.suggested : (value ?? (perhapsSlice ? `:${name}` : undefined));
    variables.set(name, {
      name,
      identifier,
      literal,
      written: known?.written ?? written(name, form),
      ...(suggested === undefined ? {} : { suggested }),
      ...(hint?.kind === 'uncertain' && hint.question !== undefined ? { question: hint.question } : {}),
    });
  }
  return [...variables.values()];
}

function written(name: string, form: Exclude<ParameterUse['form'], 'test'>): string {
  switch (form) {
    case 'plain':
      return `:${name}`;
    case 'literal':
      return `:'${name}'`;
    case 'identifier':
      return `:"${name}"`;
    case 'positional':
      return name;
  }
}

/** Whether the typed value is the variable itself. It then stays as written, like a variable without a value in psql. */
export function leavesAsWritten(typed: string, { written }: Variable): boolean {
  return typed.trim() === written;
}

/**
 * Reads `NULL` as NULL, a number as a number, `'…'` as the text between the quotes, and everything else as text. Digits after a zero or
 * a plus are text, because they are more often a code or a telephone number.
 */
export function readValue(typed: string, variable: Variable): ParameterValue {
  if (variable.identifier) return typed.trim();
  const text = typed.trim();
  const quoted = /^'((?:[^']|'')*)'$/s.exec(text);
  if (quoted) return (quoted[1] ?? '').replaceAll("''", "'");
  if (variable.literal) return typed;
  if (/^null$/i.test(text)) return null;
  return /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? { number: text } : typed;
}
