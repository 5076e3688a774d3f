/** Removes psql commands that do not change which statements run, so that scripts written for psql can be run. */
import { isLikeSemicolon } from './psqlCommands';
import { lastStartingBefore, splitStatements } from '../split/statements';
import type { SplitProblem, SplitText } from '../split/splitTypes';

/** Commands that display something or configure psql. Without them, the same statements run. */
const DISPLAY = new Set(
  (
    '? C H L T a cd conninfo copyright echo encoding errverbose f getenv h help html l lo_list o out p print prompt ' +
    'pset qecho restrict s set setenv sf sv t timing unrestrict unset w warn write x z'
  ).split(' '),
);

/** Two backslashes after a command end it. */
const COMMAND_END = /[^\S\n]*\\\\/y;

/** A text without psql commands. */
export interface StrippedText {
  /** The text with blanks for the removed commands, so that offsets do not change. */
  readonly text: string;
  /** The number of removed commands. */
  readonly skipped: number;
  /** Commands that cannot be removed without changing the meaning of the text: `\connect`, `\i`, `\if`, `\copy`, `\gexec`, … */
  readonly refused: readonly SplitProblem[];
}

/** Removes the psql commands between statements that do not change which statements run. */
export function stripPsqlCommands(text: string, split: SplitText = splitStatements(text)): StrippedText {
  const refused: SplitProblem[] = [];
  const parts: string[] = [];
  let copied = 0;
  let skipped = 0;
  for (const problem of commandsBetween(split)) {
    const { start, end } = problem;
    const replacement = replacementOf(text.slice(start, end));
    if (replacement === undefined) {
      refused.push(problem);
      continue;
    }
    parts.push(text.slice(copied, start), replacement, ' '.repeat(end - start - replacement.length));
    skipped++;
    COMMAND_END.lastIndex = copied = end;
    if (!COMMAND_END.test(text)) continue;
    copied = COMMAND_END.lastIndex;
    parts.push(' '.repeat(copied - end));
  }
  if (skipped === 0) return { text, skipped, refused };
  return { text: parts.join('') + text.slice(copied), skipped, refused };
}

/** The text that replaces a command, or undefined if the command cannot be removed. */
function replacementOf(command: string): string | undefined {
  if (command === '\\;') return ' ;';
  const [, name = ''] = /^\\([^\s\\]*)/.exec(command) ?? [];
  if (isLikeSemicolon(name)) return ';';
  // Commands that begin with d describe something. The suffixes S, x, and + change how much is displayed.
  const displays = name.startsWith('d') || DISPLAY.has(name) || DISPLAY.has(name.replace(/[xS+]+$/, ''));
  return displays ? '' : undefined;
}

function commandsBetween(split: SplitText): SplitProblem[] {
  return split.problems.filter(({ kind, start }) => {
    if (kind !== 'metaCommand') return false;
    const before = split.statements[lastStartingBefore(split.statements, start)];
    return before === undefined || start >= before.end || start < before.start;
  });
}
