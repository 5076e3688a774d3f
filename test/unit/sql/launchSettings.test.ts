import assert from 'node:assert/strict';
import { launchOptions } from '../../../src/core/jobs/run/launchLimits';
import { faultySetting } from '../../../src/core/jobs/settingNames';
import { launchText } from '../../../src/core/sql/settings/launchSettings';
import { numberValue, stringValue } from '../../../src/core/sql/lexer/literalValues';
import { checkBeforeLaunch } from '../../../src/core/sql/classify/prelaunch';
import { setParameters } from '../../../src/core/sql/settings/setStatement';
import { settingMs } from '../../../src/core/sql/settings/settingValue';

const set = (text: string) => setParameters(text, { start: 0, end: text.length });

describe('setParameters', () => {
  const CASES: readonly (readonly [string, string, string | undefined])[] = [
    ["SET statement_timeout = '300ms'", 'statement_timeout', '300ms'],
    ['set Local STATEMENT_TIMEOUT to 300', 'statement_timeout', '300'],
    ['SET SESSION work_mem = 8192', 'work_mem', '8192'],
    ['SET x TO DEFAULT', 'x', undefined],
    ['SET x = -1', 'x', '-1'],
    ['SET x = + 1.5', 'x', '1.5'],
    ['SET x = 0x10', 'x', '16'],
    ['SET x = 1_000', 'x', '1000'],
    ['SET x = 12345678901', 'x', '12345678901'],
    ['SET x = TRUE', 'x', 'true'],
    ['SET x = On', 'x', 'on'],
    ['SET x = Foo', 'x', 'foo'],
    ['SET x = "Foo"', 'x', 'Foo'],
    ['SET "X"."Y" = 1', 'x.y', '1'],
    ['SET pg_background.worker_timeout /* c */ = -- d\n $q$5min$q$', 'pg_background.worker_timeout', '5min'],
    ["SET x = 'it''s'", 'x', "it's"],
    ["SET x = E'a\\n\\x41\\u00e9\\''\n  'b\\\\'", 'x', "a\nAé'b\\"],
    ["SET x = U&'d\\0061t\\+000061'", 'x', 'data'],
    ['SET DateStyle = ISO, MDY', 'datestyle', 'iso, mdy'],
    ['SET search_path = app, "My Schema", public', 'search_path', 'app, "My Schema", public'],
    ['SET search_path TO \'a, b\', "$user"', 'search_path', '"a, b", "$user"'],
    ["SET search_path = ''", 'search_path', '""'],
    ["SET SCHEMA 'App'", 'search_path', '"App"'],
    ["SET TIME ZONE 'Europe/Berlin'", 'timezone', 'Europe/Berlin'],
    ['SET LOCAL TIME ZONE -7', 'timezone', '-7'],
    ['SET TIME ZONE LOCAL', 'timezone', undefined],
    ["SET TIME ZONE INTERVAL '-08:00'", 'timezone', "INTERVAL '-08:00'"],
    ["SET NAMES 'UTF8'", 'client_encoding', 'UTF8'],
    ['SET ROLE "Odd Role"', 'role', 'Odd Role'],
    ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', 'default_transaction_read_only', 'on'],
    [
      'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ',
      'default_transaction_isolation',
      'repeatable read',
    ],
    ['SET XML OPTION DOCUMENT', 'xmloption', 'document'],
    ['RESET work_mem', 'work_mem', undefined],
    ['RESET TIME ZONE', 'timezone', undefined],
    ["SELECT set_config('Work_Mem', '8MB', false)", 'work_mem', '8MB'],
    ["SELECT pg_catalog.set_config('search_path', '', true) AS x", 'search_path', ''],
  ];
  for (const [text, name, value] of CASES) {
    it(text.replace(/\n/g, ' '), () => assert.deepEqual(set(text), [{ name, value }]));
  }

  it('reads several set_config calls', () => {
    assert.deepEqual(set("SELECT set_config('a.b', '1', true), set_config('c', '2', false)"), [
      { name: 'a.b', value: '1' },
      { name: 'c', value: '2' },
    ]);
  });

  it('ignores statements that are not settings or cannot be read with certainty', () => {
    for (const text of [
      'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
      'SET CONSTRAINTS ALL DEFERRED',
      'SET SESSION AUTHORIZATION bob',
      'SET x = 300ms',
      'SET x = 1 2',
      "SET x = 'a' 'b'",
      'SET x',
      'SET x =',
      'SET x = DEFAULT, 1',
      "SET x = E'\\xe9'",
      "SET x = B'1'",
      "SET TIME ZONE INTERVAL '1' HOUR",
      'RESET ALL',
      "SELECT set_config('a', 'b' || 'c', true)",
      "SELECT set_config('a', 'b', true) FROM t",
      "SELECT my.set_config('a', 'b', true)",
      'SHOW work_mem',
    ]) {
      assert.equal(set(text), undefined, text);
    }
  });

  it('reads values of time limits', () => {
    const cases: readonly (readonly [string, number | undefined])[] = [
      ['300', 300],
      [' 300 ms ', 300],
      ['1.5min', 90_000],
      ['.5s', 500],
      ['1e3', 1000],
      ['0x10', 16],
      ['010', 8],
      ['0', 0],
      ['1us', 0],
      ['1500us', 2],
      ['2h', 7_200_000],
      ['1d', 86_400_000],
      ['5 MIN', undefined],
      ['5 parsecs', undefined],
      ['-1', undefined],
      ['30d', undefined],
      ['', undefined],
    ];
    for (const [text, ms] of cases) assert.equal(settingMs(text), ms, text);
    assert.equal(numberValue('1.5e', false), undefined);
    assert.equal(stringValue('$a$b'), undefined);
  });
});

describe('launchText', () => {
  it('applies limits at the start with the launch and keeps the text', () => {
    const text = "SET work_mem = '8MB'; SET statement_timeout = '1s'; SET statement_timeout = '2s'; SELECT 1";
    assert.deepEqual(launchText(text), {
      sql: text,
      settings: { statement_timeout: '2s' },
      alone: false,
      ineffective: [],
    });
    const back = "SET statement_timeout = '1s'; RESET statement_timeout; SELECT 1";
    assert.deepEqual(launchText(back).settings, {});
  });

  it('blanks settings before a statement that must run alone, and keeps all offsets', () => {
    const text = "-- label: x\nSET maintenance_work_mem = '1GB';\n/* 🙂 */ CREATE INDEX CONCURRENTLY i ON t(a);";
    const { sql, settings, alone } = launchText(text);
    assert.ok(alone);
    assert.deepEqual(settings, { maintenance_work_mem: '1GB' });
    assert.equal(sql.length, text.length);
    assert.equal(sql.indexOf('CREATE'), text.indexOf('CREATE'));
    assert.match(sql, /^-- label: x\n *\n\/\* 🙂 \*\/ CREATE INDEX CONCURRENTLY i ON t\(a\);$/u);
  });

  it('accepts only settings before such a statement and nothing after it', () => {
    const codes = (text: string) => checkBeforeLaunch(text).map(({ code }) => code);
    assert.deepEqual(codes("SET work_mem = '1GB'; SET LOCAL lock_timeout = 5; VACUUM t"), []);
    for (const text of [
      "SET work_mem = '1GB'; VACUUM t; VACUUM u",
      "SELECT 1; SET work_mem = '1GB'; VACUUM t",
      'SET TRANSACTION READ ONLY; VACUUM t',
      "SET work_mem = '1GB'; VACUUM t; RESET work_mem",
    ]) {
      assert.ok(codes(text).includes('sql.refusesTransactionBlock'), text);
    }
  });

  it('reports a limit in the middle, which has no effect', () => {
    const text = "SELECT 1; SET statement_timeout = '1s'; SELECT 2";
    const found = checkBeforeLaunch(text).find(({ code }) => code === 'sql.limitWithoutEffect');
    assert.ok(found);
    assert.equal(found.severity, 'info');
    assert.equal(text.slice(found.span.start, found.span.end), "SET statement_timeout = '1s'");
    assert.deepEqual(found.params, { name: 'statement_timeout' });
  });

  it('removes a byte order mark and refuses a lone surrogate with its position', () => {
    assert.equal(launchText('\uFEFFSELECT 1').sql, ' SELECT 1');
    assert.deepEqual(checkBeforeLaunch('\uFEFFSELECT 1'), []);
    assert.deepEqual(
      checkBeforeLaunch('\uFEFF').map(({ code }) => code),
      ['sql.empty'],
    );
    const text = "SELECT 1,\n '\uD83D'";
    const [found] = checkBeforeLaunch(text);
    assert.ok(found);
    assert.equal(found.code, 'sql.loneSurrogate');
    assert.deepEqual(
      [found.params, found.span],
      [
        { line: 2, column: 3 },
        { start: 12, end: 13 },
      ],
    );
    assert.deepEqual(checkBeforeLaunch("SELECT '🙂'"), []);
  });

  it('applies the strictest limit, and prefers other settings of the text to those of the request', () => {
    const options = (request: object, settings: Record<string, string>) =>
      launchOptions({ sql: '', ...request }, { settings });
    assert.deepEqual(options({ statementTimeoutMs: 500 }, { statement_timeout: '1s' }), { statementTimeoutMs: 500 });
    assert.deepEqual(options({ statementTimeoutMs: 5000 }, { statement_timeout: '1s' }), { statementTimeoutMs: 1000 });
    assert.deepEqual(options({ statementTimeoutMs: 5000 }, { statement_timeout: '0' }), { statementTimeoutMs: 5000 });
    assert.deepEqual(options({}, { statement_timeout: '0' }), { statementTimeoutMs: 0 });
    assert.deepEqual(options({ settings: { Statement_Timeout: '2s' } }, { statement_timeout: '3s' }), {
      statementTimeoutMs: 2000,
    });
    assert.deepEqual(options({}, { statement_timeout: 'x' }), { settings: { statement_timeout: 'x' } });
    assert.deepEqual(options({ settings: { work_mem: '1MB', a: 'b' } }, { work_mem: '2MB' }), {
      settings: { work_mem: '2MB', a: 'b' },
    });
  });

  it('validates settings from code', () => {
    assert.equal(faultySetting({ work_mem: '1MB', 'a.b': '' }), undefined);
    for (const faulty of [null, 'x', ['x'], 1]) assert.equal(faultySetting(faulty), '');
    for (const faulty of [{ 'a b': 'x' }, { '': 'x' }]) assert.equal(faultySetting(faulty), Object.keys(faulty)[0]);
    for (const value of [1, null, 'a\0', '\uD800']) assert.equal(faultySetting({ work_mem: value }), 'work_mem');
  });
});
