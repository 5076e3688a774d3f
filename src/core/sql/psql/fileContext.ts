/** Finds differences between running a statement alone and running it as part of its whole file in psql. */
import type { FaultOf, FaultSpan } from '../../base/fault';
import type { ContextFaults } from '../faults';
import type { CommandRange, PsqlState } from './psqlState';
import { beginModes, transactionAround } from './scriptSteps';
import { sessionChange } from '../settings/sessionEffects';
import { SessionSettings } from '../settings/sessionSettings';
import type { SplitText, Statement } from '../split/splitTypes';

/** A finding; its span is that of the statement or command that causes the difference. */
export type ContextFinding = FaultOf<ContextFaults> & { readonly span: FaultSpan };

export interface FileContext {
  readonly findings: readonly ContextFinding[];
  /** The settings of the file before the statement, to be applied if the user wants them. */
  readonly settings: SessionSettings;
}

/**
 * Reads a file up to one of its statements.
 *
 * @param offset the start of the statement
 * @param state the file's psql state; it is advanced to the statement
 */
export function fileContext(text: string, split: SplitText, offset: number, state: PsqlState): FileContext {
  const findings: ContextFinding[] = [];
  state.advance(offset);

  const transaction = transactionAround(text, split, offset);
  if (transaction) {
    const { begin, end, commits } = transaction;
    const code =
      end === undefined ? 'context.neverCommitted' : commits ? 'context.committedLater' : 'context.rolledBack';
    const range = end ?? begin;
    findings.push({ code, params: { statement: text.slice(range.start, range.end) }, span: spanOf(range) });
    if (beginModes(text, begin)['default_transaction_read_only'] === 'on') {
      const statement = text.slice(begin.start, begin.end);
      findings.push({ code: 'context.readOnly', params: { statement }, span: spanOf(begin) });
    }
  } else if (state.autocommitOff) findings.push(commandFinding('context.autocommitOff', state.autocommitOff));
  if (state.connect) findings.push(commandFinding('context.connect', state.connect));
  const { condition } = state;
  if (condition) {
    const code = condition.certain ? 'context.skipped' : 'context.perhapsSkipped';
    findings.push(commandFinding(code, condition.command));
  }

  const settings = new SessionSettings();
  let last: Statement | undefined;
  for (const statement of split.statements) {
    if (statement.start >= offset) break;
    const change = sessionChange(text, statement);
    if (change?.scope !== 'session' || change.effects === 'unclear' || change.effects.length === 0) continue;
    const own = transactionAround(text, split, statement.start);
    // Undone with its transaction, unless the statement to run is in the same one.
    if (own && !own.commits && own.begin !== transaction?.begin) continue;
    settings.apply(change.effects);
    last = statement;
  }
  const { names } = settings;
  if (last && names.length > 0) {
    findings.push({ code: 'context.settings', params: { names: names.join(', ') }, span: spanOf(last) });
  }
  return { findings, settings };
}

type CommandCode = 'context.autocommitOff' | 'context.connect' | 'context.skipped' | 'context.perhapsSkipped';

function commandFinding(code: CommandCode, command: CommandRange): ContextFinding {
  return { code, params: { command: command.text }, span: spanOf(command) };
}

function spanOf({ start, end }: FaultSpan): FaultSpan {
  return { start, end };
}
