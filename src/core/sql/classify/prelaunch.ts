/** Checks before a launch: finds SQL that cannot work in a worker, or that the user should confirm. */
import type { FaultSpan } from '../../base/fault';
import { loneSurrogate } from '../../base/wellFormed';
import { splitFault, type PrelaunchFault } from '../faults';
import { utf8Length } from '../labels';
import { Cursor } from '../lexer/cursor';
import { launchText } from '../settings/launchSettings';
import { splitStatements } from '../split/statements';
import type { SplitText, Statement } from '../split/splitTypes';
import { classify } from './classify';

export type PrelaunchFinding = PrelaunchFault & {
  /** `error`: it cannot work. `confirm`: ask the user first. `info`: it works, but perhaps not as expected. */
  readonly severity: 'error' | 'confirm' | 'info';
  readonly span: FaultSpan;
};

/** The longest text value in PostgreSQL, in bytes of UTF-8: `MaxAllocSize` minus the length word of a varlena. */
export const MAX_SQL_BYTES = 2 ** 30 - 1 - 4;

/**
 * Checks a text that will run in one worker (docs/internals/pg-background.md). Findings are in the order of the text, those about
 * the whole text first. Takes time linear in its length.
 *
 * @param split the statements of the text, if already known
 * @param maxBytes for tests, because making a text of 1 GB takes too long
 */
export function checkBeforeLaunch(text: string, split?: SplitText, maxBytes = MAX_SQL_BYTES): PrelaunchFinding[] {
  const fault = wholeTextFault(text, maxBytes);
  if (fault) return [fault];

  const known = split ?? splitStatements(text);
  const { statements, problems } = known;
  if (statements.length === 0 && problems.length === 0) {
    return [{ severity: 'error', code: 'sql.empty', span: { start: 0, end: text.length } }];
  }
  const findings: PrelaunchFinding[] = problems.map((problem) => ({ severity: 'error', ...splitFault(problem) }));
  const { alone, ineffective } = launchText(text, known);
  for (const { name, start, end } of ineffective) {
    findings.push({ severity: 'info', code: 'sql.limitWithoutEffect', params: { name }, span: { start, end } });
  }
  let lostRows: PrelaunchFinding | undefined;
  statements.forEach((statement, index) => {
    const { start, end, keyword: command } = statement;
    const span = { start, end };
    const { kind, refusesTransactionBlock, unboundedWrite, returnsRows } = classify(text, statement);
    if (kind === 'transaction') {
      findings.push({ severity: 'error', code: 'sql.transactionControl', params: { command }, span });
    }
    if (kind === 'copy-client') findings.push({ severity: 'error', code: 'sql.clientCopy', span });
    if (refusesTransactionBlock !== undefined && statements.length > 1 && !alone) {
      const params = { command: refusesTransactionBlock };
      findings.push({ severity: 'error', code: 'sql.refusesTransactionBlock', params, span });
    }
    if (command === 'LISTEN') findings.push({ severity: 'error', code: 'sql.listen', span });
    if (statements.length === 1 && needsOtherStatements(text, statement)) {
      findings.push({ severity: 'error', code: 'sql.needsOtherStatements', params: { command }, span });
    }
    if (unboundedWrite) {
      findings.push({ severity: 'confirm', code: 'sql.unboundedWrite', params: { command: unboundedWrite }, span });
    }
    if (returnsRows === true && index < statements.length - 1) {
      lostRows ??= { severity: 'info', code: 'sql.onlyLastRows', span };
    }
  });
  if (lostRows) findings.push(lostRows);
  return findings.sort((a, b) => a.span.start - b.span.start);
}

/** Whether the server refuses a statement outside of a transaction block, because its effect would end with the statement itself. */
function needsOtherStatements(text: string, { start, end, keyword }: Statement): boolean {
  if (keyword === 'LOCK') return true;
  const cursor = new Cursor(text, start, end);
  return cursor.accept('DECLARE') && cursor.find('WITH', 'WITHOUT', 'FOR') && !cursor.is('WITH');
}

function wholeTextFault(text: string, maxBytes: number): PrelaunchFinding | undefined {
  // A code unit takes at most three bytes, so only texts near the limit are counted.
  if (text.length * 3 > maxBytes && (text.length > maxBytes || utf8Length(text) > maxBytes)) {
    return { severity: 'error', code: 'sql.tooLong', span: { start: 0, end: text.length } };
  }
  const nul = text.indexOf('\0');
  if (nul >= 0) return { severity: 'error', code: 'sql.nulCharacter', span: { start: nul, end: nul + 1 } };
  // A lone surrogate cannot be sent as UTF-8: it would arrive as another character (U+FFFD).
  const lone = loneSurrogate(text);
  if (lone < 0) return undefined;
  const before = text.slice(0, lone).split('\n');
  const params = { line: before.length, column: (before.at(-1) ?? '').length + 1 };
  return { severity: 'error', code: 'sql.loneSurrogate', params, span: { start: lone, end: lone + 1 } };
}
