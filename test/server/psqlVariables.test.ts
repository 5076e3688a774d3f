import assert from 'node:assert/strict';
import { expandVariables } from '../../src/core/sql/parameters';
import { PsqlState } from '../../src/core/sql/psql/psqlState';
import { stripPsqlCommands } from '../../src/core/sql/psql/stripPsqlCommands';
import { splitStatements } from '../../src/core/sql/split/statements';
import { psqlFile } from './psqlScript';
import { newDatabase, sharedServer, type TestServer } from './support';

const ENVIRONMENT = { PGBG_VALUE: "it's" };

/** Commands of psql, and the statement that follows them. */
const SCRIPTS: readonly (readonly [string, string])[] = [
  ['\\set x 5', 'SELECT :x'],
  ["\\set x 'a b' c", "SELECT :'x'"],
  ['\\set x a \'b\'c "d e"', "SELECT :'x'"],
  ['\\set x', "SELECT 1 :x, :'x'"],
  ["\\set x ''", "SELECT :'x'"],
  ["\\set x 'it''s' '\\\\' 'tab\\tx' '\\x41\\101\\q'", "SELECT :'x'"],
  ['\\set x A"b"C', 'SELECT 1 AS :"x"'],
  ['\\set x 1\n\\set y :x:x', 'SELECT :y'],
  ['\\set y :x\n\\set x 1', 'SELECT :y'],
  ['\\set x a\n\\set y :\'x\' :"x"', "SELECT :'y'"],
  ["\\set x 'a b'\n\\set y :'x'", "SELECT :y || 'c'"],
  ['\\set x 1\n\\set y :{?x} :{?nosuch}', "SELECT :'y'"],
  ['\\set x 1', 'SELECT :{?x}, :{?nosuch}'],
  ['\\set x 1\n\\unset x', "SELECT ':x', :{?x}"],
  ['\\set x 1\n\\unset x', 'SELECT (ARRAY[1,2])[1:x] FROM (SELECT 2 AS x) q'],
  ['\\set x 2', 'SELECT (ARRAY[1,2,3])[1:x]'],
  ['\\set x int', 'SELECT 1::x, 1::int, :x 4'],
  ["\\set x ', 2'", 'SELECT 1:x'],
  ["\\set x 'SELECT 1, ''a'''", ':x'],
  ["\\set where 'WHERE true'", 'SELECT 1 :where'],
  ["\\set x ':y'\n\\set y 7", 'SELECT :x'],
  ["\\set x ':x'", "SELECT ':x', 1 -- :x"],
  ["\\set x 'a\\\\b'", "SELECT :'x', 'a':'x'"],
  ['\\set x 1', 'SELECT \':x\', "?column?", $$:x$$, /* :x */ :x FROM (SELECT 1) q'],
  ['\\getenv x PGBG_VALUE', "SELECT :'x'"],
  ['\\set x 1\n\\getenv x PGBG_NOWHERE', 'SELECT :x'],
  ['\\set x 1;', "SELECT :'x'"],
  ['\\set x 1 \\set y 2', 'SELECT :x, :y'],
  ['\\set x 1 \\\\ SELECT 0;', 'SELECT :x'],
  ['\\set é 1', 'SELECT :é'],
  ['\\set 1 one', "SELECT :'1', :1 FROM (SELECT 1 AS one) q"],
  ["\\set x-y 1\n\\set x 'unclosed\n\\set z 3", "SELECT :'z', ':x'"],
  ['\\if true\n\\set x 1\n\\else\n\\set x 2\n\\endif', 'SELECT :x'],
  ['\\if f\n\\set x 1\n\\elif y\n\\set x 2\n\\else\n\\set x 3\n\\endif', 'SELECT :x'],
  ['\\if false\n\\if true\n\\set x 1\n\\else\n\\set x 2\n\\endif\n\\else\n\\set x 3\n\\endif', 'SELECT :x'],
  ['\\set x 1\n\\if :{?x}\n\\set x 2\n\\endif', 'SELECT :x'],
  ['\\set AUTOCOMMIT', "SELECT :'AUTOCOMMIT'"],
];

describe('variables in psql’s scripts', () => {
  let server: TestServer;
  let database: string;

  before(async () => {
    server = await sharedServer();
    database = (await newDatabase(server, { extension: false })).database!;
  });

  for (const [commands, statement] of SCRIPTS) {
    it(`sends what psql sends for ${JSON.stringify(`${commands} … ${statement}`)}`, async () => {
      const script = `${commands}\n${statement};\n`;
      const { stdout } = await psqlFile(server, database, `\\set ECHO queries\n${script}`, { env: ENVIRONMENT });
      const split = splitStatements(script);
      const state = new PsqlState(script, split, (name) => (ENVIRONMENT as Record<string, string>)[name]);
      const { text } = expandVariables(stripPsqlCommands(script, split).text, (name, offset) => {
        // The test asks for no values, so unset variables remain unchanged.
        return state.advance(offset).variable(name) ?? { kind: 'unset' };
      });
      const sent = text.slice(text.length - text.trimEnd().split('\n').at(-1)!.length - 1).trim();
      assert.ok(stdout.split('\n').includes(sent), `sent ${sent}\npsql: ${stdout}`);
    });
  }
});
