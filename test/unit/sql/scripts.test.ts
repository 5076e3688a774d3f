import assert from 'node:assert/strict';
import { copyAsInserts } from '../../../src/core/sql/psql/copyData';
import { fileContext } from '../../../src/core/sql/psql/fileContext';
import { PsqlState } from '../../../src/core/sql/psql/psqlState';
import { scriptConcerns } from '../../../src/core/sql/psql/scriptConcerns';
import { scriptSteps } from '../../../src/core/sql/psql/scriptSteps';
import { effectsOf } from '../../../src/core/sql/settings/sessionEffects';
import { SessionSettings } from '../../../src/core/sql/settings/sessionSettings';
import { splitStatements } from '../../../src/core/sql/split/statements';

describe('session settings of statements', () => {
  function after(...statements: string[]): ReturnType<SessionSettings['launch']> {
    const session = new SessionSettings();
    for (const statement of statements) session.apply(effectsOf(statement));
    return session.launch(false);
  }

  it('includes SET, RESET, and set_config, but not settings that end with a transaction', () => {
    assert.deepEqual(after('SET search_path TO app, "My Schema"', 'SET LOCAL work_mem = 1', "SET app.x = 'y'"), {
      settings: { search_path: 'app, "My Schema"', 'app.x': 'y' },
      prefix: '',
    });
    assert.deepEqual(after('SET a = 1', 'SET b = 2', 'RESET a', 'SET b TO DEFAULT').settings, {});
    assert.deepEqual(after("SELECT set_config('a', 'x', false)", "SELECT set_config('b', 'x', true)").settings, {
      a: 'x',
    });
    assert.deepEqual(after('SET TRANSACTION READ ONLY', 'SET CONSTRAINTS ALL DEFERRED').settings, {});
    // Texts are sent in the encoding of our connection.
    assert.deepEqual(after("SET client_encoding = 'LATIN1'", "SET NAMES 'LATIN1'").settings, {});
  });

  it('passes the role before the text, or as a setting if the statement must run alone', () => {
    const role = 'SET LOCAL ROLE "Boss"; ';
    assert.equal(after('SET ROLE "Boss"').prefix, role);
    assert.equal(after("SET role TO 'Boss'").prefix, role);
    assert.equal(
      after('SET SESSION AUTHORIZATION x', 'SET ROLE "Boss"').prefix,
      `SET LOCAL SESSION AUTHORIZATION "x"; ${role}`,
    );
    for (const end of ['RESET ROLE', 'SET ROLE NONE', 'SET SESSION AUTHORIZATION DEFAULT', 'DISCARD ALL']) {
      assert.equal(after('SET ROLE x', end).prefix, '', end);
    }
    assert.notEqual(after('SET ROLE x', 'RESET ALL').prefix, '');
    const session = new SessionSettings();
    session.apply(effectsOf('SET ROLE x'));
    assert.deepEqual(session.launch(true), { settings: { role: 'x' }, prefix: '' });
  });
});

describe('the steps of a script', () => {
  function steps(script: string): string[] {
    return scriptSteps(script, splitStatements(script)).steps.map(({ start, end, sent }) =>
      (sent?.text ?? script.slice(start, end)).trim(),
    );
  }

  it('are statements and whole transactions', () => {
    assert.deepEqual(steps('SELECT 1; BEGIN; SELECT 2; SELECT 3; COMMIT; COMMIT; SELECT 4'), [
      'SELECT 1',
      'SELECT 2; SELECT 3',
      'SELECT 4',
    ]);
    assert.deepEqual(steps('START TRANSACTION; SELECT 1; COMMIT AND CHAIN; SELECT 2; END; BEGIN; END;'), [
      'SELECT 1',
      'SELECT 2',
    ]);
  });

  it('skip transactions that psql rolls back', () => {
    for (const [script, code] of [
      ['BEGIN; DELETE FROM t; ROLLBACK; SELECT 1', 'script.rolledBack'],
      ['SELECT 1; BEGIN; DELETE FROM t;', 'script.neverCommitted'],
    ] as const) {
      const { skipped } = scriptSteps(script, splitStatements(script));
      assert.deepEqual(steps(script), ['SELECT 1']);
      assert.deepEqual(
        skipped.map(({ code }) => code),
        [code],
      );
    }
  });

  it('have the transaction modes of BEGIN', () => {
    const script = 'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT 1; COMMIT;';
    assert.deepEqual(scriptSteps(script, splitStatements(script)).steps[0]!.modes, {
      default_transaction_isolation: 'repeatable read',
      default_transaction_read_only: 'on',
    });
  });

  it('insert the rows of COPY and map later offsets', () => {
    const script = "BEGIN;\nCOPY t (a) FROM stdin;\nit's\n\\N\n\\.\nSELECT nosuch;\nCOMMIT;";
    const [step] = scriptSteps(script, splitStatements(script)).steps;
    const text = step!.sent!.text;
    assert.match(
      text,
      /;\nINSERT INTO t \(a\) OVERRIDING SYSTEM VALUE VALUES\n\('it''s'\),\n\(NULL\);\s+SELECT nosuch$/,
    );
    assert.equal(step!.start + step!.sent!.sourceOffset(text.indexOf('nosuch')), script.indexOf('nosuch'));
  });

  it('keep a COPY that INSERT cannot replace', () => {
    for (const options of [
      'WHERE a > 1',
      'WITH (ON_ERROR ignore)',
      'BINARY',
      'WITH (FORMAT csv, HEADER match)',
      'CSV FORCE NULL a',
    ]) {
      const copy = `COPY t FROM stdin ${options}`;
      assert.equal(copyAsInserts(copy, { start: 0, end: copy.length }, undefined), undefined, options);
    }
    const copy = 'COPY t FROM stdin';
    assert.equal(copyAsInserts(`${copy}\\xff`, { start: 0, end: 17 }, { start: 17, end: 21 }), undefined);
  });
});

describe('an effect that cannot be carried to later statements', () => {
  const codes = (...texts: string[]): string[] =>
    scriptConcerns(texts).map(
      ({ code, step, params }) => `${step} ${code.replace('script.', '')} ${Object.values(params).join()}`,
    );

  it('is found before anything runs', () => {
    assert.deepEqual(codes('CREATE TEMP TABLE IF NOT EXISTS x (a int)', 'SELECT 1'), ['0 temporary x']);
    assert.deepEqual(codes('CREATE VIEW pg_temp.v AS SELECT 1', 'SELECT 1'), ['0 temporary v']);
    assert.deepEqual(codes('SELECT 1 AS a INTO TEMP x', 'SELECT 1'), ['0 temporary x']);
    assert.deepEqual(codes('PREPARE p AS SELECT 1', 'EXECUTE p'), ['0 preparedStatement p']);
    assert.deepEqual(codes('DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'FETCH c'), ['0 heldCursor c']);
    assert.deepEqual(codes("LOAD 'auto_explain'", 'SELECT 1'), ["0 loadedLibrary 'auto_explain'"]);
    assert.deepEqual(codes('SELECT pg_advisory_lock(1)', 'SELECT 1'), ['0 sessionLock pg_advisory_lock']);
    assert.deepEqual(codes('INSERT INTO t DEFAULT VALUES', "INSERT INTO u VALUES (currval('s'))"), [
      '1 sequenceState currval',
    ]);
    assert.deepEqual(codes("SELECT set_config('a', b, false) FROM t", 'SELECT 1').length, 1);
    assert.deepEqual(codes('SET standard_conforming_strings = off', 'SELECT 1').length, 1);
    for (const code of ["PERFORM set_config('a.b', 'c', false);", 'SET search_path = a;', 'RAISE; SET ROLE x;']) {
      assert.equal(codes(`DO $$BEGIN ${code} END$$`, 'SELECT 1').length, 1, code);
    }
  });

  it('is not reported if no later statement needs it', () => {
    assert.deepEqual(codes('SELECT 1', 'CREATE TEMP TABLE x (a int)'), []);
    assert.deepEqual(codes('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; TABLE t', 'SELECT 1'), []);
    for (const code of ["PERFORM set_config('a.b', 'c', true);", 'SET LOCAL a.b = 1;', 'UPDATE t SET a = 1;']) {
      assert.deepEqual(codes(`DO $$BEGIN ${code} END$$`, 'SELECT 1'), [], code);
    }
    assert.deepEqual(codes('CREATE TEMP TABLE x ON COMMIT DROP AS SELECT 1; SELECT * FROM x', 'SELECT 1'), []);
    assert.deepEqual(codes('PREPARE p AS SELECT 1; EXECUTE p', 'SELECT 1'), []);
    assert.deepEqual(codes('INSERT INTO temp VALUES (1)', 'SELECT pg_advisory_xact_lock(1)', "SELECT 'currval'"), []);
    assert.deepEqual(
      codes("INSERT INTO t DEFAULT VALUES; SELECT currval('s')", "SELECT setval('s', 1), currval('s')"),
      [],
    );
  });
});

describe('the context of a statement in its file', () => {
  function above(script: string): string[] {
    const split = splitStatements(script);
    return fileContext(script, split, script.indexOf('HERE'), new PsqlState(script, split)).findings.map(({ code }) =>
      code.replace('context.', ''),
    );
  }

  it('includes transactions, connections, conditions, and settings', () => {
    assert.deepEqual(above('BEGIN; SELECT HERE; ROLLBACK;'), ['rolledBack']);
    assert.deepEqual(above('BEGIN; SELECT HERE; COMMIT;'), ['committedLater']);
    assert.deepEqual(above('BEGIN READ ONLY; SELECT HERE;'), ['neverCommitted', 'readOnly']);
    assert.deepEqual(above('\\set AUTOCOMMIT off\nSELECT HERE;'), ['autocommitOff']);
    assert.deepEqual(above('\\connect other\nSELECT HERE;'), ['connect']);
    assert.deepEqual(above('\\if :x\nSELECT HERE;\n\\endif'), ['perhapsSkipped']);
    assert.deepEqual(above('\\if 1\n\\else\nSELECT HERE;\n\\endif'), ['skipped']);
    assert.deepEqual(above('SET ROLE x; SELECT HERE;'), ['settings']);
  });

  it('does not include what has ended or makes no difference', () => {
    for (const script of [
      'BEGIN; COMMIT; SELECT HERE; BEGIN; COMMIT;',
      'SELECT HERE; SET ROLE x; BEGIN;',
      '\\if 1\nSELECT HERE;\n\\endif',
      '\\set AUTOCOMMIT off\n\\set AUTOCOMMIT on\nSELECT HERE;',
      "SET ROLE x; RESET ROLE; SET client_encoding = 'UTF8'; SELECT HERE;",
      'BEGIN; SET ROLE x; ROLLBACK; SELECT HERE;',
    ]) {
      assert.deepEqual(above(script), [], script);
    }
  });
});
