import assert from 'node:assert/strict';
import { directivesOf, labelFor } from '../../../src/core/sql/directives';
import { MAX_LABEL_BYTES, truncateLabel, utf8Length } from '../../../src/core/sql/labels';
import { splitStatements } from '../../../src/core/sql/split/statements';
import { parseBytes, parseDuration } from '../../../src/core/sql/settings/gucUnits';

describe('directivesOf', () => {
  it('reads all directives from leading comments, in any case and order', () => {
    const text = [
      '-- Label:  Nightly report  ',
      '--connection: prod/reporting',
      '/* in between */',
      '-- timeout: 5min',
      '',
      '---- worker-timeout: 1h',
      '-- queue-size: 256kB',
      'SELECT 1',
    ].join('\r\n');
    assert.deepEqual(directivesOf(text), {
      label: 'Nightly report',
      connection: 'prod/reporting',
      statementTimeoutMs: 300_000,
      workerTimeoutMs: 3_600_000,
      queueSizeBytes: 262_144,
      problems: [],
    });
  });

  it('ignores other comments, block comments, and comments after the first token', () => {
    for (const text of [
      'SELECT 1 -- label: x',
      'SELECT 1;\n-- label: x\nSELECT 2',
      '-- my label: x\nSELECT 1',
      '-- labels: x',
      '/* label: x */ SELECT 1',
      "SELECT '\n-- label: x'",
      '',
    ]) {
      assert.deepEqual(directivesOf(text), { problems: [] }, text);
    }
  });

  it('reads directives after a byte order mark', () => {
    assert.equal(directivesOf('\ufeff-- label: x\nSELECT 1').label, 'x');
  });

  it('reports invalid values with their spans and ignores them', () => {
    const text = '-- timeout: soon\n-- worker-timeout: 5m\n-- queue-size: -1\n-- label:\n-- connection: \nSELECT 1';
    const { problems, ...values } = directivesOf(text);
    assert.deepEqual(values, {});
    assert.deepEqual(
      problems.map(({ code, params, span }) => [code, params.name, text.slice(span.start, span.end)]),
      [
        ['directive.invalidDuration', 'timeout', '-- timeout: soon'],
        ['directive.invalidDuration', 'worker-timeout', '-- worker-timeout: 5m'],
        ['directive.invalidSize', 'queue-size', '-- queue-size: -1'],
        ['directive.emptyValue', 'label', '-- label:'],
        ['directive.emptyValue', 'connection', '-- connection: '],
      ],
    );
  });

  it('reads settings of the worker, each on its own line', () => {
    const text = `-- lock-timeout: 5s
-- set: work_mem = 1GB
-- SET: app.Name to 'it''s; = quoted'
-- set: search_path=app, public;
-- read-only: Yes
SELECT 1`;
    const { settings, readOnly, problems } = directivesOf(text);
    assert.deepEqual(settings, {
      lock_timeout: '5000ms',
      work_mem: '1GB',
      'app.name': "it's; = quoted",
      search_path: 'app, public',
    });
    assert.equal(readOnly, true);
    assert.deepEqual(problems, []);
    const faulty = directivesOf(
      '-- set: work_mem\n-- set: a b = c\n-- set: x = 1\n-- set: X = 2\n-- read-only: on\nSELECT 1',
    );
    assert.deepEqual(
      faulty.problems.map(({ code }) => code),
      ['directive.invalidSetting', 'directive.invalidSetting', 'directive.repeated', 'directive.notYesOrNo'],
    );
    assert.deepEqual([faulty.settings, faulty.readOnly], [{ x: '2' }, undefined]);
  });

  it('reports a queue size that pg_background does not accept', () => {
    assert.equal(directivesOf('-- queue-size: 256MB\nSELECT 1').queueSizeBytes, 268_435_456);
    assert.equal(directivesOf('-- queue-size: 257MB\nSELECT 1').problems[0]!.code, 'directive.sizeOutOfRange');
    assert.equal(directivesOf('-- queue-size: 63\nSELECT 1').problems[0]!.code, 'directive.sizeOutOfRange');
  });

  it('cuts and reports a label that is too long', () => {
    const { label, problems } = directivesOf(`-- label: ${'x'.repeat(65)}\nSELECT 1`);
    assert.equal(label, 'x'.repeat(64));
    assert.equal(problems[0]!.code, 'directive.labelTooLong');
  });

  it('uses the last of two directives and reports the repetition', () => {
    const { label, problems } = directivesOf('-- label: a\n-- label: b\nSELECT 1');
    assert.equal(label, 'b');
    assert.deepEqual(
      problems.map(({ code, span }) => [code, span.start]),
      [['directive.repeated', 12]],
    );
  });
});

describe('units', () => {
  it('reads PostgreSQL’s durations in milliseconds', () => {
    for (const [text, milliseconds] of [
      ['0', 0],
      ['250', 250],
      ['1500us', 2],
      ['1us', 1],
      ['7ms', 7],
      [' 5 s ', 5000],
      ['1.5min', 90_000],
      ['5MIN', 300_000],
      ['2h', 7_200_000],
      ['1d', 86_400_000],
      ['.5s', 500],
      ['24d', 2_073_600_000],
    ] as const) {
      assert.equal(parseDuration(text), milliseconds, text);
    }
  });

  it('reads PostgreSQL’s sizes in bytes', () => {
    for (const [text, bytes] of [
      ['65536', 65_536],
      ['10B', 10],
      ['64kB', 65_536],
      ['1 MB', 1_048_576],
      ['0.5mb', 524_288],
      ['1GB', 1_073_741_824],
    ] as const) {
      assert.equal(parseBytes(text), bytes, text);
    }
  });

  it('rejects values that PostgreSQL rejects or that exceed int4', () => {
    for (const text of ['', 's', '5m', '-1', '5 min s', '1e3', '1,5s', '25d', '∞'])
      assert.equal(parseDuration(text), undefined, text);
    for (const text of ['', 'kB', '1k', '-1', '2GB', '1TB', '1 s']) assert.equal(parseBytes(text), undefined, text);
  });
});

describe('labelFor', () => {
  it('uses the label directive', () => {
    assert.equal(labelFor('-- label: Nightly\nSELECT 1'), 'Nightly');
  });

  it('uses the shape of the SQL without a directive: no comments, on one line', () => {
    assert.equal(labelFor('-- why\nSELECT\ta,\r\n   b /* x */ FROM t -- y\n;'), 'SELECT a, b FROM t');
    assert.equal(labelFor('SELECT a.b, f(1)::int'), 'SELECT a.b, f(…)::int');
    assert.equal(labelFor('\ufeff\\x\nVACUUM a; VACUUM b;'), 'VACUUM a; VACUUM b');
    assert.equal(labelFor('-- nothing'), '');
  });

  it('cuts the label at 64 bytes with an ellipsis, never inside a character', () => {
    const label = labelFor(`SELECT ${'é'.repeat(25)}, ${'é'.repeat(25)}`);
    assert.ok(label.endsWith('é…'), label);
    assert.ok(utf8Length(label) <= MAX_LABEL_BYTES && utf8Length(label) > MAX_LABEL_BYTES - 3, label);
    const elephants = labelFor(`SELECT ${'🐘'.repeat(20)}`);
    assert.match(elephants, /^SELECT 🐘+…$/u);
    assert.ok(utf8Length(elephants) <= MAX_LABEL_BYTES);
  });

  it('does not read megabytes for a label', () => {
    const sql = `INSERT INTO t VALUES ${"(1, 'x'), ".repeat(500_000)}`;
    const took = (work: () => unknown): number => {
      const began = performance.now();
      work();
      return performance.now() - began;
    };
    assert.match(labelFor(sql), /…$/);
    // The minimum of several runs, so that a pause of the machine does not matter.
    const label = Math.min(...Array.from({ length: 20 }, () => took(() => labelFor(sql))));
    assert.ok(
      label < took(() => splitStatements(sql)) / 10,
      `${label} ms: a label takes a part of the time of reading it all`,
    );
  });
});

describe('truncateLabel', () => {
  it('keeps short labels unchanged', () => {
    assert.equal(truncateLabel('Nightly report é 👩‍👧'), 'Nightly report é 👩‍👧');
  });

  it('cuts labels at 64 bytes of UTF-8, at a code point', () => {
    assert.equal(truncateLabel('x'.repeat(70)), 'x'.repeat(64));
    assert.equal(truncateLabel(`${'x'.repeat(63)}é`), 'x'.repeat(63));
    assert.equal(truncateLabel(`${'x'.repeat(61)}🐘`), 'x'.repeat(61));
    assert.equal(truncateLabel('🐘'.repeat(20)), '🐘'.repeat(16));
  });

  it('makes a single line without control characters, lone surrogates, and bidirectional marks', () => {
    assert.equal(truncateLabel(' a\n b\t\tc\0\u0007\u001b[1m\u0085d\ud83d \u202eevil\u2066 '), 'a b c[1md evil');
  });
});

describe('utf8Length', () => {
  it('counts the same bytes as Buffer', () => {
    for (const text of [
      '',
      'abc',
      'é',
      '€',
      '🐘',
      '\ud83d',
      '\udc18',
      '\ud83d\ud83d\udc18',
      'a\ud83d',
      '\u{10000}\u{10ffff}',
      '\u07ff\u0800\uffff\0',
    ]) {
      assert.equal(utf8Length(text), Buffer.byteLength(text), JSON.stringify(text));
    }
  });
});
