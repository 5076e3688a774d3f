import assert from 'node:assert/strict';
import type { JobInfo, JobState } from '../../../src/api';
import { findParameters, substituteParameters } from '../../../src/core/sql/parameters';
import { splitStatements } from '../../../src/core/sql/split/statements';
import { directiveAt, isBetweenStatements, completionsAt } from '../../../src/host/editor/directiveHelp';
import { clockText, lensesOf, MAX_STATEMENTS, type LensTexts } from '../../../src/host/editor/lensModel';
import { JobRanges } from '../../../src/host/editor/jobRanges';
import { statementRange, wholeFile, type RunnableRange } from '../../../src/host/editor/runnableRanges';
import { readValue, variablesOf } from '../../../src/host/launch/parameterInput';

const WORDS: LensTexts = {
  run: 'Run in Background',
  cancel: 'Cancel',
  showResults: 'Show Results',
  edited: 'edited since',
  readingRows: 'reading rows',
  file: 'File',
  selection: 'Selection',
  runNamed: (statement) => `Run “${statement}” in Background`,
  jobs: (count) => `${count} jobs…`,
  rows: (count) => `${count} rows`,
  span: (ms) => `${ms / 1000} s`,
  state: (state) => state,
};

describe('lenses', () => {
  const text = 'SELECT 1;\n\n-- c\nSELECT 2;\n\nSELECT 3;\n';
  const uri = 'file:///a.sql';
  const NOW = 100_000;

  function lenses(
    state: JobState,
    facts: Partial<JobInfo> = {},
    jobRanges = originAt(1),
  ): (readonly [number, string, string])[] {
    const origin = 'thisWindow';
    const known = { id: 'job', label: '', sql: '', connection: 'c', origin, durable: false } as const;
    const info: JobInfo = { ...known, queuedAt: 0, state, ...facts };
    return lensesOf({
      text,
      split: splitStatements(text),
      jobRanges: jobRanges.of(uri),
      job: (id) => (id === 'job' ? info : undefined),
      now: NOW,
      texts: WORDS,
      visible: [],
    }).map(({ offset, title, action }) => [text.slice(0, offset).split('\n').length, title, action]);
  }

  function originAt(index: number): JobRanges {
    const jobRanges = new JobRanges();
    const statement = splitStatements(text).statements[index]!;
    jobRanges.add({ jobId: 'job', pending: jobRanges.follow(uri, statementRange(text, statement)) });
    return jobRanges;
  }

  /** The lenses above the second statement. */
  function second(...args: Parameters<typeof lenses>): string[] {
    return lenses(...args)
      .filter(([line]) => line === 4)
      .map(([, title, action]) => `${action}: ${title}`);
  }

  const run = 'run: Run in Background';
  const cases: readonly [JobState, Partial<JobInfo>, readonly string[]][] = [
    ['queued', {}, ['cancel: Cancel · queued']],
    ['running', { launchedAt: NOW - 42_500 }, ['cancel: Cancel · 00:42']],
    ['running', { launchedAt: NOW - 42_500, progress: { pct: 60, message: '' } }, ['cancel: Cancel · 00:42 · 60%']],
    [
      'running',
      { launchedAt: NOW, progress: { pct: 1, message: 'step $(x)\n1' } },
      ['cancel: Cancel · 00:00 · 1% · step $ (x) 1'],
    ],
    ['reading', { launchedAt: NOW }, ['cancel: Cancel · 00:00 · reading rows']],
    ['unresponsive', { launchedAt: NOW }, ['cancel: Cancel · unresponsive · 00:00']],
    [
      'succeeded',
      { launchedAt: 0, finishedAt: 3200, rowCount: 1234, commandTag: 'SELECT' },
      [run, 'results: ✓ 1234 rows · 3.2 s — Show Results'],
    ],
    [
      'succeeded',
      { launchedAt: 0, finishedAt: 100, rowCount: 3, commandTag: 'UPDATE' },
      [run, 'results: ✓ UPDATE · 3 rows · 0.1 s — Show Results'],
    ],
    [
      'succeeded',
      { launchedAt: 0, finishedAt: 100, rowCount: 0, commandTag: 'CREATE TABLE' },
      [run, 'results: ✓ CREATE TABLE · 0.1 s — Show Results'],
    ],
    ['failed', { error: { sqlstate: '22012', message: 'division by\nzero' } }, [run, 'details: ✗ division by zero']],
    ['canceled', { launchedAt: 0, finishedAt: 2000 }, [run, 'details: ⊘ canceled · 2 s']],
    ['lost', {}, [run, 'details: ? lost']],
  ];
  for (const [state, facts, expected] of cases) {
    it(`shows the job of a statement that is ${state}: ${expected.at(-1)!}`, () =>
      assert.deepEqual(second(state, facts), expected));
  }

  it('shows lenses of other statements at their first word', () => {
    assert.deepEqual(
      lenses('running').map(([line]) => line),
      [1, 4, 6],
    );
  });

  it('cuts a long message', () => {
    const [, lens] = second('failed', { error: { sqlstate: '', message: 'x'.repeat(500) } });
    assert.ok(lens!.length < 100 && lens!.endsWith('…'));
  });

  it('marks an edit, also one directly after the statement', () => {
    const jobRanges = originAt(1);
    const from = text.indexOf('2');
    jobRanges.edit(uri, [{ start: from, removed: 1, text: '7' }], () => '-- c\nSELECT 7');
    assert.deepEqual(second('lost', {}, jobRanges).at(-1), 'details: ? lost · edited since');
  });

  it('shows the job of a whole file at its start, next to the statement’s lenses', () => {
    const jobRanges = new JobRanges();
    jobRanges.add({ jobId: 'job', pending: jobRanges.follow(uri, wholeFile(text)) });
    assert.deepEqual(lenses('running', { launchedAt: NOW }, jobRanges).slice(0, 2), [
      [1, 'File: Cancel · 00:00', 'cancel'],
      [1, 'Run in Background', 'run'],
    ]);
  });

  it('assigns a selection to its statement, but not if it spans several', () => {
    const jobRanges = new JobRanges();
    const start = text.indexOf('SELECT 2');
    const single: RunnableRange = { kind: 'selection', start, end: start + 8, text: 'SELECT 2' };
    jobRanges.add({ jobId: 'job', pending: jobRanges.follow(uri, single) });
    assert.deepEqual(second('running', { launchedAt: NOW }, jobRanges), ['cancel: Cancel · 00:00']);
    const several: RunnableRange = { kind: 'selection', start, end: text.length, text: text.slice(start) };
    jobRanges.add({ jobId: 'job', pending: jobRanges.follow(uri, several) });
    assert.deepEqual(second('running', { launchedAt: NOW }, jobRanges), ['cancel: Selection: Cancel · 00:00', run]);
  });

  it('names the statement in the lenses of several statements on one line', () => {
    const line = 'SELECT 1; UPDATE a_table_with_a_long_name SET n = n + 1;\nSELECT 3;';
    const made = lensesOf({
      text: line,
      split: splitStatements(line),
      jobRanges: [],
      job: () => undefined,
      now: NOW,
      texts: WORDS,
      visible: [],
    });
    assert.deepEqual(
      made.map(({ title }) => title),
      ['Run “SELECT 1” in Background', 'Run “UPDATE a_table_with_a_long_na…” in Background', 'Run in Background'],
    );
  });

  it('combines many running jobs of one statement into one lens', () => {
    const jobRanges = new JobRanges();
    const statement = splitStatements(text).statements[1]!;
    const ids = ['a', 'b', 'c', 'd', 'e'];
    for (const jobId of ids) jobRanges.add({ jobId, pending: jobRanges.follow(uri, statementRange(text, statement)) });
    const made = lensesOf({
      text,
      split: splitStatements(text),
      jobRanges: jobRanges.of(uri),
      job: (id) => ({
        ...{ id, label: '', sql: '', connection: 'c', origin: 'thisWindow', durable: false },
        ...{ queuedAt: 0, state: 'running', launchedAt: NOW },
      }),
      now: NOW,
      texts: WORDS,
      visible: [],
    }).filter(({ offset }) => offset === statement.start);
    assert.deepEqual(made, [{ offset: statement.start, title: '5 jobs…', action: 'jobs', jobIds: ids.toReversed() }]);
  });

  it('limits the lenses of a very long text to the visible part', () => {
    const long = 'SELECT 1;\n'.repeat(100_000);
    const split = splitStatements(long);
    const made = (visible: { start: number; end: number }[]): number[] =>
      lensesOf({ text: long, split, jobRanges: [], job: () => undefined, now: 0, texts: WORDS, visible }).map(
        ({ offset }) => offset,
      );
    const offsets = made([{ start: 500_000, end: 500_400 }]);
    assert.ok(offsets.length <= MAX_STATEMENTS && offsets.includes(500_200), String(offsets.length));
    assert.deepEqual(made([]), []);
  });

  it('keeps the width of a clock from second to second', () => {
    assert.deepEqual([0, 61_999, 3_600_000, 36_061_000].map(clockText), ['00:00', '01:01', '1:00:00', '10:01:01']);
  });
});

describe('directives in comments', () => {
  it('suggests names at the start of a comment', () => {
    assert.deepEqual(completionsAt('-- '), {
      kind: 'names',
      replace: { start: 3, end: 3 },
      names: [
        'label',
        'connection',
        'timeout',
        'worker-timeout',
        'lock-timeout',
        'retry',
        'queue-size',
        'set',
        'read-only',
        'into',
        'durable',
      ],
    });
    assert.deepEqual(completionsAt('  --Que'), { kind: 'names', replace: { start: 4, end: 7 }, names: ['queue-size'] });
    for (const line of ['', 'SELECT -- la', '-- a sentence', '/* la'])
      assert.equal(completionsAt(line), undefined, line);
  });

  it('suggests values after the colon and replaces the existing one', () => {
    assert.deepEqual(completionsAt('-- timeout: 5', 'min  '), {
      kind: 'values',
      name: 'timeout',
      replace: { start: 12, end: 16 },
    });
    assert.deepEqual(completionsAt('--CONNECTION:'), {
      kind: 'values',
      name: 'connection',
      replace: { start: 13, end: 13 },
    });
    assert.equal(completionsAt('-- note: x'), undefined);
  });

  it('finds the directive and its span for a hover', () => {
    assert.deepEqual(directiveAt('  -- label: a b ', 4), { name: 'label', span: { start: 2, end: 15 } });
    assert.equal(directiveAt('  -- label: a', 1), undefined);
    assert.equal(directiveAt('-- labels: a', 5), undefined);
  });

  it('recognizes directives only between statements', () => {
    const text = '-- label: a\nSELECT 1\n-- timeout: 1\n+ 1;\n-- label: b\n';
    const split = splitStatements(text);
    const between = ['label: a', 'timeout', 'label: b'].map((word) => isBetweenStatements(split, text.indexOf(word)));
    assert.deepEqual(between, [true, false, true]);
  });
});

describe('values of variables', () => {
  const variable = (text: string): ReturnType<typeof variablesOf>[number] => variablesOf(findParameters(text))[0]!;
  const filled = (text: string, ...typed: string[]): string => {
    const variables = variablesOf(findParameters(text));
    const values = new Map(variables.map((one, index) => [one.name, readValue(typed[index] ?? '', one)]));
    return substituteParameters(text, values).text;
  };

  it('asks for each variable once, in the order of the text', () => {
    const variables = variablesOf(findParameters(`SELECT :b, $2, :'a', :b, :"t", $1`));
    assert.deepEqual(
      variables.map(({ written }) => written),
      [':b', '$2', ":'a'", ':"t"', '$1'],
    );
  });

  it('reads numbers, NULL, and texts', () => {
    const plain = variable('SELECT :v');
    assert.deepEqual(
      ['42', '-1.5', 'null', '', "it's", "'5'", "'a''b'", '007', '+49 1', '1e5', '1; DROP TABLE t'].map((typed) =>
        readValue(typed, plain),
      ),
      [
        { number: '42' },
        { number: '-1.5' },
        null,
        '',
        "it's",
        '5',
        "a'b",
        '007',
        '+49 1',
        { number: '1e5' },
        '1; DROP TABLE t',
      ],
    );
  });

  it('keeps a value one value, whatever it contains', () => {
    assert.equal(filled('SELECT :v;', "x'; DROP TABLE t; --"), "SELECT 'x''; DROP TABLE t; --';");
    assert.equal(
      filled(`SELECT * FROM :"t" WHERE a = :'v' AND b = $1`, 'a"b', '5', '5'),
      `SELECT * FROM "a""b" WHERE a = '5' AND b = 5`,
    );
    assert.equal(filled(`SELECT :"t", :t`, 'null'), `SELECT "null", 'null'`);
  });

  it('maps an offset after a value to its original offset', () => {
    const text = 'SELECT :v, nosuch';
    const { text: sql, sourceOffset } = substituteParameters(text, new Map([['v', 'a long text']]));
    assert.equal(sourceOffset(sql.indexOf('nosuch')), text.indexOf('nosuch'));
  });
});
