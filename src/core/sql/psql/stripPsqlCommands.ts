/** Running a script that was written for psql: what of it only psql itself is concerned with can be left out. */
import { lastStartingBefore, splitStatements, type SplitProblem, type SplitText } from '../split/statements';

/** Commands that show something, set how psql shows it, or guard it: without them the same statements run. */
const SHOWS = new Set(
  (
    '? C H L T a cd conninfo copyright echo encoding errverbose f getenv h help html l lo_list o out p print prompt ' +
    'pset qecho restrict s set setenv sf sv t timing unrestrict unset w warn write x z'
  ).split(' '),
);

const AFTER = /[^\S\n]*\\\\/y;

/** Commands that end a statement as a semicolon does, and only show its rows in another way. */
const SENDS = new Set(['g', 'gx', 'crosstabview']);

/** What was found of psql's commands between the statements of a text. */
export interface PsqlCommands {
  /** The text without them, of the same length: every offset is what it was. */
  readonly text: string;
  /** How many were left out. */
  readonly skipped: number;
  /** Those without which the text would mean something else: `\connect`, `\i`, `\if`, `\copy`, `\gexec` and the like. */
  readonly refused: readonly SplitProblem[];
}

/** Leaves out of a text what only concerns psql. */
export function withoutPsqlCommands(text: string, split: SplitText = splitStatements(text)): PsqlCommands {
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
    // Two backslashes behind a command end it, and belong to nothing else.
    AFTER.lastIndex = copied = end;
    if (!AFTER.test(text)) continue;
    copied = AFTER.lastIndex;
    parts.push(' '.repeat(copied - end));
  }
  if (skipped === 0) return { text, skipped, refused };
  return { text: parts.join('') + text.slice(copied), skipped, refused };
}

/** What stands for a command; undefined where it cannot be left out. */
function replacementOf(command: string): string | undefined {
  if (command === '\\;') return ' ;';
  const [, name = ''] = /^\\([^\s\\]*)/.exec(command) ?? [];
  if (SENDS.has(name)) return ';';
  // Those that begin with d describe something. Behind a name S, x and + say how much is shown, and how.
  const shows = name.startsWith('d') || SHOWS.has(name) || SHOWS.has(name.replace(/[xS+]+$/, ''));
  return shows ? '' : undefined;
}

function commandsBetween(split: SplitText): SplitProblem[] {
  return split.problems.filter(({ kind, start }) => {
    if (kind !== 'metaCommand') return false;
    const before = split.statements[lastStartingBefore(split.statements, start)];
    return before === undefined || start >= before.end || start < before.start;
  });
}
