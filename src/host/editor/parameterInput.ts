/** What people type as the value of a variable. */
import type { ParameterUse, ParameterValue } from '../../core/sql/parameters';

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
}

/** The variables of several texts, each once, in the order of their first use. */
export function variablesOf(uses: readonly ParameterUse[]): Variable[] {
  const variables = new Map<string, Variable>();
  for (const { name, form } of uses) {
    const known = variables.get(name);
    const literal = form === 'literal' && (known?.literal ?? true);
    const identifier = form === 'identifier' || (known?.identifier ?? false);
    variables.set(name, { name, identifier, literal, written: known?.written ?? written(name, form) });
  }
  return [...variables.values()];
}

function written(name: string, form: ParameterUse['form']): string {
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
