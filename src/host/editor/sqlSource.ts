/** Determines the SQL to send for a target: without psql commands, and with the variables that its file sets. */
import { expandVariables } from '../../core/sql/parameters';
import type { VariableState } from '../../core/sql/psql/commandArguments';
import { PsqlState } from '../../core/sql/psql/psqlState';
import { stripPsqlCommands } from '../../core/sql/psql/stripPsqlCommands';
import type { ParsedText } from '../../core/sql/split/splitTypes';
import { splitStatements } from '../../core/sql/split/statements';
import type { SqlTarget } from './editorTargets';

/** A target and the SQL to send for it. */
export interface SqlSource {
  readonly target: SqlTarget;
  readonly sql: ParsedText;
  /** Maps an offset in `sql` to one in the target's text. */
  readonly sourceOffset: (offset: number) => number;
  /** The number of skipped psql commands. */
  readonly skipped: number;
  /** Variables that the file removed with `\unset`. */
  readonly unset: ReadonlySet<string>;
  /** The state of a variable whose value the file does not determine. */
  readonly hint: (name: string) => VariableState | undefined;
}

export function environment(name: string): string | undefined {
  return process.env[name];
}

/** Reads the SQL of targets. Targets of the same file must be read in the order of the file. */
export class SqlSourceReader {
  readonly #states = new Map<ParsedText, PsqlState>();
  /** The states at the end of each text. */
  readonly #ends = new Map<ParsedText, PsqlState>();

  /** @throws ValueError if replacing variables makes the text too long */
  read(target: SqlTarget): SqlSource {
    const { kind, text, start } = target.range;
    const { step } = target;
    const sent = step?.sent ?? { text, sourceOffset: (offset: number) => offset };
    let sql = parsed(sent.text);
    let skipped = 0;
    // A single statement contains psql commands only in its middle, where they cannot be removed.
    if (kind !== 'statement') {
      const stripped = stripPsqlCommands(sql.text, sql.split);
      skipped = stripped.skipped;
      if (skipped > 0) sql = parsed(stripped.text);
    }
    const source: SqlSource = {
      target,
      sql,
      sourceOffset: sent.sourceOffset,
      skipped,
      unset: new Set<string>(),
      hint: () => undefined,
    };
    if (!sql.text.includes(':') || !(target.source?.text ?? text).includes('\\')) return source;
    const file = target.source ?? parsed(text);
    const base = target.source ? start : 0;
    const state = stateOf(this.#states, file);
    const expansion = expandVariables(
      sql.text,
      (name, offset) => state.advance(base + sent.sourceOffset(offset)).variable(name),
      sql.split,
    );
    const atEnd = new Map(state.names.map((name) => [name, state.variable(name)]));
    const later = stateOf(this.#ends, file).advance(Infinity);
    return {
      ...source,
      sql: expansion.replaced === 0 ? sql : parsed(expansion.text),
      sourceOffset: (offset) => sent.sourceOffset(expansion.sourceOffset(offset)),
      unset: expansion.unset,
      hint: (name) => atEnd.get(name) ?? later.variable(name),
    };
  }
}

function parsed(text: string): ParsedText {
  return { text, split: splitStatements(text) };
}

function stateOf(states: Map<ParsedText, PsqlState>, file: ParsedText): PsqlState {
  let state = states.get(file);
  if (!state) states.set(file, (state = new PsqlState(file.text, file.split, environment)));
  return state;
}
