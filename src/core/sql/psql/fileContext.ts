/** What a file says above a statement that is run on its own, and would be different if psql ran the file. */
import type { CommandPlace, PsqlState } from './psqlState';
import { beginModes, transactionAround } from './scriptSteps';
import { sessionChange } from '../settings/sessionEffects';
import { SessionSettings } from '../settings/sessionSettings';
import type { SplitText } from '../split/statements';

export type ContextCode =
  /** In a transaction that the file rolls back, that it does not end, or that it commits later. */
  | 'rolledBack'
  | 'neverCommitted'
  | 'committedLater'
  | 'readOnly'
  | 'autocommitOff'
  | 'connect'
  /** In a branch of an \if that psql skips, or may skip. */
  | 'skipped'
  | 'perhapsSkipped'
  /** The file sets parameters or a role first. */
  | 'settings';

export interface ContextFinding {
  readonly code: ContextCode;
  /** Where the file says so. */
  readonly start: number;
  readonly end: number;
  /** The command there, or the names of what is set. */
  readonly subject: string;
}

export interface FileContext {
  readonly findings: readonly ContextFinding[];
  /** What the file has set, to be applied if the user wants it. */
  readonly settings: SessionSettings;
}

/**
 * Reads a file up to a statement of it.
 *
 * @param state Of the file; it is advanced to the statement.
 */
export function fileContext(text: string, split: SplitText, offset: number, state: PsqlState): FileContext {
  const findings: ContextFinding[] = [];
  const add = (code: ContextCode, { start, end }: { start: number; end: number }, subject: string): void => {
    findings.push({ code, start, end, subject });
  };
  const addCommand = (code: ContextCode, place: CommandPlace): void => add(code, place, place.text);
  state.advance(offset);

  const around = transactionAround(text, split, offset);
  if (around) {
    const { begin, end, commits } = around;
    const code = end === undefined ? 'neverCommitted' : commits ? 'committedLater' : 'rolledBack';
    const place = end ?? begin;
    add(code, place, text.slice(place.start, place.end));
    if (beginModes(text, begin)['default_transaction_read_only'] === 'on') {
      add('readOnly', begin, text.slice(begin.start, begin.end));
    }
  } else if (state.autocommitOff) addCommand('autocommitOff', state.autocommitOff);
  if (state.connect) addCommand('connect', state.connect);
  const { condition } = state;
  if (condition) addCommand(condition.certain ? 'skipped' : 'perhapsSkipped', condition.place);

  const settings = new SessionSettings();
  let last: { start: number; end: number } | undefined;
  for (const statement of split.statements) {
    if (statement.start >= offset) break;
    const change = sessionChange(text, statement);
    if (change?.scope !== 'session' || change.effects === 'unclear' || change.effects.length === 0) continue;
    const rolledBack = transactionAround(text, split, statement.start);
    // Undone with its transaction, unless the statement is in the same one.
    if (rolledBack && !rolledBack.commits && rolledBack.begin !== around?.begin) continue;
    settings.apply(change.effects);
    last = statement;
  }
  const { names } = settings;
  if (last && names.length > 0) add('settings', last, names.join(', '));
  return { findings, settings };
}
