/** The machine behind `splitStatements` and `updateSplit`; see statements.ts for the rules it follows. */
import { isSpace, upperWord } from '../lexer/characters';
import { Lexer, Token } from '../lexer/lexer';
import { copyDataEnd, metaCommandAt } from '../psql/psqlCommands';
import { countWhile } from '../../base/binarySearch';
import { skim, type SkimState } from './fastScan';
import type { SplitProblem, SplitProblemKind, SplitText, Statement } from './splitTypes';

/** What the words of the statement that is being read still decide about its end. */
enum Mode {
  /** Nothing: it ends at its next semicolon. */
  Plain,
  /** After CREATE, until it is known whether a routine is created. */
  Create,
  CreateOr,
  CreateOrReplace,
  /** In CREATE FUNCTION or PROCEDURE, before a body. */
  Routine,
  /** The word before was BEGIN: ATOMIC opens a body. */
  Begin,
  /** In a body, where a statement of it may begin: END closes the body. */
  BodyStart,
  /** In COPY. */
  Copy,
  /** The word before was FROM in COPY: STDIN means that data follows. */
  CopyFrom,
  CopyFromClient,
}

/** A place where a statement may end if what it left open is never closed. */
interface Repair {
  readonly end: number;
  readonly next: number;
  readonly problems: number;
}

const LINE_FEED = 10;
const DOT = 46;

/** Reads one text once. */
export class Splitter implements SkimState {
  readonly #lexer: Lexer;
  #statements: Statement[] = [];
  #problems: SplitProblem[] = [];

  at = 0;
  lastEnd = 0;
  depth = 0;
  openedAt = 0;

  // The statement that is being read; start < 0 between statements.
  #start = -1;
  #keyword = '';
  #mode = Mode.Plain;
  #bodies = 0;
  #bodyAt = 0;
  #cases = 0;
  #afterDotOrAs = false;
  #looseEnd = false;
  #firstInner: Repair | undefined;
  #afterLooseEnd: Repair | undefined;

  // The comments before it.
  #lead = -1;
  #leadOnOldLine = false;
  #newLine = true;

  /** How many COPY … FROM STDIN wait in psql's query buffer for the semicolon that sends them: each before it ended with `\;`. */
  #unsentCopies = 0;
  /** How many COPY … FROM STDIN on this line have their data below it. */
  #pendingCopies = 0;
  #repairedFrom = -1;
  #reread = 0;
  #rereadLimit = 0;
  /** Too much was left open: from here on each semicolon ends its statement, so that the time stays linear. */
  #blunt = false;

  readonly #text: string;

  constructor(text: string) {
    this.#text = text;

    this.#lexer = new Lexer(text);
  }

  /** Reads all of it. */
  run(): SplitText {
    this.#startAt(0);
    this.#read(() => false);
    return this.#result();
  }

  /** See `updateSplit`. `from` and `oldTo` enclose all changes in the old text; `delta` is how much longer it became. */
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
      // After a repair the rest depends on how much was read twice, so it is read to its end.
      if (this.#pendingCopies > 0 || this.#repairedFrom >= 0) return false;
      rest = candidate + 1;
      return true;
    });
    if (rest < 0) return this.#result();

    // From here on both texts are the same, and both were between statements: the old statements hold, shifted.
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
    // A byte order mark is no part of the SQL: psql -f skips it too.
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

  /** Reads until the end of the text, or until `met` says at the end of a statement that the rest is known. */
  #read(met: (boundary: number) => boolean): void {
    const lexer = this.#lexer;
    for (;;) {
      if (this.#pendingCopies > 0) {
        if (this.#skipCopyData()) continue;
      } else if (this.#mode === Mode.Plain && this.#bodies === 0 && this.#keyword !== '') {
        // No word can matter any more: most of most texts is read here.
        this.at = lexer.end;
        skim(this.#text, this);
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

  /** Comments before a blank line, or on the line of the statement before, do not belong to what comes now. */
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
    // Behind a parenthesis there is only ever a query.
    if (this.#start !== lexer.start) return;
    if (this.#keyword === 'CREATE') this.#mode = Mode.Create;
    else if (this.#keyword === 'COPY') this.#mode = Mode.Copy;
  }

  /** Follows the few words that decide where the statement ends. */
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
   * In a body, tells whether the word is an END that closes neither the body nor a CASE. To the server that is a name
   * (`SELECT 1 end;`); more likely somebody forgot the semicolon before it, which only matters when no END follows.
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

  /** Tells whether the semicolon ended a statement (or stands alone between statements). */
  #semicolon(): boolean {
    const lexer = this.#lexer;
    if (this.#start >= 0 && (this.depth > 0 || this.#bodies > 0) && !this.#blunt) {
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

  /** psql sends what is in its query buffer: the data of its copies are below this line. */
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
   * At the end of the text. A statement that left a parenthesis or a body open has swallowed the rest: ends it at its
   * first inner semicolon instead and goes on from there. Tells whether there is more to read.
   */
  #repair(): boolean {
    if (this.#start < 0) return false;
    const place = this.depth > 0 || this.#bodies > 0 ? (this.#afterLooseEnd ?? this.#firstInner) : undefined;
    if (!place) {
      this.#reportOpen();
      this.#finish(this.lastEnd, this.lastEnd, false);
      return false;
    }
    if (this.#repairedFrom < 0) {
      this.#repairedFrom = this.#start;
      this.#rereadLimit = 2 * (this.#text.length - this.#start) + 65_536;
    }
    this.#problems.length = place.problems;
    this.#reportOpen();
    this.#finish(place.end, place.next, true);
    this.#send();
    this.#lexer.end = place.next;
    this.#reread += this.#text.length - place.next;
    if (this.#reread > this.#rereadLimit) this.#blunt = true;
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

  /** Skips data of COPY … FROM STDIN, which begins below the line on which the command ended. */
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
