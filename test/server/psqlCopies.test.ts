import assert from 'node:assert/strict';
import { splitStatements } from '../../src/core/sql/split/statements';
import { psqlFile } from './psqlScript';
import { newDatabase, sharedServer, type TestServer } from './support';

/** Commands that are followed by rows, which look like SQL to a parser that does not expect them. */
const COMMANDS = [
  'COPY t FROM STDIN;',
  'copy t from stdout;',
  'COPY t (a) FROM STDIN WITH (FORMAT text);',
  'COPY (SELECT 1 FROM stdin) TO STDOUT;',
  'COPY t FROM STDIN \\g',
  'COPY t FROM STDIN \\gx',
  'COPY t FROM STDIN \\gdesc',
  'COPY t FROM STDIN \\r',
  "COPY t FROM STDIN; SELECT 'same line';",
  "COPY t FROM STDIN \\; SELECT 'joined';",
  "COPY t FROM STDIN \\;\nSELECT 'joined';",
  'COPY t FROM STDIN \\;\n\\g',
  "COPY t FROM STDIN \\;\n\\r\nSELECT 'reset';",
  "SELECT 'first' \\; COPY t FROM STDIN;",
  '\\copy t from stdin',
  '\\COPY t FROM STDIN',
  '\\Copy T From StdIn',
  '\\copy t from stdout',
  '\\copy t from pstdin',
  '\\copy t from pstdout',
  '\\copy t from stdin;',
  '\\copy t from stdin with (format text)',
  '\\copy t(a)from stdin',
  '\\copy t ( a ) from stdin',
  '\\copy public.t from stdin',
  '\\copy public . t (a) from stdin',
  '\\copy "public"."t"("a")from stdin',
  '\\copy "t from x" from stdin',
  '\\copy "a""b" from stdin',
  "\\copy t from 'a from stdin b'",
  '\\copy t from from stdin',
  '\\copy t from /nowhere/stdin',
  "\\copy t from 'stdin'",
  "\\copy t from stdin delimiter ';'",
  '\\copy (select 1 from stdin ) to stdout',
  "\\copy (select 'a)' from stdin ) to stdout",
  "\\copy (select E'\\')' from stdin ) to stdout",
  '\\copy (select (1) from t) to stdout',
  "\\copy t from program 'true' from stdin",
  "\\copy t from program 'true'",
  '\\copy t to stdout',
  '\\copy t to stdin',
  '\\copy t where from stdin',
  '\\copy t',
  '\\copy',
  '\\copyright',
];

describe('COPY in psql’s scripts', () => {
  let server: TestServer;
  let database: string;

  before(async () => {
    server = await sharedServer();
    database = (await newDatabase(server, { extension: false })).database!;
    await psqlFile(
      server,
      database,
      'CREATE TABLE t (a text); CREATE TABLE "t from x" (a text); CREATE TABLE "a""b" (a text);',
    );
  });

  for (const command of COMMANDS) {
    it(`finds the statements that psql runs with ${JSON.stringify(command)}`, async () => {
      const script = `${command}\nSELECT 'row'; -- it's "one\n\\.\nSELECT 'after';\n`;
      const { stdout } = await psqlFile(server, database, script);
      // Outside of data, psql reports an error for \., whereas our splitter sees a command that the server does not know.
      const ran = [...stdout.matchAll(/^(row|after|same line|joined|first|reset)$/gm)].map(([, word]) => word);
      const found = splitStatements(script).statements.flatMap(({ start, end }) =>
        [...script.slice(start, end).matchAll(/'(row|after|same line|joined|first|reset)'/g)].map(([, word]) => word),
      );
      assert.deepEqual(found, ran, `${stdout}\n${script}`);
    });
  }
});
