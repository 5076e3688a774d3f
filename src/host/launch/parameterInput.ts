/** What people type as the value of a variable. */
import type { ParameterUse, ParameterValue } from '../../core/sql/parameters';
import type { Known } from '../../core/sql/psql/commandArguments';

/** A variable of the texts that are to run. */
export interface Variable {
  /** The key of its value: `name`, or `$1` with its dollar. */
  readonly name: string;
  /** As it is written: `:name`, `:'name'`, `:"name"`, `$1`. */
  readonly written: string;
  /** A name of the database, so that NULL and numbers are only letters of it. */
  readonly identifier: boolean;
  /** Always a string constant. */
  readonly literal: boolean;
  /** What the script itself asks with \prompt. */
  readonly question?: string;
  /** What to begin with: the value that the script may give it, or itself if it may be no variable at all. */
  readonly suggested?: string;
}

/**
 * The variables of several texts, each once, in the order of their first use.
 *
 * @param hints What scripts say about them, without their values being certain.
 */
export function variablesOf(
  uses: readonly ParameterUse[],
  hints: (name: string) => Known | undefined = () => undefined,
): Variable[] {
  const variables = new Map<string, Variable>();
  for (const { name, form, perhapsSlice } of uses) {
    // Whether it has a value is known once the others are asked for.
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

/** Whether what was typed is the variable itself: then it stays as it is written, as psql leaves a variable without a value. */
export function leavesAsWritten(typed: string, { written }: Variable): boolean {
  return typed.trim() === written;
}

/**
 * `NULL` is NULL, a number is a number, `'…'` is the text between the quotes, and all else is the text that it is. What
 * begins with a zero or a plus is text: it is a code or a telephone number more often than a number.
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
