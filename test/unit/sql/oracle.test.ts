import assert from 'node:assert/strict';
import { classify, type StatementKind } from '../../../src/core/sql/classify/classify';
import { splitStatements } from '../../../src/core/sql/split/statements';
import { BEYOND_ORACLE, CORPUS } from './corpus';
import { loadOracle, oracleStatements, type OracleStatement } from './oracle';

describe('statements, compared with PostgreSQL’s parser', function () {
  this.timeout(30_000);
  before(loadOracle);

  it('has a corpus of at least 300 different valid statements', () => {
    assert.ok(CORPUS.length >= 300, `${CORPUS.length} statements`);
    assert.equal(new Set(CORPUS).size, CORPUS.length);
    for (const sql of CORPUS) assert.equal(oracleStatements(sql)?.length, 1, `${JSON.stringify(sql)} is one statement`);
  });

  it('finds each single statement of the corpus from its first to its last token', () => {
    for (const sql of [...CORPUS, ...BEYOND_ORACLE]) {
      const { statements, problems } = splitStatements(sql);
      assert.equal(statements.length, 1, JSON.stringify(sql));
      assert.deepEqual(problems, [], JSON.stringify(sql));
      assert.equal(statements[0]!.terminated, false);
      assert.ok(isBlank(sql.slice(0, statements[0]!.start)), `before ${JSON.stringify(sql)}`);
      assert.ok(isBlank(sql.slice(statements[0]!.end)), `after ${JSON.stringify(sql)}`);
    }
  });

  for (const [name, separator] of Object.entries({
    'a semicolon': ';',
    'semicolons and lines': ';\n\n;\r\n',
    'comments with semicolons in them': ' /* ; */ ; -- ;\n',
  })) {
    it(`finds the boundaries of every statement of the corpus in one text, separated by ${name}`, () => {
      for (const sql of CORPUS) {
        const text = `SELECT 'before'${separator}${sql}\n${separator}${sql}\n${separator}SELECT 'after'`;
        assertSameAsOracle(text);
      }
      assertSameAsOracle(CORPUS.map((sql) => `${sql}\n${separator}`).join(''));
    });
  }

  it('finds the boundaries of all adjacent pairs in the corpus', () => {
    for (let index = 0; index + 2 < CORPUS.length; index++) {
      const [a = '', b = '', c = ''] = CORPUS.slice(index, index + 3);
      assertSameAsOracle(`${a}\n;${b}\n;\t${c}\n;`);
    }
  });

  it('limits a syntax error to its statement', () => {
    for (const wrong of [
      'SELECT FROM WHERE',
      'SELEC 1',
      ') SELECT 1',
      'SELECT 1 +',
      ']]',
      '1 2 3',
      'CREATE FUNCTION',
      'END',
    ]) {
      for (const sql of CORPUS) {
        const text = `${sql}\n;${wrong};${sql}\n;`;
        const found = splitStatements(text).statements.map(({ start, end }) => text.slice(start, end));
        assert.equal(found.length, 3, JSON.stringify(text));
        assert.equal(found[1], wrong);
        assert.equal(found[0], found[2]);
      }
    }
  });

  it('classifies every statement of the corpus like its parse node', () => {
    for (const sql of CORPUS) {
      const oracle = oracleStatements(sql)![0]!;
      const { kind, returnsRows, unboundedWrite, selectLike } = classify(sql, splitStatements(sql).statements[0]!);
      const expected = kindOf(oracle);
      // The parser reads TABLE t as SELECT * FROM t.
      assert.equal(kind === 'table' ? 'select' : kind, expected, `kind of ${JSON.stringify(sql)}`);
      assert.equal(returnsRows, rowsOf(expected, oracle), `rows of ${JSON.stringify(sql)}`);
      assert.equal(unboundedWrite, unboundedOf(oracle), `unbounded write of ${JSON.stringify(sql)}`);
      const query = ['select', 'values', 'table', 'with-select'].includes(kind);
      assert.equal(selectLike, query && !writesInWith(oracle), `selectLike of ${JSON.stringify(sql)}`);
    }
  });

  it('reports selectLike exactly for what the parser accepts in FROM', () => {
    for (const sql of CORPUS) {
      const statement = splitStatements(sql).statements[0]!;
      if (!classify(sql, statement).selectLike) continue;
      const wrapped = `SELECT * FROM (${sql.slice(statement.start, statement.end)}\n) AS q`;
      assert.equal(oracleStatements(wrapped)?.length, 1, JSON.stringify(wrapped));
    }
  });
});

function assertSameAsOracle(text: string): void {
  const expected = oracleStatements(text);
  assert.ok(expected, `the parser takes ${JSON.stringify(text)}`);
  const { statements, problems } = splitStatements(text);
  // COPY TO STDOUT is valid in a text for the server, so none of these is a problem.
  assert.deepEqual(problems, []);
  assert.deepEqual(
    statements.map(({ start, next, terminated }) => [start, terminated ? next - 1 : text.length]),
    expected.map(({ start, end }) => [start, end]),
    JSON.stringify(text.slice(0, 500)),
  );
  for (const { end, next, terminated } of statements) {
    if (!terminated) continue;
    assert.equal(text[next - 1], ';');
    assert.ok(
      isBlank(text.slice(end, next - 1)),
      `between ${end} and ${next} of ${JSON.stringify(text.slice(0, 500))}`,
    );
  }
}

/** White space and comments only. */
function isBlank(text: string): boolean {
  return text === '' || oracleStatements(text)?.length === 0;
}

type Tree = Readonly<Record<string, unknown>>;

function child(tree: Tree, name: string): Tree | undefined {
  return tree[name] as Tree | undefined;
}

function kindOf({ node, tree }: OracleStatement): StatementKind {
  switch (node) {
    case 'SelectStmt':
      if (leftmost(tree)['intoClause'] !== undefined) return 'utility';
      if (tree['withClause'] !== undefined) return 'with-select';
      return leftmost(tree)['valuesLists'] === undefined ? 'select' : 'values';
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'MergeStmt':
      if (tree['withClause'] !== undefined) return 'with-dml';
      return tree['returningClause'] === undefined ? 'dml' : 'returning';
    case 'ExplainStmt':
      return 'explain';
    case 'VariableShowStmt':
      return 'show';
    case 'ExecuteStmt':
      return 'execute';
    case 'FetchStmt':
      return tree['ismove'] === true ? 'utility' : 'fetch';
    case 'CallStmt':
      return 'call';
    case 'TransactionStmt':
      return 'transaction';
    case 'CopyStmt':
      return tree['filename'] === undefined ? 'copy-client' : 'utility';
    default:
      return 'utility';
  }
}

/** The first SELECT or VALUES of a UNION, which contains the INTO. */
function leftmost(tree: Tree): Tree {
  const left = child(tree, 'larg');
  return left ? leftmost(left) : tree;
}

function rowsOf(kind: StatementKind, { tree }: OracleStatement): boolean | 'unknown' {
  switch (kind) {
    case 'execute':
    case 'call':
      return 'unknown';
    case 'with-dml':
      return tree['returningClause'] !== undefined;
    default:
      return ['select', 'values', 'table', 'with-select', 'returning', 'explain', 'show', 'fetch'].includes(kind);
  }
}

function writes(tree: Tree): { readonly name: string; readonly tree: Tree }[] {
  const list = (child(tree, 'withClause')?.['ctes'] ?? []) as { CommonTableExpr: { ctequery: Tree } }[];
  return list.flatMap(({ CommonTableExpr: { ctequery } }) => {
    const [name, inner] = Object.entries(ctequery)[0]! as [string, Tree];
    return [...writes(inner), { name, tree: inner }];
  });
}

function writesInWith({ tree }: OracleStatement): boolean {
  return writes(tree).some(({ name }) => name !== 'SelectStmt');
}

function unboundedOf({ node, tree }: OracleStatement): 'UPDATE' | 'DELETE' | undefined {
  if (node === 'ExplainStmt') {
    const options = (tree['options'] ?? []) as { DefElem: { defname: string; arg?: { String?: { sval: string } } } }[];
    const analyze = options.find(({ DefElem }) => DefElem.defname === 'analyze');
    if (!analyze || analyze.DefElem.arg?.String?.sval === 'false') return undefined;
    const [inner, query] = Object.entries(child(tree, 'query')!)[0]! as [string, Tree];
    return unboundedOf({ node: inner, tree: query, start: 0, end: 0 });
  }
  for (const write of [...writes(tree), { name: node, tree }]) {
    if (write.tree['whereClause'] !== undefined) continue;
    if (write.name === 'UpdateStmt') return 'UPDATE';
    if (write.name === 'DeleteStmt') return 'DELETE';
  }
  return undefined;
}
