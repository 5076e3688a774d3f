import assert from 'node:assert/strict';
import { splitStatements, statementAt, updateSplit } from '../../../src/core/sql/split/statements';

/** The statements of a text as written. */
function pieces(text: string): string[] {
  return splitStatements(text).statements.map(({ start, end }) => text.slice(start, end));
}

/** The problems of a text: their kinds and texts. */
function problems(text: string): [string, string][] {
  return splitStatements(text).problems.map(({ kind, start, end }) => [kind, text.slice(start, end)]);
}

describe('splitStatements', () => {
  it('finds no statement in blank texts and comments', () => {
    for (const text of [
      '',
      ' \n\t',
      ';',
      ' ; ;; ',
      '-- only a comment',
      '/* only ; */',
      '\ufeff',
      '\ufeff;',
      '-- a\n;/* b */;',
    ]) {
      assert.deepEqual(
        splitStatements(text),
        { length: text.length, statements: [], problems: [] },
        JSON.stringify(text),
      );
    }
  });

  it('returns the spans of a statement, its semicolon, and its comments', () => {
    const text = '-- about it\nselect 1 /* one */ ; select 2';
    assert.deepEqual(splitStatements(text).statements, [
      { leadStart: 0, start: 12, end: 20, next: 32, terminated: true, keyword: 'SELECT', seam: true },
      { leadStart: 33, start: 33, end: 41, next: 41, terminated: false, keyword: 'SELECT', seam: false },
    ]);
  });

  it('counts UTF-16 code units, two for astral characters', () => {
    const [first, second] = splitStatements("SELECT '🐘', é;SELECT 2").statements;
    assert.deepEqual([first!.start, first!.end, second!.start], [0, 14, 15]);
  });

  it('treats lone surrogates as letters, like all non-ASCII characters in PostgreSQL', () => {
    assert.deepEqual(pieces('SELECT \ud83d;SELECT \udc18$$;SELECT 3'), [
      'SELECT \ud83d',
      'SELECT \udc18$$',
      'SELECT 3',
    ]);
  });

  it('skips a byte order mark at the start and treats one elsewhere as a letter', () => {
    assert.deepEqual(pieces('\ufeffSELECT 1;\ufeffSELECT 2'), ['SELECT 1', '\ufeffSELECT 2']);
  });

  it('treats control characters as unknown tokens, not as white space', () => {
    assert.deepEqual(pieces('\u0001;SELECT 1\u0007;\u001f'), ['\u0001', 'SELECT 1\u0007', '\u001f']);
  });

  it('treats any mix of carriage returns and line feeds as line ends', () => {
    assert.deepEqual(pieces('SELECT 1 -- ;\r;SELECT 2 -- ;\r\n;SELECT 3'), ['SELECT 1', 'SELECT 2', 'SELECT 3']);
  });

  it('returns the first word as keyword, also after parentheses, and folds only ASCII letters', () => {
    const keywords = splitStatements('vacuum; (( select 1)); "x" y; 1; ſelect 1').statements.map(
      ({ keyword }) => keyword,
    );
    assert.deepEqual(keywords, ['VACUUM', 'SELECT', 'Y', '', 'ſelect']);
  });

  it('reads a dollar as part of a name or a parameter, or as a quote, like PostgreSQL', () => {
    assert.deepEqual(pieces('a$$;b$$'), ['a$$', 'b$$']);
    assert.deepEqual(pieces('$1$$;$$'), ['$1$$;$$']);
    assert.deepEqual(pieces('$1a$$;$$'), ['$1a$$', '$$']);
    assert.deepEqual(pieces('$1a;b$1'), ['$1a', 'b$1']);
    // As psql 18 sends it: the E belongs to the parameter, so the backslash does not escape.
    assert.deepEqual(pieces("SELECT $1E'it\\'s;';SELECT 2"), ["SELECT $1E'it\\'s", "';SELECT 2"]);
    assert.deepEqual(pieces('$a b$;'), ['$a b$']);
    assert.deepEqual(pieces('$-$;$'), ['$-$', '$']);
  });

  it('reads names directly after numbers as junk, including dollars', () => {
    for (const number of [
      '1a$$',
      '1_0$$',
      '0x1$$',
      '1e5$$',
      '1e$$',
      '1._0$$',
      '1.5e5$$',
      '1.5e1_0$$',
      '.5a$$',
      '1.e$$',
    ]) {
      assert.deepEqual(pieces(`SELECT ${number};SELECT 2;$$`), [`SELECT ${number}`, 'SELECT 2', '$$'], number);
    }
    for (const number of ['1$$', '1.$$', '1.5$$', '.5$$', '1.5e-5$$', '1e+5$$', '1e+$$', '1..$$']) {
      assert.deepEqual(pieces(`SELECT ${number};$$;`), [`SELECT ${number};$$`], number);
    }
  });

  it('reads a sign after an exponent as part of the number, so that no comment begins there', () => {
    assert.deepEqual(pieces('SELECT 1e--;\n2;'), ['SELECT 1e--', '2']);
    assert.deepEqual(pieces('SELECT 1--;\n+2;'), ['SELECT 1--;\n+2']);
  });

  describe('with parentheses', () => {
    it('does not end a statement at a semicolon in parentheses, like psql', () => {
      assert.deepEqual(pieces('SELECT (1; 2); SELECT 3;'), ['SELECT (1; 2)', 'SELECT 3']);
      assert.deepEqual(pieces('SELECT 1); SELECT 2;'), ['SELECT 1)', 'SELECT 2']);
      assert.deepEqual(pieces('SELECT (1; END; 2); SELECT 3;'), ['SELECT (1; END; 2)', 'SELECT 3']);
    });

    it('limits an unclosed parenthesis to its statement', () => {
      const text = 'SELECT 0; SELECT count(; SELECT a, (b) FROM t; SELECT 2;';
      assert.deepEqual(pieces(text), ['SELECT 0', 'SELECT count(', 'SELECT a, (b) FROM t', 'SELECT 2']);
      assert.deepEqual(problems(text), [['unclosedParenthesis', '(']]);
      assert.equal(splitStatements(text).problems[0]!.start, 22);
    });

    it('reports an unclosed parenthesis at the end', () => {
      assert.deepEqual(pieces('SELECT (1'), ['SELECT (1']);
      assert.deepEqual(problems('SELECT ((1)'), [['unclosedParenthesis', '(']]);
    });

    it('stays linear with thousands of unclosed parentheses', () => {
      const text = 'SELECT (1;\n'.repeat(60_000);
      const began = performance.now();
      assert.equal(splitStatements(text).statements.length, 60_000);
      assert.ok(performance.now() - began < 10_000, `${performance.now() - began} ms`);
    });
  });

  describe('with BEGIN ATOMIC', () => {
    const head = 'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC';

    it('ends a body without a semicolon before END at that END, like psql', () => {
      const text = `${head} SELECT CASE WHEN a THEN b END; SELECT 1 END; SELECT 2;`;
      assert.deepEqual(pieces(text), [`${head} SELECT CASE WHEN a THEN b END; SELECT 1 END`, 'SELECT 2']);
      assert.deepEqual(problems(text), [['unclosedBody', 'ATOMIC']]);
    });

    it('does not treat the END of a CASE as the end of a body', () => {
      const body = `${head} SELECT 1; SELECT CASE WHEN a THEN b END END`;
      assert.deepEqual(pieces(`${body}; SELECT 2;`), [body, 'SELECT 2']);
    });

    it('limits an unclosed body to its statement', () => {
      assert.deepEqual(pieces(`${head} SELECT 1; SELECT 2;`), [`${head} SELECT 1`, 'SELECT 2']);
      assert.deepEqual(problems(`${head} SELECT 1`), [['unclosedBody', 'ATOMIC']]);
    });

    it('closes a body that contains an unclosed parenthesis', () => {
      assert.deepEqual(pieces(`${head} SELECT (1; END; SELECT 2`), [`${head} SELECT (1; END`, 'SELECT 2']);
    });

    it('recognizes a body only in routines', () => {
      assert.deepEqual(pieces('CREATE TABLE BEGIN ATOMIC; SELECT 1; END'), [
        'CREATE TABLE BEGIN ATOMIC',
        'SELECT 1',
        'END',
      ]);
      assert.deepEqual(pieces('BEGIN ATOMIC; SELECT 1; END'), ['BEGIN ATOMIC', 'SELECT 1', 'END']);
      assert.deepEqual(pieces('(CREATE FUNCTION f() BEGIN ATOMIC); SELECT 1'), [
        '(CREATE FUNCTION f() BEGIN ATOMIC)',
        'SELECT 1',
      ]);
    });
  });

  describe('with unclosed quotes', () => {
    for (const [kind, text, cut] of [
      ['unterminatedString', "SELECT 1; SELECT 'a; b\n", "'a; b\n"],
      ['unterminatedString', "SELECT 1; SELECT E'a\\'; b", "E'a\\'; b"],
      ['unterminatedString', "SELECT 1; SELECT E'a\\", "E'a\\"],
      ['unterminatedString', "SELECT 1; SELECT U&'; b", "U&'; b"],
      ['unterminatedString', "SELECT 1; SELECT 'a''", "'a''"],
      ['unterminatedName', 'SELECT 1; SELECT "a; b', '"a; b'],
      ['unterminatedName', 'SELECT 1; SELECT U&"a; b', 'U&"a; b'],
      ['unterminatedDollarQuote', 'SELECT 1; SELECT $a$; $b$ $$', '$a$; $b$ $$'],
      ['unterminatedDollarQuote', 'SELECT 1; SELECT $$; $a$', '$$; $a$'],
    ] as const) {
      it(`reports ${kind} for ${JSON.stringify(text)}`, () => {
        assert.deepEqual(problems(text), [[kind, cut]]);
        const { statements } = splitStatements(text);
        assert.equal(statements.length, 2);
        assert.deepEqual([statements[1]!.end, statements[1]!.terminated], [text.length, false]);
      });
    }

    it('reports unterminatedComment and excludes the comment from the statement', () => {
      assert.deepEqual(problems('SELECT 1 /* a /* b */ ;'), [['unterminatedComment', '/* a /* b */ ;']]);
      assert.deepEqual(pieces('SELECT 1 /* a /* b */ ;'), ['SELECT 1']);
      assert.deepEqual(problems('/* a'), [['unterminatedComment', '/* a']]);
    });
  });

  describe('with psql’s meta-commands', () => {
    it('skips and reports commands between statements', () => {
      const text = "\\set x 'a;b'\nSELECT 1;\n  \\echo done; \r\nSELECT 2;\\q";
      assert.deepEqual(pieces(text), ['SELECT 1', 'SELECT 2']);
      assert.deepEqual(problems(text), [
        ['metaCommand', "\\set x 'a;b'"],
        ['metaCommand', '\\echo done;'],
        ['metaCommand', '\\q'],
      ]);
    });

    it('ends a statement at a command that sends it', () => {
      const text = 'SELECT 1 \\g\nSELECT 2 \\gset x_\nSELECT (3 \\gexec\nSELECT 4\\gx\\crosstabview';
      assert.deepEqual(pieces(text), ['SELECT 1', 'SELECT 2', 'SELECT (3', 'SELECT 4']);
      assert.deepEqual(splitStatements(text).statements.map(({ terminated, seam }) => [terminated, seam])[0], [
        true,
        false,
      ]);
    });

    it('continues a statement after a command that does not send it', () => {
      const text = 'SELECT 1 \\echo one; two\n + 2; SELECT 3';
      assert.deepEqual(pieces(text), ['SELECT 1 \\echo one; two\n + 2', 'SELECT 3']);
      assert.deepEqual(problems(text), [['metaCommand', '\\echo one; two']]);
    });

    it('discards a statement at a command that resets it', () => {
      assert.deepEqual(pieces('SELECT (1 \\r\nSELECT 2; SELECT 3 \\reset\n'), ['SELECT 2']);
    });

    it('continues with SQL after two backslashes, and with another command after one', () => {
      assert.deepEqual(pieces('\\set a \'\\\\\' "\\\\" \\\\ SELECT 1; \\x \\\\SELECT 2;'), ['SELECT 1', 'SELECT 2']);
      assert.deepEqual(problems('\\x\\t on\\\\ SELECT 1'), [
        ['metaCommand', '\\x'],
        ['metaCommand', '\\t on'],
      ]);
    });

    it('treats the rest of the line as arguments of commands that take it whole and of unknown commands', () => {
      assert.deepEqual(pieces('\\! echo \\\\ SELECT 1;\nSELECT 2; \\ SELECT 3; \\\\ SELECT 4;\nSELECT 5'), [
        'SELECT 2',
        'SELECT 5',
      ]);
      assert.deepEqual(pieces('\\h SELECT \\\\ SELECT 1;\n\\sf f \\\\ SELECT 2;\nSELECT 3'), ['SELECT 3']);
    });

    it('separates statements at a semicolon after a backslash, which psql sends together', () => {
      assert.deepEqual(pieces('SELECT 1 \\; SELECT 2; SELECT 3'), ['SELECT 1', 'SELECT 2', 'SELECT 3']);
      assert.deepEqual(problems('SELECT 1 \\; SELECT 2'), [['metaCommand', '\\;']]);
      assert.deepEqual(pieces('SELECT 1 \\:x; \\:'), ['SELECT 1 \\:x', '\\:']);
    });

    it('ignores commands in quotes and comments', () => {
      assert.deepEqual(problems("SELECT '\\g', \"\\g\", $$\\g$$, E'\\g' -- \\g\n /* \\g */;"), []);
    });
  });

  describe('with data for COPY', () => {
    it('skips and reports data up to its end mark', () => {
      const text = "COPY t (a, b) FROM stdin WITH (DELIMITER ';');\n1;it's\n\\N;\\.\n (2\n\\.\nSELECT 1;";
      assert.deepEqual(pieces(text), ["COPY t (a, b) FROM stdin WITH (DELIMITER ';')", 'SELECT 1']);
      assert.deepEqual(problems(text), [['copyData', "1;it's\n\\N;\\.\n (2\n\\."]]);
    });

    it('treats the rest as data if the end mark is missing, like psql', () => {
      assert.deepEqual(pieces('COPY t FROM STDIN;\n1\nSELECT 2;\n'), ['COPY t FROM STDIN']);
      assert.deepEqual(problems('COPY t FROM STDIN;\n1\n'), [['copyData', '1\n']]);
      assert.deepEqual(problems('COPY t FROM STDIN;\n\n'), []);
    });

    it('expects data below the line, whatever follows the semicolon', () => {
      assert.deepEqual(pieces('COPY t FROM stdin; -- rows\n;\n\\.\nSELECT 1'), ['COPY t FROM stdin', 'SELECT 1']);
      assert.deepEqual(pieces('COPY t FROM stdin; SELECT 1;\n;\n\\.\nSELECT 2'), [
        'COPY t FROM stdin',
        'SELECT 1',
        'SELECT 2',
      ]);
      const twice = 'COPY a FROM stdin; COPY b FROM stdin;\n1\n\\.\n2\n\\.\nSELECT 1';
      assert.deepEqual(problems(twice), [
        ['copyData', '1\n\\.'],
        ['copyData', '2\n\\.'],
      ]);
      assert.deepEqual(pieces(twice), ['COPY a FROM stdin', 'COPY b FROM stdin', 'SELECT 1']);
    });

    it('recognizes data after carriage returns, \\g, and psql’s \\copy', () => {
      assert.deepEqual(pieces('COPY t FROM stdin;\r\n1\r\n\\.\r\nSELECT 1;'), ['COPY t FROM stdin', 'SELECT 1']);
      assert.deepEqual(pieces('COPY t FROM stdin \\g\n1\n\\.\nSELECT 1;'), ['COPY t FROM stdin', 'SELECT 1']);
      assert.deepEqual(pieces("\\copy t from stdin csv\n1;\n\\.\nSELECT 1; \\copy t from 'x'\nSELECT 2"), [
        'SELECT 1',
        'SELECT 2',
      ]);
    });

    it('counts copies at the semicolon or \\g that sends them', () => {
      const data = "it's\n\\.\n";
      for (const [text, expected] of [
        [`COPY t FROM stdin \\;\nSELECT 1;\n${data}SELECT 2;`, ['COPY t FROM stdin', 'SELECT 1', 'SELECT 2']],
        [`COPY t FROM stdin \\; SELECT 1 \\g\n${data}SELECT 2;`, ['COPY t FROM stdin', 'SELECT 1', 'SELECT 2']],
        [`COPY t FROM stdin \\;\n\\g\n${data}SELECT 2;`, ['COPY t FROM stdin', 'SELECT 2']],
        [
          `COPY a FROM stdin \\; COPY b FROM stdin;\n${data}${data}SELECT 2;`,
          ['COPY a FROM stdin', 'COPY b FROM stdin', 'SELECT 2'],
        ],
        ['COPY t FROM stdin \\;\n\\r\nSELECT 1;\nSELECT 2;', ['COPY t FROM stdin', 'SELECT 1', 'SELECT 2']],
        ['COPY t FROM stdin \\gdesc\nSELECT 1;', ['COPY t FROM stdin', 'SELECT 1']],
        ['COPY t FROM stdin \\;\nSELECT 1;', ['COPY t FROM stdin', 'SELECT 1']],
      ] as const) {
        assert.deepEqual(pieces(text), expected, text);
      }
    });

    it('reads the arguments of \\copy like psql', () => {
      const row = 'a "row\n\\.\n';
      for (const copy of [
        '\\COPY t FROM STDIN',
        '\\copy t from stdout',
        '\\copy t(a)from stdin',
        '\\copy "t x"from stdin;',
      ]) {
        assert.deepEqual(pieces(`${copy}\n${row}SELECT 1;`), ['SELECT 1'], copy);
      }
      for (const copy of [
        "\\copy t from 'a from stdin b'",
        '\\copy (select 1 from stdin ) to stdout',
        "\\copy t from program 'cat' from stdin",
        '\\copy t from pstdin',
        '\\copy t where from stdin',
        '\\copyx t from stdin',
      ]) {
        assert.deepEqual(pieces(`${copy}\nSELECT 1;`), ['SELECT 1'], copy);
      }
    });

    it('expects no data for COPY from other sources, to the client, or of similar names', () => {
      for (const copy of [
        "COPY t FROM 'stdin'",
        'COPY t TO stdin',
        "COPY t FROM PROGRAM 'x'",
        'COPY (SELECT 1 FROM stdin) TO STDOUT',
      ]) {
        assert.deepEqual(pieces(`${copy};\nSELECT 1;`), [copy, 'SELECT 1']);
      }
      assert.deepEqual(pieces('SELECT a FROM stdin;\nSELECT 1;'), ['SELECT a FROM stdin', 'SELECT 1']);
    });

    it('expects data for FROM STDOUT too, which means the same to the server', () => {
      assert.deepEqual(pieces('COPY t FROM STDOUT;\n;\n\\.\nSELECT 1;'), ['COPY t FROM STDOUT', 'SELECT 1']);
    });
  });

  describe('with leading comments', () => {
    function leads(text: string): string[] {
      return splitStatements(text).statements.map(({ leadStart, start }) => text.slice(leadStart, start));
    }

    it('attaches comments directly before a statement', () => {
      assert.deepEqual(leads('-- a\n/* b\n\n c */\n-- d\nSELECT 1;\n-- e\nSELECT 2'), [
        '-- a\n/* b\n\n c */\n-- d\n',
        '-- e\n',
      ]);
      assert.deepEqual(leads('-- a\r\n-- b\r\nSELECT 1'), ['-- a\r\n-- b\r\n']);
      assert.deepEqual(leads('/* a */ SELECT 1; /* b */ SELECT 2'), ['/* a */ ', '/* b */ ']);
    });

    it('does not attach comments before an empty line or on the line of the previous statement', () => {
      assert.deepEqual(leads('-- a\n\n-- b\nSELECT 1; -- c\n-- d\nSELECT 2; /* e */\nSELECT 3'), [
        '-- b\n',
        '-- d\n',
        '',
      ]);
      assert.deepEqual(leads('-- a\r\n\r\nSELECT 1;-- c\n\nSELECT 2'), ['', '']);
    });

    it('does not attach comments before a meta-command', () => {
      assert.deepEqual(leads('-- a\n\\x\nSELECT 1'), ['']);
    });
  });
});

describe('updateSplit', () => {
  const text = Array.from({ length: 1000 }, (_, number) => `SELECT ${number};\n`).join('');

  it('keeps the statements before the change and reads no more than needed', () => {
    const before = splitStatements(text);
    const at = text.indexOf('500');
    const after = updateSplit(before, [{ start: at, removed: 3, inserted: 4 }], text.replace('500', 'five'));
    assert.equal(after.statements[498], before.statements[498]);
    assert.equal(after.statements.length, 1000);
    assert.equal(after.statements[999]!.start, before.statements[999]!.start + 1);
    const same = updateSplit(before, [{ start: at, removed: 3, inserted: 3 }], text.replace('500', 'fix'));
    assert.equal(same.statements[501], before.statements[501]);
  });

  it('returns the same object if nothing changed', () => {
    const before = splitStatements(text);
    assert.equal(updateSplit(before, [], text), before);
  });

  it('splits the whole text if the changes do not match its length', () => {
    const before = splitStatements('SELECT 1; SELECT 2;');
    const other = "SELECT 'a;b'; SELECT 2; SELECT 3";
    assert.deepEqual(updateSplit(before, [{ start: 7, removed: 1, inserted: 2 }], other), splitStatements(other));
    assert.deepEqual(updateSplit(before, [], other), splitStatements(other));
  });
});

describe('statementAt', () => {
  const text = [
    'SELECT 1; -- first',
    '',
    '-- the second',
    '  SELECT 2',
    '  , 3 ;  SELECT 4;SELECT 5;',
    '   ',
    '-- unattached',
    '',
    '\tSELECT 6',
    '',
  ].join('\n');
  const split = splitStatements(text);

  function at(marker: string, shift = 0): string | undefined {
    const found = statementAt(split, text.indexOf(marker) + shift, text);
    return found && text.slice(found.start, found.end).replace(/\s+/g, ' ');
  }

  it('finds a statement between its first and last token', () => {
    assert.equal(at('SELECT 1'), 'SELECT 1');
    assert.equal(at('SELECT 1', 5), 'SELECT 1');
    assert.equal(at(', 3'), 'SELECT 2 , 3');
  });

  it('finds a statement in its leading comments and before it on its line', () => {
    assert.equal(at('-- the second'), 'SELECT 2 , 3');
    assert.equal(at('the second', 6), 'SELECT 2 , 3');
    assert.equal(at('  SELECT 2'), 'SELECT 2 , 3');
    assert.equal(at('\tSELECT 6'), 'SELECT 6');
  });

  it('finds a statement at its semicolon and after it on the same line', () => {
    assert.equal(at(';'), 'SELECT 1');
    assert.equal(at(';', 1), 'SELECT 1');
    assert.equal(at('-- first', 8), 'SELECT 1');
    assert.equal(at(' ;  SELECT 4'), 'SELECT 2 , 3');
    assert.equal(at(' SELECT 4'), 'SELECT 2 , 3');
    assert.equal(at(';SELECT 5', 1), 'SELECT 5');
    assert.equal(at(';SELECT 5'), 'SELECT 4');
  });

  it('finds no statement on empty lines and in unattached comments', () => {
    assert.equal(at('\n\n-- the second', 1), undefined);
    assert.equal(at('   \n-- unattached'), undefined);
    assert.equal(at('-- unattached', 3), undefined);
    assert.equal(statementAt(splitStatements(''), 0, ''), undefined);
  });

  it('finds the last statement without a semicolon at every later offset', () => {
    assert.equal(statementAt(split, text.length, text)?.keyword, 'SELECT');
    assert.equal(text.slice(statementAt(split, text.length, text)!.start), 'SELECT 6\n');
  });
});
