/**
 * The state machine of `splitStatements` and `updateSplit`; see statements.ts for its rules.
 *
 * It stays in one class although it is long, because reading, repairing, and updating share most of its state.
 */
import { isSpace, upperWord } from '../lexer/characters';
import { Lexer, Token } from '../lexer/lexer';
import { copyDataEnd, metaCommandAt } from '../psql/psqlCommands';
import { countWhile } from '../../base/binarySearch';
import { fastScan, type ScanState } from './fastScan';
import type { SplitProblem, SplitProblemKind, SplitText, Statement } from './splitTypes';

/** How the next words of the current statement affect its end. */
enum Mode {
  /** They do not: it ends at its next semicolon. */
  Plain,
  /** After CREATE, until it is known whether it creates a routine. */
  Create,
  CreateOr,
  CreateOrReplace,
  /** In CREATE FUNCTION or PROCEDURE, before a body. */
  Routine,
  /** After BEGIN: ATOMIC opens a body. */
  Begin,
  /** In a body, at the start of one of its statements: END closes the body. */
  BodyStart,
  /** In COPY. */
  Copy,
  /** After FROM in COPY: STDIN means that data follows. */
  CopyFrom,
  CopyFromClient,
}

/** An inner semicolon that ends a statement if its parenthesis or body is never closed. */
interface InnerEnd {
  readonly end: number;
  readonly next: number;
  readonly problems: number;
}

const LINE_FEED = 10;
const DOT = 46;

/** Splits one text. Can be used once. */
export class Splitter implements ScanState {
  readonly #lexer: Lexer;
  #statements: Statement[] = [];
  #problems: SplitProblem[] = [];

  at = 0;
  lastEnd = 0;
  depth = 0;
  openedAt = 0;

  // The current statement; #start < 0 between statements.
  #start = -1;
  #keyword = '';
  #mode = Mode.Plain;
  #bodies = 0;
  #bodyAt = 0;
  #cases = 0;
  #afterDotOrAs = false;
  #looseEnd = false;
  #firstInner: InnerEnd | undefined;
  #afterLooseEnd: InnerEnd | undefined;

  // The comments before the current statement.
  #lead = -1;
  #leadOnOldLine = false;
  #newLine = true;

  /** The number of COPY … FROM STDIN in psql's query buffer that are not sent yet, because they end with `\;`. */
  #unsentCopies = 0;
  /** The number of COPY … FROM STDIN on this line whose data follows below it. */
  #pendingCopies = 0;
  #repairedFrom = -1;
  #reread = 0;
  #rereadLimit = 0;
  /** After too many repairs, each semicolon ends its statement, so that the time stays linear. */
  #simple = false;

  readonly #text: string;

  constructor(text: string) {
    this.#text = text;

    this.#lexer = new Lexer(text);
  }

  /** Splits the whole text. */
  run(): SplitText {
    this.#startAt(0);
    this.#read(() => false);
    return this.#result();
  }

  /** See `updateSplit`. `from` and `oldTo` enclose all changes in the old text; `delta` is the difference in length. */
  update(previous: SplitText, from: number, oldTo: number, delta: number): SplitText {
    const old = previous.statements;
    const repairedFrom = previous.repairedFrom ?? Infinity;
    let kept = countWhile(old, (statement) => statement.next < from && statement.start < repairedFrom);
    while (kept > 0 && old[kept - 1]?.seam === false) kept--;
    const restart = kept > 0 ? (old[kept - 1]?.next ?? 0) : 0;

    this.#statements = old.slice(0, kept);
    this.#problems = previous.problems.filter((problem) => problem.end <= restart);
    let candidate = countWhile(old, (statement) => statement.next < oldTo);
    let rest = -1;
    this.#startAt(restart);
    this.#read((boundary) => {
      const wanted = boundary - delta;
      while (candidate < old.length && (old[candidate]?.next ?? Infinity) < wanted) candidate++;
      const met = old[candidate];
      if (!met?.seam || met.next !== wanted || wanted < oldTo || met.start >= repairedFrom) return false;
      // After a repair, the rest depends on how much was read twice, so it must be read to its end.
      if (this.#pendingCopies > 0 || this.#repairedFrom >= 0) return false;
      rest = candidate + 1;
      return true;
    });
    if (rest < 0) return this.#result();

    // From here on both texts are equal, and both are between statements, so the old statements are valid with shifted offsets.
    const seam = (old[rest - 1]?.next ?? 0) + delta;
    for (let index = rest; index < old.length; index++) {
      const statement = old[index];
      if (statement) this.#statements.push(delta === 0 ? statement : shifted(statement, delta));
    }
    for (const problem of previous.problems) {
      if (problem.start + delta < seam) continue;
      this.#problems.push({ ...problem, start: problem.start + delta, end: problem.end + delta });
    }
    if (previous.repairedFrom !== undefined) this.#repairedFrom = previous.repairedFrom + delta;
    return this.#result();
  }

  #startAt(offset: number): void {
    // A byte order mark is not part of the SQL; psql -f skips it too.
    this.#lexer.end = offset === 0 && this.#text.charCodeAt(0) === 0xfeff ? 1 : offset;
    this.#newLine = offset === 0;
  }

  #result(): SplitText {
    const statements = this.#statements;
    const problems = this.#problems;
    const repairedFrom = this.#repairedFrom;
    const { length } = this.#text;
    return repairedFrom < 0 ? { length, statements, problems } : { length, statements, problems, repairedFrom };
  }

  /** Reads until the end of the text, or until `met` returns true at the end of a statement, because the rest is known. */
  #read(met: (boundary: number) => boolean): void {
    const lexer = this.#lexer;
    for (;;) {
      if (this.#pendingCopies > 0) {
        if (this.#skipCopyData()) continue;
      } else if (this.#mode === Mode.Plain && this.#bodies === 0 && this.#keyword !== '') {
        // No word matters any more. This reads most of a typical text.
        this.at = lexer.end;
        fastScan(this.#text, this);
        lexer.end = this.at;
      }
      const kind = lexer.next();
      if (lexer.newlines > 0) this.#newLine = true;
      switch (kind) {
        case Token.End:
          if (!this.#repair()) return;
          break;
        case Token.LineComment:
        case Token.BlockComment:
          if (lexer.unterminated) this.#problem('unterminatedComment', lexer.start, lexer.end);
          if (this.#start < 0) this.#comment();
          break;
        case Token.Semicolon:
          if (this.#semicolon() && met(lexer.end)) return;
          break;
        case Token.Backslash:
          this.#backslash();
          break;
        default:
          this.#token(kind);
      }
    }
  }

  #comment(): void {
    const lexer = this.#lexer;
    this.#dropDistantComments();
    if (this.#lead >= 0) return;
    this.#lead = lexer.start;
    this.#leadOnOldLine = !this.#newLine;
  }

  /** Drops comments before a blank line, or on the line of the previous statement: they do not belong to the next statement. */
  #dropDistantComments(): void {
    const { newlines } = this.#lexer;
    if (newlines > 1 || (newlines > 0 && this.#leadOnOldLine)) {
      this.#lead = -1;
    }
  }

  #token(kind: Token): void {
    const lexer = this.#lexer;
    if (this.#start < 0) this.#begin();
    if (lexer.unterminated) this.#problem(unterminatedKind(kind), lexer.start, lexer.end);
    if (kind === Token.Open) {
      if (this.depth++ === 0) this.openedAt = lexer.start;
    } else if (kind === Token.Close) {
      if (this.depth > 0) this.depth--;
    }
    if (this.#keyword === '' && kind === Token.Word) this.#firstWord();
    else if (this.#mode !== Mode.Plain || this.#bodies > 0) this.#follow(kind);
    this.lastEnd = lexer.end;
  }

  #begin(): void {
    this.#dropDistantComments();
    this.#start = this.#lexer.start;
    this.#keyword = '';
    this.#mode = Mode.Plain;
    this.depth = 0;
    this.#bodies = 0;
    this.#firstInner = undefined;
    this.#afterLooseEnd = undefined;
  }

  #firstWord(): void {
    const lexer = this.#lexer;
    this.#keyword = upperWord(this.#text, lexer.start, lexer.end);
    // After a parenthesis there can only be a query.
    if (this.#start !== lexer.start) return;
    if (this.#keyword === 'CREATE') this.#mode = Mode.Create;
    else if (this.#keyword === 'COPY') this.#mode = Mode.Copy;
  }

  /** Handles the few words that affect the end of the statement. */
  #follow(kind: Token): void {
    const lexer = this.#lexer;
    const word = kind === Token.Word;
    const looseEnd = this.#bodies > 0 && this.#followBody(word);
    switch (this.#mode) {
      case Mode.Plain:
      case Mode.CopyFromClient:
        break;
      case Mode.Create:
        if (lexer.is('OR')) this.#mode = Mode.CreateOr;
        else this.#mode = lexer.is('FUNCTION') || lexer.is('PROCEDURE') ? Mode.Routine : Mode.Plain;
        break;
      case Mode.CreateOr:
        this.#mode = lexer.is('REPLACE') ? Mode.CreateOrReplace : Mode.Plain;
        break;
      case Mode.CreateOrReplace:
        this.#mode = lexer.is('FUNCTION') || lexer.is('PROCEDURE') ? Mode.Routine : Mode.Plain;
        break;
      case Mode.Routine:
        if (word && this.depth === 0 && lexer.is('BEGIN')) this.#mode = Mode.Begin;
        break;
      case Mode.Begin:
        if (lexer.is('ATOMIC')) {
          if (this.#bodies++ === 0) this.#bodyAt = lexer.start;
          this.#cases = 0;
          this.#mode = Mode.BodyStart;
        } else if (!lexer.is('BEGIN')) this.#mode = Mode.Routine;
        break;
      case Mode.BodyStart:
        if (lexer.is('END')) {
          this.#bodies--;
          this.depth = 0;
        }
        this.#mode = lexer.is('CREATE') ? Mode.Create : Mode.Plain;
        break;
      case Mode.Copy:
        if (word && this.depth === 0 && !this.#afterDotOrAs && lexer.is('FROM')) this.#mode = Mode.CopyFrom;
        break;
      case Mode.CopyFrom:
        this.#mode = lexer.is('STDIN') || lexer.is('STDOUT') ? Mode.CopyFromClient : Mode.Copy;
        break;
    }
    this.#looseEnd = looseEnd;
    this.#afterDotOrAs = (kind === Token.Other && this.#text.charCodeAt(lexer.start) === DOT) || lexer.is('AS');
  }

  /**
   * Whether a word in a body is an END that closes neither the body nor a CASE. To the server it is a name (`SELECT 1 end;`), but more
   * likely the semicolon before it is missing, which matters only if no other END follows.
   */
  #followBody(word: boolean): boolean {
    if (!word || this.depth > 0 || this.#afterDotOrAs || this.#mode === Mode.BodyStart) return false;
    if (this.#lexer.is('CASE')) this.#cases++;
    else if (this.#lexer.is('END')) {
      if (this.#cases === 0) return true;
      this.#cases--;
    }
    return false;
  }

  /** Returns whether the semicolon ended a statement (or is alone between statements). */
  #semicolon(): boolean {
    const lexer = this.#lexer;
    if (this.#start >= 0 && (this.depth > 0 || this.#bodies > 0) && !this.#simple) {
      const here = { end: this.lastEnd, next: lexer.end, problems: this.#problems.length };
      this.#firstInner ??= here;
      if (this.#looseEnd) this.#afterLooseEnd ??= here;
      if (this.#bodies > 0) {
        this.#mode = Mode.BodyStart;
        this.#cases = 0;
      }
      this.#looseEnd = false;
      this.lastEnd = lexer.end;
      return false;
    }
    if (this.#start >= 0) this.#finish(this.lastEnd, lexer.end, true, true);
    else this.#betweenStatements();
    this.#send();
    return true;
  }

  #finish(end: number, next: number, terminated: boolean, plainly = false): void {
    if (terminated && this.#mode === Mode.CopyFromClient) this.#unsentCopies++;
    const before = this.#unsentCopies + this.#pendingCopies;
    this.#statements.push({
      start: this.#start,
      end,
      leadStart: this.#lead < 0 ? this.#start : this.#lead,
      next,
      terminated,
      keyword: this.#keyword,
      seam: plainly && before === 0,
    });
    this.#betweenStatements();
  }

  /** psql sends its query buffer: the data of its COPY commands follow below this line. */
  #send(): void {
    this.#pendingCopies += this.#unsentCopies;
    this.#unsentCopies = 0;
  }

  #betweenStatements(): void {
    this.#start = -1;
    this.#keyword = '';
    this.#mode = Mode.Plain;
    this.#bodies = 0;
    this.depth = 0;
    this.#afterDotOrAs = false;
    this.#looseEnd = false;
    this.#lead = -1;
    this.#leadOnOldLine = false;
    this.#newLine = false;
  }

  /**
   * Called at the end of the text. If a parenthesis or a body is not closed, its statement contains the rest of the text: ends the
   * statement at its first inner semicolon instead and continues from there. Returns whether there is more to read.
   */
  #repair(): boolean {
    if (this.#start < 0) return false;
    const innerEnd = this.depth > 0 || this.#bodies > 0 ? (this.#afterLooseEnd ?? this.#firstInner) : undefined;
    if (!innerEnd) {
      this.#reportOpen();
      this.#finish(this.lastEnd, this.lastEnd, false);
      return false;
    }
    if (this.#repairedFrom < 0) {
      this.#repairedFrom = this.#start;
      this.#rereadLimit = 2 * (this.#text.length - this.#start) + 65_536;
    }
    this.#problems.length = innerEnd.problems;
    this.#reportOpen();
    this.#finish(innerEnd.end, innerEnd.next, true);
    this.#send();
    this.#lexer.end = innerEnd.next;
    this.#reread += this.#text.length - innerEnd.next;
    if (this.#reread > this.#rereadLimit) this.#simple = true;
    return true;
  }

  #reportOpen(): void {
    if (this.#bodies > 0) this.#problem('unclosedBody', this.#bodyAt, this.#bodyAt + 6);
    else if (this.depth > 0) this.#problem('unclosedParenthesis', this.openedAt, this.openedAt + 1);
  }

  #backslash(): void {
    const lexer = this.#lexer;
    const command = metaCommandAt(this.#text, lexer.start);
    this.#problem('metaCommand', lexer.start, command.end);
    if (command.kind === 'colon') {
      if (this.#start < 0) this.#begin();
      this.lastEnd = command.end;
    } else if (this.#start >= 0 && command.kind === 'semicolon') {
      this.#finish(this.lastEnd, command.next, true);
    } else if (this.#start >= 0 && (command.kind === 'send' || command.kind === 'prepare')) {
      this.#finish(this.lastEnd, this.lastEnd, true);
    } else if (this.#start < 0 || command.kind === 'reset') {
      this.#betweenStatements();
    }
    if (command.kind === 'send') this.#send();
    else if (command.kind === 'reset' || command.kind === 'prepare') this.#unsentCopies = 0;
    if (command.copiesIn) this.#pendingCopies++;
    lexer.end = command.next;
  }

  /** Skips the data of COPY … FROM STDIN, which begins below the line on which the command ends. */
  #skipCopyData(): boolean {
    const text = this.#text;
    const lexer = this.#lexer;
    let at = lexer.end;
    while (at < text.length && isSpace(text.charCodeAt(at)) && text.charCodeAt(at) !== LINE_FEED) at++;
    if (at < text.length && text.charCodeAt(at) !== LINE_FEED) return false;
    const start = Math.min(at + 1, text.length);
    const end = copyDataEnd(text, start);
    if (text.slice(start, end).trim() !== '') this.#problem('copyData', start, end);
    lexer.end = end;
    this.#pendingCopies--;
    this.#newLine = true;
    return true;
  }

  #problem(kind: SplitProblemKind, start: number, end: number): void {
    this.#problems.push({ kind, start, end });
  }
}

function unterminatedKind(kind: Token): SplitProblemKind {
  if (kind === Token.QuotedName) return 'unterminatedName';
  return kind === Token.DollarString ? 'unterminatedDollarQuote' : 'unterminatedString';
}

function shifted(statement: Statement, delta: number): Statement {
  return {
    start: statement.start + delta,
    end: statement.end + delta,
    leadStart: statement.leadStart + delta,
    next: statement.next + delta,
    terminated: statement.terminated,
    keyword: statement.keyword,
    seam: statement.seam,
  };
}
