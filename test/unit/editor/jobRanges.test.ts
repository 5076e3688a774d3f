import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { splitStatements, updateSplit } from '../../../src/core/sql/split/statements';
import { compose, envelope, moveSpan, moveThrough, type Edit } from '../../../src/host/editor/edits';
import { errorRange } from '../../../src/host/editor/errorRange';
import { problemText, shortErrorText } from '../../../src/host/jobs/jobErrorText';
import { raisableLimit } from '../../../src/host/launch/raisableLimit';
import { JobRanges } from '../../../src/host/editor/jobRanges';
import {
  selectedStatements,
  statementRange,
  rangesToRun,
  type RunnableRange,
} from '../../../src/host/editor/runnableRanges';

/** Returns the text after one edit. */
function apply(text: string, edits: readonly Edit[]): string {
  let result = text;
  for (const { start, removed, text: added } of edits.toSorted((a, b) => b.start - a.start)) {
    result = result.slice(0, start) + added + result.slice(start + removed);
  }
  return result;
}

describe('moveSpan', () => {
  const span = { start: 10, end: 20 };
  const cases: readonly [string, Edit, readonly [number, number, boolean, boolean]][] = [
    ['before it', { start: 0, removed: 2, text: 'abcde' }, [13, 23, false, false]],
    ['right before it', { start: 10, removed: 0, text: 'ab' }, [12, 22, false, false]],
    ['right behind it', { start: 20, removed: 0, text: 'ab' }, [10, 20, false, false]],
    ['behind it', { start: 25, removed: 3, text: '' }, [10, 20, false, false]],
    ['in it', { start: 12, removed: 3, text: 'a' }, [10, 18, true, false]],
    ['over its beginning', { start: 8, removed: 4, text: 'a' }, [8, 17, true, false]],
    ['over its end', { start: 18, removed: 4, text: 'abc' }, [10, 21, true, false]],
    ['all of it', { start: 5, removed: 20, text: 'xy' }, [5, 7, true, true]],
    ['exactly it', { start: 10, removed: 10, text: '' }, [10, 10, true, true]],
  ];
  for (const [name, edit, expected] of cases) {
    it(`moves a span after an edit ${name}`, () => {
      const { start, end, touched, gone } = moveSpan(span, [edit]);
      assert.deepEqual([start, end, touched, gone], expected);
    });
  }

  it('applies several edits of one event, which have offsets of the old text, in any order', () => {
    const edits = [
      { start: 15, removed: 0, text: 'xx' },
      { start: 0, removed: 5, text: '' },
    ];
    const expected = { start: 5, end: 17, touched: true, gone: false };
    assert.deepEqual(moveSpan(span, edits), expected);
    assert.deepEqual(moveSpan(span, edits.toReversed()), expected);
    assert.equal(moveThrough(span, [edits, [{ start: 0, removed: 0, text: '1' }]]).start, 6);
  });

  it('splits after composed changes like after a full split (random edits)', () => {
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
    const bits = ["SELECT 'a;b'", ';\n', '-- c\n', "'", '$$', '(', ')', ' x ', '/* ', '*/', ';', '\n\n'];
    for (let round = 0; round < 300; round++) {
      let text = 'SELECT 1;\nSELECT (2);\n\nUPDATE t SET a = $$;$$;\n-- end\nSELECT 3;\n'.repeat(3);
      const before = splitStatements(text);
      let change: ReturnType<typeof envelope>;
      for (let event = 0; event < 4; event++) {
        const first = random(text.length);
        const edits: Edit[] = [
          { start: first, removed: random(Math.min(8, text.length - first)), text: bits[random(12)]! },
        ];
        const from = first + 10;
        if (from < text.length) edits.push({ start: from, removed: 0, text: bits[random(12)]! });
        change = compose(change, envelope(edits)!);
        text = apply(text, edits);
      }
      assert.deepEqual(updateSplit(before, [change!], text), splitStatements(text), JSON.stringify(text));
    }
  });
});

describe('ranges to run', () => {
  const text = '-- label: a\nSELECT 1;\n\nSELECT 2; SELECT 3\n';
  const split = splitStatements(text);
  const texts = (ranges: readonly { readonly text: string }[]): string[] => ranges.map((range) => range.text);
  const at = (what: string, length = 0): { start: number; end: number } => {
    const start = text.indexOf(what);
    return { start, end: start + length };
  };

  it('are the statements at the cursors with their comments, without duplicates, in the order of the text', () => {
    const cursors = [at('SELECT 3'), at('label'), at('1')];
    assert.deepEqual(texts(rangesToRun(text, split, cursors)), ['-- label: a\nSELECT 1', 'SELECT 3']);
  });

  it('are the trimmed selections if there are any, and not the cursors', () => {
    const selections = [at('SELECT 1'), at('\n\nSELECT 2', 11), at('\n\n', 2)];
    assert.deepEqual(rangesToRun(text, split, selections), [
      { kind: 'selection', start: text.indexOf('SELECT 2'), end: text.indexOf('SELECT 2') + 9, text: 'SELECT 2;' },
    ]);
  });

  it('are empty between statements', () => {
    assert.deepEqual(rangesToRun(text, split, [at('\nSELECT 2')]), []);
  });

  it('are all statements, or those that overlap the selection', () => {
    assert.equal(selectedStatements(text, split, [at('1')]).length, 3);
    assert.deepEqual(
      texts(selectedStatements(text, split, [at('2; SEL', 6)]).map((statement) => statementRange(text, statement))),
      ['SELECT 2', 'SELECT 3'],
    );
  });
});

describe('ranges in memory', () => {
  it('do not keep the whole text in memory', function () {
    this.timeout(60_000);
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const used = (): number => {
      collect();
      return process.memoryUsage().heapUsed / 1e6;
    };
    const before = used();
    const ranges: RunnableRange[] = [];
    for (let version = 0; version < 20; version++) {
      const text = Array.from(
        { length: 125_000 },
        (_, line) => `SELECT 'version ${version}', ${line} AS some_text;`,
      ).join('\n');
      const { statements } = splitStatements(text.slice(0, 1000));
      ranges.push(statementRange(text, statements[3]!));
      ranges.push(...rangesToRun(text, { statements: [], problems: [] }, [{ start: 0, end: 100 }]));
    }
    const kept = used() - before;
    assert.equal(ranges.length, 40);
    assert.ok(kept < 30, `${kept.toFixed(1)} MB of more than 100 are kept`);
  });
});

describe('job ranges', () => {
  const document = 'file:///a.sql';
  let text: string;
  let jobRanges: JobRanges;
  const edit = (...edits: readonly Edit[]): void => {
    text = apply(text, edits);
    jobRanges.edit(document, edits, ({ start, end }) => text.slice(start, end));
  };
  const change = (from: string, to: string): void =>
    edit({ start: text.indexOf(from), removed: from.length, text: to });
  const now = (): string | undefined => {
    const jobRange = jobRanges.get('job');
    return jobRange && text.slice(jobRange.span.start, jobRange.span.end);
  };

  beforeEach(() => {
    text = 'SELECT 1;\nSELECT 2;\nSELECT 3;\n';
    jobRanges = new JobRanges();
    const statement = splitStatements(text).statements[1]!;
    jobRanges.add({ jobId: 'job', pending: jobRanges.follow(document, statementRange(text, statement)) });
  });

  it('move with edits before and in them', () => {
    change('SELECT 1;', '');
    change('CT 2', 'CT 2 + 2');
    assert.equal(now(), 'SELECT 2 + 2');
    assert.equal(jobRanges.get('job')!.edited, true);
    change(' + 2', '');
    assert.equal(jobRanges.get('job')!.edited, false);
  });

  it('follow a statement that is moved, cut and pasted, or replaced with the whole text', () => {
    edit({ start: 10, removed: 10, text: '' }, { start: 30, removed: 0, text: '-- moved\nSELECT 2;\n' });
    assert.equal(now(), 'SELECT 2');
    change('SELECT 2', '');
    assert.equal(now(), undefined);
    edit({ start: 3, removed: 0, text: 'xx' });
    edit({ start: 0, removed: 0, text: '\nSELECT 2' });
    assert.equal(now(), 'SELECT 2');
    edit({ start: 0, removed: text.length, text: '-- formatted\nSELECT 2;' });
    assert.equal(now(), 'SELECT 2');
  });

  it('are found in a file that changed while it was closed', () => {
    jobRanges.reopen(document, () => (text = '-- new\nSELECT 2;'));
    assert.equal(now(), 'SELECT 2');
    jobRanges.reopen(document, () => (text = 'nothing'));
    assert.equal(now(), undefined);
    jobRanges.reopen(document, () => (text = 'SELECT 2'));
    assert.equal(now(), 'SELECT 2');
  });

  it('are tracked before the launch, while the user is asked and other jobs run', () => {
    const pending = jobRanges.follow(document, statementRange(text, splitStatements(text).statements[2]!));
    change('SELECT 1', '-- new\nSELECT 100');
    assert.equal(jobRanges.of(document).length, 1, 'a range without a launch is not listed');
    jobRanges.add({ jobId: 'later', pending });
    const { span } = jobRanges.get('later')!;
    assert.equal(text.slice(span.start, span.end), 'SELECT 3');
    assert.equal(jobRanges.trace('later', { start: 7, end: 8 })!.start, text.indexOf('3'));
    change('SELECT 100', 'SELECT 1');
    assert.equal(jobRanges.trace('later', { start: 7, end: 8 })!.start, text.indexOf('3'));
    assert.deepEqual(
      jobRanges.of(document).map(({ jobId }) => jobId),
      ['job', 'later'],
    );
    jobRanges.settle('job');
    change('SELECT 1', 'SELECT 10');
    assert.equal(jobRanges.trace('later', { start: 7, end: 8 })!.start, text.indexOf('3'));
  });

  it('are released if they are not launched', () => {
    const pending = jobRanges.follow(document, statementRange(text, splitStatements(text).statements[2]!));
    jobRanges.release(pending);
    jobRanges.add({ jobId: 'never', pending });
    assert.equal(jobRanges.get('never'), undefined);
  });

  it('are tracked only as a whole after too many edits', () => {
    for (let event = 0; event < 20_001; event++) edit({ start: 0, removed: 0, text: ' ' });
    assert.equal(jobRanges.trace('job', { start: 7, end: 8 }), undefined);
    assert.equal(now(), 'SELECT 2');
  });

  it('find the current span of a part until the job has ended', () => {
    change('SELECT 1', 'SELECT 100');
    assert.equal(jobRanges.trace('job', { start: 7, end: 8 })!.start, text.indexOf('2'));
    jobRanges.settle('job');
    assert.equal(jobRanges.trace('job', { start: 7, end: 8 }), undefined);
  });

  it('are shared with a rerun unless they were edited', () => {
    change('SELECT 1', '');
    jobRanges.repeat('job', 'again');
    assert.equal(jobRanges.get('again')!.launchedAt, text.indexOf('SELECT 2'));
    change('SELECT 2', 'SELECT 4');
    jobRanges.repeat('job', 'third');
    assert.equal(jobRanges.get('third'), undefined);
    jobRanges.forget(['job', 'again']);
    assert.deepEqual(jobRanges.of(document), []);
  });
});

describe('the range of an error', () => {
  const marked = (text: string, position?: number): string => {
    const { mark } = errorRange(text, position);
    return text.slice(mark.start, mark.end);
  };

  it('is the token at the position', () => {
    assert.equal(marked('SELECT nosuch, 1', 7), 'nosuch');
    assert.equal(marked('SELECT "no such", 1', 7), '"no such"');
    assert.equal(marked("SELECT 'text' + 1", 14), '+');
  });

  it('is the last token if the text ends too early', () => {
    const text = 'SELECT 1 FROM -- where?\n';
    assert.equal(marked(text, text.length), 'FROM');
    assert.equal(marked('SELECT (1', 9), '1');
  });

  it('is in the statement at the position', () => {
    const text = 'SELECT 1;\nSELECT nosuch;\nSELECT 3';
    const { statement, whole } = errorRange(text, text.indexOf('nosuch'));
    assert.deepEqual([text.slice(statement.start, statement.end), whole], ['SELECT nosuch', true]);
  });

  it('is the statement, or the first line of a long one, without a position', () => {
    assert.equal(marked('-- c\nSELECT 1/0;'), 'SELECT 1/0');
    assert.equal(marked(`DO $$\n${'x\n'.repeat(20)}$$`), 'DO $$');
    assert.equal(marked('SELECT 1;\nSELECT 1/0;'), 'SELECT 1;');
    assert.equal(errorRange('SELECT 1; SELECT 2', undefined).whole, false);
  });

  it('has a text with the server’s additional fields', () => {
    assert.equal(
      problemText({
        sqlstate: '23505',
        message: 'duplicate',
        detail: 'Key (n)=(1)',
        hint: 'Don’t.',
        context: 'line 3',
      }),
      'duplicate\nDETAIL: Key (n)=(1)\nHINT: Don’t.\nCONTEXT: line 3',
    );
    assert.equal(
      problemText({ sqlstate: '23505', message: 'm', schema: 's', table: 't', column: 'c', constraint: 'k' }),
      'm\nSCHEMA NAME: s\nTABLE NAME: t\nCOLUMN NAME: c\nCONSTRAINT NAME: k',
    );
    const fault = { code: 'jobs.unknownJob', params: { id: 'x' } };
    assert.equal(
      problemText({ sqlstate: '', message: 'for the log', hint: 'h', fault }),
      'There is no job x.\nHINT: h',
    );
    assert.equal(shortErrorText({ sqlstate: '', message: 'for the log', fault }, 8), 'There is… (10 bytes more)');
    const limit = { by: 'limit', limit: { name: 'statement_timeout', ms: 300 } } as const;
    const worker = { by: 'limit', limit: { name: 'pg_background.worker_timeout', ms: 300 } } as const;
    const request = { sql: 'SELECT 1' };
    assert.equal(raisableLimit({ request, stop: limit }), 'statementTimeoutMs');
    assert.equal(raisableLimit({ request, stop: worker }), 'workerTimeoutMs');
    assert.equal(raisableLimit({ request, stop: { by: 'outside' } }), undefined);
    const own = { sql: "SET statement_timeout = '300ms'; SELECT 1" };
    assert.equal(raisableLimit({ request: own, stop: limit }), undefined, 'a limit in the SQL is changed there');
  });
});
