import assert from 'node:assert/strict';
import { splitStatements, statementAt, updateSplit } from '../../../src/core/sql/split/statements';

/** The statements of a text as written. */
function pieces(text: string): string[] {
  return splitStatements(text).statements.map(({ start, end }) => text.slice(start, end));
}

/** The problems of a text: what kind, and the part of the text. */
function problems(text: string): [string, string][] {
  return splitStatements(text).problems.map(({ kind, start, end }) => [kind, text.slice(start, end)]);
}

describe('splitStatements', () => {
  it('finds nothing in texts without a statement', () => {
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

  it('tells where a statement, its semicolon and its comments are', () => {
    const text = '-- about it\nselect 1 /* one */ ; select 2';
    assert.deepEqual(splitStatements(text).statements, [
      { leadStart: 0, start: 12, end: 20, next: 32, terminated: true, keyword: 'SELECT', seam: true },
      { leadStart: 33, start: 33, end: 41, next: 41, terminated: false, keyword: 'SELECT', seam: false },
    ]);
  });

  it('counts in UTF-16, astral characters as two', () => {
    const [first, second] = splitStatements("SELECT '🐘', é;SELECT 2").statements;
    assert.deepEqual([first!.start, first!.end, second!.start], [0, 14, 15]);
  });

  it('takes lone surrogates for letters, as PostgreSQL takes everything that is not ASCII', () => {
    assert.deepEqual(pieces('SELECT \ud83d;SELECT \udc18$$;SELECT 3'), [
      'SELECT \ud83d',
      'SELECT \udc18$$',
      'SELECT 3',
    ]);
  });

  it('leaves a byte order mark at the start out, and takes one elsewhere for a letter', () => {
    assert.deepEqual(pieces('\ufeffSELECT 1;\ufeffSELECT 2'), ['SELECT 1', '\ufeffSELECT 2']);
  });

  it('takes control characters for tokens that nobody knows, not for white space', () => {
    assert.deepEqual(pieces('\u0001;SELECT 1\u0007;\u001f'), ['\u0001', 'SELECT 1\u0007', '\u001f']);
  });

  it('takes carriage returns and line feeds in any mix for line ends', () => {
    assert.deepEqual(pieces('SELECT 1 -- ;\r;SELECT 2 -- ;\r\n;SELECT 3'), ['SELECT 1', 'SELECT 2', 'SELECT 3']);
  });

  it('gives the first word as keyword, behind parentheses too, and folds ASCII letters only', () => {
    const keywords = splitStatements('vacuum; (( select 1)); "x" y; 1; ſelect 1').statements.map(
      ({ keyword }) => keyword,
    );
    assert.deepEqual(keywords, ['VACUUM', 'SELECT', 'Y', '', 'ſelect']);
  });

  it('takes a dollar for a part of a name, of a parameter or for a quote, as PostgreSQL does', () => {
    assert.deepEqual(pieces('a$$;b$$'), ['a$$', 'b$$']);
    assert.deepEqual(pieces('$1$$;$$'), ['$1$$;$$']);
    assert.deepEqual(pieces('$1a$$;$$'), ['$1a$$', '$$']);
    assert.deepEqual(pieces('$1a;b$1'), ['$1a', 'b$1']);
    // As psql 18 sends it: the E belongs to the parameter, so that the backslash is no escape.
    assert.deepEqual(pieces("SELECT $1E'it\\'s;';SELECT 2"), ["SELECT $1E'it\\'s", "';SELECT 2"]);
    assert.deepEqual(pieces('$a b$;'), ['$a b$']);
    assert.deepEqual(pieces('$-$;$'), ['$-$', '$']);
  });

  it('takes names glued to numbers for their junk, a dollar in it included', () => {
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

  it('reads a sign behind an exponent as part of the number, so that no comment begins there', () => {
    assert.deepEqual(pieces('SELECT 1e--;\n2;'), ['SELECT 1e--', '2']);
    assert.deepEqual(pieces('SELECT 1--;\n+2;'), ['SELECT 1--;\n+2']);
  });

  describe('with parentheses', () => {
    it('lets no semicolon in them end a statement, as psql', () => {
      assert.deepEqual(pieces('SELECT (1; 2); SELECT 3;'), ['SELECT (1; 2)', 'SELECT 3']);
      assert.deepEqual(pieces('SELECT 1); SELECT 2;'), ['SELECT 1)', 'SELECT 2']);
      assert.deepEqual(pieces('SELECT (1; END; 2); SELECT 3;'), ['SELECT (1; END; 2)', 'SELECT 3']);
    });

    it('keeps one that is never closed to its own statement', () => {
      const text = 'SELECT 0; SELECT count(; SELECT a, (b) FROM t; SELECT 2;';
      assert.deepEqual(pieces(text), ['SELECT 0', 'SELECT count(', 'SELECT a, (b) FROM t', 'SELECT 2']);
      assert.deepEqual(problems(text), [['unclosedParenthesis', '(']]);
      assert.equal(splitStatements(text).problems[0]!.start, 22);
    });

    it('says of one at the end that it is not closed', () => {
      assert.deepEqual(pieces('SELECT (1'), ['SELECT (1']);
      assert.deepEqual(problems('SELECT ((1)'), [['unclosedParenthesis', '(']]);
    });

    it('stays fast where thousands are never closed', () => {
      const text = 'SELECT (1;\n'.repeat(60_000);
      const began = performance.now();
      assert.equal(splitStatements(text).statements.length, 60_000);
      assert.ok(performance.now() - began < 10_000, `${performance.now() - began} ms`);
    });
  });

  describe('with BEGIN ATOMIC', () => {
    const head = 'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC';

    it('ends a body that lacks the semicolon before END at that END, as psql', () => {
      const text = `${head} SELECT CASE WHEN a THEN b END; SELECT 1 END; SELECT 2;`;
      assert.deepEqual(pieces(text), [`${head} SELECT CASE WHEN a THEN b END; SELECT 1 END`, 'SELECT 2']);
      assert.deepEqual(problems(text), [['unclosedBody', 'ATOMIC']]);
    });

    it('takes the END of a CASE for no such END', () => {
      const body = `${head} SELECT 1; SELECT CASE WHEN a THEN b END END`;
      assert.deepEqual(pieces(`${body}; SELECT 2;`), [body, 'SELECT 2']);
    });

    it('keeps a body that is never closed to its own statement', () => {
      assert.deepEqual(pieces(`${head} SELECT 1; SELECT 2;`), [`${head} SELECT 1`, 'SELECT 2']);
      assert.deepEqual(problems(`${head} SELECT 1`), [['unclosedBody', 'ATOMIC']]);
    });

    it('closes a body in which a parenthesis was left open', () => {
      assert.deepEqual(pieces(`${head} SELECT (1; END; SELECT 2`), [`${head} SELECT (1; END`, 'SELECT 2']);
    });

    it('takes it for a body in routines only', () => {
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

  describe('with quotes that are never closed', () => {
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
      it(`says ${kind} of ${JSON.stringify(text)}`, () => {
        assert.deepEqual(problems(text), [[kind, cut]]);
        const { statements } = splitStatements(text);
        assert.equal(statements.length, 2);
        assert.deepEqual([statements[1]!.end, statements[1]!.terminated], [text.length, false]);
      });
    }

    it('says unterminatedComment, and leaves it out of the statement', () => {
      assert.deepEqual(problems('SELECT 1 /* a /* b */ ;'), [['unterminatedComment', '/* a /* b */ ;']]);
      assert.deepEqual(pieces('SELECT 1 /* a /* b */ ;'), ['SELECT 1']);
      assert.deepEqual(problems('/* a'), [['unterminatedComment', '/* a']]);
    });
  });

  describe('with psql’s meta-commands', () => {
    it('skips those between statements, and says so', () => {
      const text = "\\set x 'a;b'\nSELECT 1;\n  \\echo done; \r\nSELECT 2;\\q";
      assert.deepEqual(pieces(text), ['SELECT 1', 'SELECT 2']);
      assert.deepEqual(problems(text), [
        ['metaCommand', "\\set x 'a;b'"],
        ['metaCommand', '\\echo done;'],
        ['metaCommand', '\\q'],
      ]);
    });

    it('ends a statement where one sends it', () => {
      const text = 'SELECT 1 \\g\nSELECT 2 \\gset x_\nSELECT (3 \\gexec\nSELECT 4\\gx\\crosstabview';
      assert.deepEqual(pieces(text), ['SELECT 1', 'SELECT 2', 'SELECT (3', 'SELECT 4']);
      assert.deepEqual(splitStatements(text).statements.map(({ terminated, seam }) => [terminated, seam])[0], [
        true,
        false,
      ]);
    });

    it('lets the statement go on where one does not', () => {
      const text = 'SELECT 1 \\echo one; two\n + 2; SELECT 3';
      assert.deepEqual(pieces(text), ['SELECT 1 \\echo one; two\n + 2', 'SELECT 3']);
      assert.deepEqual(problems(text), [['metaCommand', '\\echo one; two']]);
    });

    it('forgets a statement that one resets', () => {
      assert.deepEqual(pieces('SELECT (1 \\r\nSELECT 2; SELECT 3 \\reset\n'), ['SELECT 2']);
    });

    it('goes on with SQL behind two backslashes, and with another command behind one', () => {
      assert.deepEqual(pieces('\\set a \'\\\\\' "\\\\" \\\\ SELECT 1; \\x \\\\SELECT 2;'), ['SELECT 1', 'SELECT 2']);
      assert.deepEqual(problems('\\x\\t on\\\\ SELECT 1'), [
        ['metaCommand', '\\x'],
        ['metaCommand', '\\t on'],
      ]);
    });

    it('gives the rest of the line to a command that takes it whole, and to what is no command', () => {
      assert.deepEqual(pieces('\\! echo \\\\ SELECT 1;\nSELECT 2; \\ SELECT 3; \\\\ SELECT 4;\nSELECT 5'), [
        'SELECT 2',
        'SELECT 5',
      ]);
      assert.deepEqual(pieces('\\h SELECT \\\\ SELECT 1;\n\\sf f \\\\ SELECT 2;\nSELECT 3'), ['SELECT 3']);
    });

    it('parts statements at a semicolon behind a backslash, which psql sends together', () => {
      assert.deepEqual(pieces('SELECT 1 \\; SELECT 2; SELECT 3'), ['SELECT 1', 'SELECT 2', 'SELECT 3']);
      assert.deepEqual(problems('SELECT 1 \\; SELECT 2'), [['metaCommand', '\\;']]);
      assert.deepEqual(pieces('SELECT 1 \\:x; \\:'), ['SELECT 1 \\:x', '\\:']);
    });

    it('sees no command in quotes and comments', () => {
      assert.deepEqual(problems("SELECT '\\g', \"\\g\", $$\\g$$, E'\\g' -- \\g\n /* \\g */;"), []);
    });
  });

  describe('with data for COPY', () => {
    it('skips it up to its end mark, and says so', () => {
      const text = "COPY t (a, b) FROM stdin WITH (DELIMITER ';');\n1;it's\n\\N;\\.\n (2\n\\.\nSELECT 1;";
      assert.deepEqual(pieces(text), ["COPY t (a, b) FROM stdin WITH (DELIMITER ';')", 'SELECT 1']);
      assert.deepEqual(problems(text), [['copyData', "1;it's\n\\N;\\.\n (2\n\\."]]);
    });

    it('takes all of the rest for data where the end mark is missing, as psql', () => {
      assert.deepEqual(pieces('COPY t FROM STDIN;\n1\nSELECT 2;\n'), ['COPY t FROM STDIN']);
      assert.deepEqual(problems('COPY t FROM STDIN;\n1\n'), [['copyData', '1\n']]);
      assert.deepEqual(problems('COPY t FROM STDIN;\n\n'), []);
    });

    it('begins below the line, whatever stands behind the semicolon', () => {
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

    it('knows it behind carriage returns, \\g and psql’s own \\copy', () => {
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

    it('reads the arguments of \\copy as psql does', () => {
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

    it('expects none for COPY from elsewhere, to the client, or of names that look like it', () => {
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

    it('expects it for FROM STDOUT too, which the server takes for the same', () => {
      assert.deepEqual(pieces('COPY t FROM STDOUT;\n;\n\\.\nSELECT 1;'), ['COPY t FROM STDOUT', 'SELECT 1']);
    });
  });

  describe('and leading comments', () => {
    function leads(text: string): string[] {
      return splitStatements(text).statements.map(({ leadStart, start }) => text.slice(leadStart, start));
    }

    it('attaches those directly before a statement', () => {
      assert.deepEqual(leads('-- a\n/* b\n\n c */\n-- d\nSELECT 1;\n-- e\nSELECT 2'), [
        '-- a\n/* b\n\n c */\n-- d\n',
        '-- e\n',
      ]);
      assert.deepEqual(leads('-- a\r\n-- b\r\nSELECT 1'), ['-- a\r\n-- b\r\n']);
      assert.deepEqual(leads('/* a */ SELECT 1; /* b */ SELECT 2'), ['/* a */ ', '/* b */ ']);
    });

    it('leaves those before an empty line, and on the line of the statement before', () => {
      assert.deepEqual(leads('-- a\n\n-- b\nSELECT 1; -- c\n-- d\nSELECT 2; /* e */\nSELECT 3'), [
        '-- b\n',
        '-- d\n',
        '',
      ]);
      assert.deepEqual(leads('-- a\r\n\r\nSELECT 1;-- c\n\nSELECT 2'), ['', '']);
    });

    it('leaves those before a meta-command', () => {
      assert.deepEqual(leads('-- a\n\\x\nSELECT 1'), ['']);
    });
  });
});

describe('updateSplit', () => {
  const text = Array.from({ length: 1000 }, (_, number) => `SELECT ${number};\n`).join('');

  it('keeps the statements before the change, and reads no further than it must', () => {
    const before = splitStatements(text);
    const at = text.indexOf('500');
    const after = updateSplit(before, [{ start: at, removed: 3, inserted: 4 }], text.replace('500', 'five'));
    assert.equal(after.statements[498], before.statements[498]);
    assert.equal(after.statements.length, 1000);
    assert.equal(after.statements[999]!.start, before.statements[999]!.start + 1);
    const same = updateSplit(before, [{ start: at, removed: 3, inserted: 3 }], text.replace('500', 'fix'));
    assert.equal(same.statements[501], before.statements[501]);
  });

  it('gives the same object where nothing changed', () => {
    const before = splitStatements(text);
    assert.equal(updateSplit(before, [], text), before);
  });

  it('reads all of it anew where the changes do not fit the text', () => {
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
    '-- nobody’s',
    '',
    '\tSELECT 6',
    '',
  ].join('\n');
  const split = splitStatements(text);

  function at(marker: string, shift = 0): string | undefined {
    const found = statementAt(split, text.indexOf(marker) + shift, text);
    return found && text.slice(found.start, found.end).replace(/\s+/g, ' ');
  }

  it('finds it anywhere between its first and last token', () => {
    assert.equal(at('SELECT 1'), 'SELECT 1');
    assert.equal(at('SELECT 1', 5), 'SELECT 1');
    assert.equal(at(', 3'), 'SELECT 2 , 3');
  });

  it('finds it in its leading comments, and before it on its line', () => {
    assert.equal(at('-- the second'), 'SELECT 2 , 3');
    assert.equal(at('the second', 6), 'SELECT 2 , 3');
    assert.equal(at('  SELECT 2'), 'SELECT 2 , 3');
    assert.equal(at('\tSELECT 6'), 'SELECT 6');
  });

  it('finds it at its semicolon, and behind it on the same line', () => {
    assert.equal(at(';'), 'SELECT 1');
    assert.equal(at(';', 1), 'SELECT 1');
    assert.equal(at('-- first', 8), 'SELECT 1');
    assert.equal(at(' ;  SELECT 4'), 'SELECT 2 , 3');
    assert.equal(at(' SELECT 4'), 'SELECT 2 , 3');
    assert.equal(at(';SELECT 5', 1), 'SELECT 5');
    assert.equal(at(';SELECT 5'), 'SELECT 4');
  });

  it('finds none on empty lines, and in comments that belong to none', () => {
    assert.equal(at('\n\n-- the second', 1), undefined);
    assert.equal(at('   \n-- nobody'), undefined);
    assert.equal(at('-- nobody', 3), undefined);
    assert.equal(statementAt(splitStatements(''), 0, ''), undefined);
  });

  it('gives all that follows to a last statement without a semicolon', () => {
    assert.equal(statementAt(split, text.length, text)?.keyword, 'SELECT');
    assert.equal(text.slice(statementAt(split, text.length, text)!.start), 'SELECT 6\n');
  });
});
