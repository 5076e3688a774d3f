import assert from 'node:assert/strict';
import { classify } from '../../../src/core/sql/classify/classify';
import { Cursor } from '../../../src/core/sql/lexer/cursor';
import { directivesOf, labelFor } from '../../../src/core/sql/directives';
import { labelFromSql, truncateLabel } from '../../../src/core/sql/labels';
import { launchText } from '../../../src/core/sql/settings/launchSettings';
import { Lexer, Token } from '../../../src/core/sql/lexer/lexer';
import { stringValue } from '../../../src/core/sql/lexer/literalValues';
import { metaCommandAt } from '../../../src/core/sql/psql/psqlCommands';
import { findParameters, substituteParameters } from '../../../src/core/sql/parameters';
import { checkBeforeLaunch } from '../../../src/core/sql/classify/prelaunch';
import { setParameters } from '../../../src/core/sql/settings/setStatement';
import { settingMs } from '../../../src/core/sql/settings/settingValue';
import { stripPsqlCommands } from '../../../src/core/sql/psql/stripPsqlCommands';
import { splitStatements, statementAt, updateSplit } from '../../../src/core/sql/split/statements';
import { transactionBlockRefusal } from '../../../src/core/sql/classify/transactionBlock';
import { parseBytes, parseDuration } from '../../../src/core/sql/settings/gucUnits';

const DEPTH = 5000;
const deep = (open: string, middle: string, close: string): string => open.repeat(DEPTH) + middle + close.repeat(DEPTH);

/** Texts nested so deep that a recursive function would overflow the stack. */
const TEXTS: Readonly<Record<string, string>> = {
  parentheses: `SELECT ${deep('(', '1', ')')}`,
  'a query in parentheses': deep('(', 'SELECT 1', ')'),
  'parentheses never closed': `SELECT ${'('.repeat(DEPTH)}`,
  'parentheses never opened': `SELECT 1${')'.repeat(DEPTH)}`,
  brackets: `SELECT ${deep('[', '1', ']')}`,
  'WITH in WITH': deep('WITH a AS (', 'SELECT 1', ') SELECT * FROM a'),
  'WITH in WITH, never closed': 'WITH a AS ('.repeat(DEPTH),
  'writes in WITH': deep('WITH a AS (', 'DELETE FROM t', ') SELECT * FROM a'),
  'EXPLAIN of WITHs': `EXPLAIN ANALYZE ${deep('WITH a AS (', 'DELETE FROM t', ') SELECT 1')}`,
  subqueries: deep('SELECT (', 'SELECT 1', ')'),
  'block comments': `SELECT ${deep('/*', ' x ', '*/')} 1`,
  'block comments never closed': '/*'.repeat(DEPTH),
  'dollar quotes': Array.from({ length: 500 }, (_, i) => `$q${i}$`).join('') + 'SELECT 1',
  'dollar quotes, nested': `DO ${Array.from({ length: 500 }, (_, i) => `$q${i}$`).join('')}${Array.from({ length: 500 }, (_, i) => `$q${499 - i}$`).join('')}`,
  'CASE and END': `SELECT ${deep('CASE WHEN true THEN ', '1', ' END')}`,
  'BEGIN ATOMIC bodies': deep('CREATE FUNCTION f() RETURNS int BEGIN ATOMIC ', 'SELECT 1; ', 'END; '),
  rules: deep('CREATE RULE r AS ON INSERT TO t DO (', 'SELECT 1', ')'),
  'CREATE SCHEMA elements': `CREATE SCHEMA s ${'CREATE TABLE t (a int) '.repeat(DEPTH)}`,
  'set_config in set_config': `SELECT ${deep('set_config(', "'a'", ", 'b', true)")}`,
  'settings in a row': `${"SET statement_timeout = '1s'; ".repeat(DEPTH)}VACUUM`,
  'quotes in quotes': `SELECT ${"'".repeat(2 * DEPTH)}`,
  'an E string of parts': `SET x = E'a'${"\n'b'".repeat(DEPTH)}`,
  variables: `SELECT ${deep('(:', 'x', ')')}`,
  'psql commands': '\\if true\n'.repeat(DEPTH),
  casts: `SELECT 1${'::int'.repeat(DEPTH)}`,
  labels: `${'-- label: x\n'.repeat(DEPTH)}SELECT 1`,
};

/** Every exported function that reads a text. */
const FUNCTIONS: Readonly<Record<string, (text: string) => unknown>> = {
  splitStatements,
  updateSplit: (text) => {
    const split = splitStatements(text);
    const change = { start: text.length >> 1, removed: 1, inserted: 1 };
    const changed = `${text.slice(0, change.start)};${text.slice(change.start + 1)}`;
    assert.deepEqual(updateSplit(split, [change], changed), splitStatements(changed));
  },
  statementAt: (text) => statementAt(splitStatements(text), text.length >> 1, text),
  classify: (text) => classify(text, { start: 0, end: text.length }),
  checkBeforeLaunch,
  launchText,
  setParameters: (text) => setParameters(text, { start: 0, end: text.length }),
  transactionBlockRefusal: (text) => transactionBlockRefusal(new Cursor(text, 0, text.length)),
  directivesOf,
  labelFor,
  labelFromSql,
  truncateLabel,
  findParameters,
  substituteParameters: (text) => substituteParameters(text, new Map()),
  stripPsqlCommands,
  metaCommandAt: (text) => metaCommandAt(text, 0),
  stringValue,
  settingMs,
  parseDuration,
  parseBytes,
  lexer: (text) => {
    const lexer = new Lexer(text);
    while (lexer.next() !== Token.End) continue;
  },
};

describe('texts nested 5,000 deep', () => {
  for (const [what, text] of Object.entries(TEXTS)) {
    it(`does not throw for ${what}`, () => {
      for (const [name, call] of Object.entries(FUNCTIONS)) {
        assert.doesNotThrow(() => call(text), name);
        assert.doesNotThrow(() => call(`${text}; ${text}`), name);
      }
    });
  }

  it('treats a WITH that is too deep to read as a write, so that its query is not wrapped', () => {
    const text = TEXTS['WITH in WITH']!;
    assert.equal(classify(text, { start: 0, end: text.length }).selectLike, false);
    const few = `${'WITH a AS ('.repeat(100)}SELECT 1${') SELECT * FROM a'.repeat(100)}`;
    assert.equal(classify(few, { start: 0, end: few.length }).selectLike, true);
  });
});
