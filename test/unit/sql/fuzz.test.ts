import assert from 'node:assert/strict';
import { stripPsqlCommands } from '../../../src/core/sql/psql/stripPsqlCommands';
import { splitStatements, updateSplit } from '../../../src/core/sql/split/statements';
import type { SplitText, TextChange } from '../../../src/core/sql/split/splitTypes';
import { CORPUS } from './corpus';
import { loadOracle, oracleStatements, oracleTokens } from './oracle';
import { Random, fuzzMilliseconds, fuzzSeed } from './random';

/** Text that breaks lexers in unexpected positions. */
const SNIPPETS = [
  ...'\' " $ ; ( ) [ ] - / * + < = : . , e E u U n N x X b B & 0 1 _ a é 💥'.split(' '),
  ...[' ', '\n', '\r', '\t'],
  ...["''", '$$', '$a$', '/*', '*/', '--', '\r\n', '::', "E'", "U&'", 'U&"', "B'", '$1', '1e', '0x', '1.', '..', '; '],
  ...[' BEGIN ATOMIC ', ' BEGIN ', ' END ', ' END; ', ' CASE ', 'CREATE FUNCTION f() RETURNS int ', ' AS ', '(;', ';)'],
];
/** Text of psql or of broken SQL, which the oracle cannot judge. An update must still equal a full split. */
const PSQL_SNIPPETS = [
  ...['\\', '\\;', '\\g\n', '\\echo a\n', '\\.\n', '\n\\.\n', '\\r\n', "\\set a 'b", '\\copy t from stdin\n', '\\\\'],
  ...[
    'COPY t FROM STDIN;\n',
    'COPY t FROM STDIN;',
    'COPY t FROM STDIN \\; ',
    'COPY t FROM STDIN \\gdesc\n',
    '\\COPY (SELECT 1 FROM stdin) TO STDOUT\n',
    "\\copy t(a)from stdin 'x\n",
    '\\g\n',
    '1\t2\n',
    '-- note\n',
    '\n\n',
    'SELECT (1; ',
    'BEGIN ATOMIC; ',
    '\ufeff',
  ],
];
const SEPARATORS = [';', '; ', ';\n', ';;', ';\n\n', '; -- note\n', ';/* note */', '\n;\r\n', '; ; '];

/** The minimum number of judged texts per run. */
const ENOUGH = 300;

describe('the splitter with random texts', () => {
  const seed = fuzzSeed();
  before(async () => {
    console.log(`      seed ${seed} (SQL_FUZZ_SEED), ${fuzzMilliseconds()} ms each (SQL_FUZZ_MS)`);
    await loadOracle();
  });

  it('finds the same statements as the parser in valid mutations of the corpus', function () {
    this.timeout(0);
    const random = new Random(seed);
    let judged = 0;
    const began = Date.now();
    while (goesOn(began, judged)) {
      const text = mutated(random, joined(random, CORPUS), random.below(4), SNIPPETS);
      if (isBeyondOracle(text)) continue;
      const expected = oracleStatements(text);
      if (!expected) continue;
      judged++;
      const { statements, problems } = splitStatements(text);
      assert.deepEqual(
        statements.map(({ start, next, terminated }) => [start, terminated ? next - 1 : text.length]),
        expected.map(({ start, end }) => [start, end]),
        `statements of ${JSON.stringify(text)}`,
      );
      assert.deepEqual(problems, [], `problems of ${JSON.stringify(text)}`);
    }
    assert.ok(judged >= ENOUGH, `only ${judged} texts were valid`);
  });

  it('finds the same semicolons as the lexer in invalid mutations', function () {
    this.timeout(0);
    const random = new Random(seed + 1);
    let judged = 0;
    const began = Date.now();
    while (goesOn(began, judged)) {
      const text = mutated(random, joined(random, CORPUS), 1 + random.below(6), SNIPPETS);
      if (isBeyondOracle(text) || /atomic/i.test(text)) continue;
      const tokens = oracleTokens(text);
      const expected = tokens && separatedBySemicolons(tokens);
      if (!expected) continue;
      judged++;
      assert.deepEqual(
        splitStatements(text).statements.map(({ start, end }) => [start, end]),
        expected,
        `statements of ${JSON.stringify(text)}`,
      );
    }
    assert.ok(judged >= ENOUGH, `only ${judged} texts could be judged`);
  });

  it('finds the same statements after psql commands are removed', function () {
    this.timeout(0);
    const random = new Random(seed + 4);
    let judged = 0;
    const began = Date.now();
    while (goesOn(began, judged)) {
      const text = mutated(random, joined(random, CORPUS), 1 + random.below(4), PSQL_SNIPPETS);
      const split = splitStatements(text);
      const left = stripPsqlCommands(text, split);
      assert.equal(left.text.length, text.length, JSON.stringify(text));
      // \g and \; also end a statement inside a parenthesis, unlike the semicolon that replaces them.
      if (left.skipped === 0 || /\\[;gc]/.test(text)) continue;
      judged++;
      const places = ({ statements }: SplitText): number[][] => statements.map(({ start, end }) => [start, end]);
      const after = splitStatements(left.text);
      assert.deepEqual(places(after), places(split), `statements of ${JSON.stringify(text)}`);
      assert.deepEqual(stripPsqlCommands(left.text, after).skipped, 0, JSON.stringify(text));
    }
    assert.ok(judged >= ENOUGH, `only ${judged} texts had commands to leave out`);
  });

  it('returns the same after each update as after a full split', function () {
    this.timeout(0);
    const random = new Random(seed + 2);
    let judged = 0;
    const began = Date.now();
    while (goesOn(began, judged++)) {
      let text = mutated(random, joined(random, CORPUS), random.below(4), [...SNIPPETS, ...PSQL_SNIPPETS]);
      let split: SplitText = splitStatements(text);
      for (let edit = 0; edit < 8; edit++) {
        const { changes, newText } = edited(random, text);
        const updated = updateSplit(split, changes, newText);
        assert.deepEqual(
          updated,
          splitStatements(newText),
          `${JSON.stringify(text)} changed by ${JSON.stringify(changes)} to ${JSON.stringify(newText)}`,
        );
        text = newText;
        split = updated;
      }
    }
  });
});

/** Runs for the given time, and longer on a busy machine until enough texts are judged, but not forever. */
function goesOn(began: number, judged: number): boolean {
  const passed = Date.now() - began;
  return passed < fuzzMilliseconds() || (judged < ENOUGH && passed < 40_000);
}

function joined(random: Random, corpus: readonly string[]): string {
  let text = '';
  for (let count = 1 + random.below(5); count > 0; count--) text += random.pick(corpus) + random.pick(SEPARATORS);
  return random.chance(30) ? text.slice(0, -1) : text;
}

function mutated(random: Random, start: string, times: number, snippets: readonly string[]): string {
  let text = start;
  for (; times > 0; times--) {
    const at = boundary(text, random.below(text.length + 1));
    const to = boundary(text, Math.min(text.length, at + random.below(6)));
    const moved = boundary(text, random.below(text.length + 1));
    switch (random.below(4)) {
      case 0:
        text = text.slice(0, at) + text.slice(to);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(at, to) + text.slice(at);
        break;
      case 2:
        text = text.slice(0, moved) + text.slice(at, to) + text.slice(moved);
        break;
      default:
        text = text.slice(0, at) + random.pick(snippets) + text.slice(at);
    }
  }
  return text;
}

/** An offset that is not inside a surrogate pair, because the oracle does not accept lone surrogates. */
function boundary(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}

/** One to three replacements at once, like those of several cursors, in offsets of the old text. */
function edited(random: Random, text: string): { changes: TextChange[]; newText: string } {
  const changes: TextChange[] = [];
  let newText = text;
  let before = text.length;
  for (let count = 1 + (random.chance(20) ? random.below(3) : 0); count > 0 && before >= 0; count--) {
    const start = random.below(before + 1);
    const removed = Math.min(before - start, random.chance(50) ? 0 : random.below(random.chance(10) ? 80 : 5));
    const inserted = random.chance(75) ? random.pick([...SNIPPETS, ...PSQL_SNIPPETS, random.pick(CORPUS)]) : '';
    changes.push({ start, removed, inserted: inserted.length });
    newText = newText.slice(0, start) + inserted + newText.slice(start + removed);
    before = start - 1;
  }
  return { changes, newText };
}

/** Applies psql's rule to the oracle's tokens. Undefined for meta-commands and unclosed text, which need more than tokens. */
function separatedBySemicolons(
  tokens: readonly { readonly start: number; readonly end: number; readonly text: string }[],
): [number, number][] | undefined {
  const statements: [number, number][] = [];
  let depth = 0;
  let current: [number, number] | undefined;
  for (const { start, end, text } of tokens) {
    if (text === '\\') return undefined;
    if (text === ';' && depth === 0) {
      if (current) statements.push(current);
      current = undefined;
      continue;
    }
    if (text === '(') depth++;
    else if (text === ')') depth = Math.max(0, depth - 1);
    current = [current?.[0] ?? start, end];
  }
  if (depth > 0) return undefined;
  if (current) statements.push(current);
  return statements;
}

/**
 * libpg-query returns comments as tokens, and therefore ends a string before one where the server continues it; it reads $1and as
 * two tokens, whereas psql and the server read one invalid token; and only psql expects data below a client-side COPY.
 */
function isBeyondOracle(text: string): boolean {
  if (/'\s*--[^\n\r]*[\n\r]/.test(text) || /\$\d+[a-z_\u0080-\uffff]/i.test(text)) return true;
  return /from\s+std(in|out)/i.test(text) || text.includes('\\;');
}
