import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { faultOf } from '../../../src/core/base/fault';
import { exportRows, type ExportOptions } from '../../../src/core/results/format/exports';
import type { ExportFormat } from '../../../src/shared/rowFormats';
import { orderRows } from '../../../src/core/results/query/order';
import type { SpoolColumn } from '../../../src/core/results/spool/spool';
import type { Row } from '../../../src/shared/rowCodec';
import { manyRows, spoolOf, TWO_COLUMNS, withFolder } from './support';

async function exported(
  columns: readonly SpoolColumn[],
  rows: readonly Row[],
  format: ExportFormat,
  options: ExportOptions = {},
): Promise<string> {
  return withFolder(async (folder) => {
    const reader = await spoolOf(folder, columns, rows);
    const file = join(folder, 'out');
    const result = await exportRows(reader, file, format, options);
    const bytes = await readFile(file);
    assert.deepEqual(result, { rows: options.order?.length ?? rows.length, bytes: bytes.length });
    // Formatting decoded rows one by one must give the same result.
    const order = options.order ?? Uint32Array.from(rows.keys());
    const other = join(folder, 'other');
    await exportRows(reader, other, format, { ...options, order });
    assert.equal(await readFile(other, 'utf8'), bytes.toString());
    await reader.close();
    return bytes.toString();
  });
}

const text = (...names: string[]): SpoolColumn[] => names.map((name) => ({ name, type: 'text' }));

describe('CSV and TSV', () => {
  it('support delimiters, byte order marks, and formula escapes for spreadsheets', async () => {
    const rows: Row[] = [
      ['a;b', '=1+1'],
      ['plain', '-5'],
      ['@x', 'é'],
    ];
    const columns = text('one', '-two');
    assert.equal(await exported(columns, rows, 'csv', { delimiter: ';' }), 'one;-two\n"a;b";=1+1\nplain;-5\n@x;é\n');
    assert.equal(
      await exported(columns, rows, 'csv', { delimiter: '\t', escapeFormulas: true, byteOrderMark: true }),
      "\uFEFFone\t'-two\na;b\t'=1+1\nplain\t-5\n'@x\té\n",
    );
    assert.equal(await exported(text('a'), [['=1'], ['x']], 'tsv', { escapeFormulas: true }), "a\n'=1\nx\n");
    assert.equal(await exported(text('a'), [['=1']], 'json', { byteOrderMark: true }), '[\n{"a":"=1"}\n]\n');
  });

  it('distinguish NULL from the empty string and quote if necessary', async () => {
    const rows: Row[] = [
      [null, ''],
      ['a,b', 'say "x"'],
      ['two\nlines\r\n', 'tab\there'],
      [' spaces ', '\\'],
      ['\\.', '\\N'],
      ['ž€😀', 'NULL'],
      ['', null],
      [null, null],
    ];
    assert.equal(
      await exported(text('id', 'a "b", c'), rows, 'csv'),
      'id,"a ""b"", c"\n,""\n"a,b","say ""x"""\n"two\nlines\r\n",tab\there\n spaces ,\\\n"\\.",\\N\nž€😀,NULL\n"",\n,\n',
    );
    assert.equal(
      await exported(text('id', 'a\tb'), rows, 'tsv'),
      'id\t"a\tb"\n\t""\na,b\t"say ""x"""\n"two\nlines\r\n"\t"tab\there"\n spaces \t\\\n"\\."\t\\N\nž€😀\tNULL\n""\t\n\t\n',
    );
  });

  it('write blocks without special characters unchanged', async () => {
    const rows = Array.from({ length: 1000 }, (_, i) => [String(i), `value ${i}`]);
    assert.equal(
      await exported(text('a', 'b'), rows, 'csv'),
      'a,b\n' + rows.map((row) => row.join(',') + '\n').join(''),
    );
    assert.equal(
      await exported(text('a', 'b'), rows, 'tsv'),
      'a\tb\n' + rows.map((row) => row.join('\t') + '\n').join(''),
    );
    for (const row of [
      ['', 'x'],
      ['x', ''],
      ['x', '"'],
      ['x', ','],
      ['x', '\\'],
      ['x', null],
    ] as const) {
      const quoted = row.map((value) =>
        value === null ? '' : ['', '"', ','].includes(value) ? `"${value.replace('"', '""')}"` : value,
      );
      for (const at of [0, 500, 1000]) {
        const all = await exported(text('a', 'b'), rows.toSpliced(at, 0, [...row] as never), 'csv');
        assert.equal(all.split('\n')[at + 1], quoted.join(','));
      }
    }
  });

  it('write a single column, also of empty values', async () => {
    assert.equal(await exported(text('a'), [[''], [null], ['x'], ['']], 'csv'), 'a\n""\n\nx\n""\n');
    assert.equal(await exported(text('a'), [[''], ['']], 'tsv', { header: false }), '""\n""\n');
  });
});

describe('JSON and NDJSON', () => {
  const columns: SpoolColumn[] = [
    { name: 'i', type: 'bigint' },
    { name: 'n', type: 'numeric(20,4)' },
    { name: 'f', type: 'double precision' },
    { name: 'b', type: 'boolean' },
    { name: 'j', type: 'jsonb' },
    { name: 't', type: 'text' },
  ];

  it('preserve digits and NULL', async () => {
    const rows: Row[] = [
      ['1', '1.10', '0.1', 't', '{"a": [1, null]}', 'é "\\\n\u0001\u2028'],
      ['9007199254740991', '123456789012.345', '1e+300', 'f', '"x"', ''],
      ['9007199254740992', '1234567890123.456', 'NaN', null, '{\n"a": "\\n"\r\n}', null],
      ['-9223372036854775808', '-0.000000000012', '-Infinity', 't', 'null', 'null'],
      ['-5', 'NaN', '5e-324', 't', null, '😀'],
      ['0', '0.' + '0'.repeat(320) + '1', '-0', 't', '12345678901234567890', '1'],
    ];
    const out = await exported(columns, rows, 'ndjson');
    assert.equal(
      out,
      [
        '{"i":1,"n":1.10,"f":0.1,"b":true,"j":{"a": [1, null]},"t":"é \\"\\\\\\n\\u0001\u2028"}',
        '{"i":9007199254740991,"n":123456789012.345,"f":1e+300,"b":false,"j":"x","t":""}',
        '{"i":"9007199254740992","n":"1234567890123.456","f":"NaN","b":null,"j":{ "a": "\\n" },"t":null}',
        '{"i":"-9223372036854775808","n":-0.000000000012,"f":"-Infinity","b":true,"j":null,"t":"null"}',
        '{"i":-5,"n":"NaN","f":5e-324,"b":true,"j":null,"t":"😀"}',
        `{"i":0,"n":"0.${'0'.repeat(320)}1","f":-0,"b":true,"j":12345678901234567890,"t":"1"}`,
        '',
      ].join('\n'),
    );
    const array = await exported(columns, rows, 'json');
    assert.deepEqual(
      JSON.parse(array),
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    );
    assert.deepEqual(JSON.parse(await exported(columns, [], 'json')), []);
  });

  it('escape special characters, alone and among plain rows', async () => {
    const plain: Row[] = Array.from({ length: 50 }, (_, i) => [String(i), 'plain é']);
    for (const value of ['\u0001', '\u001f', '\u007f', 'a"b', '\\', '\t', '\n', '\r', '\b\f', '"', '', "'", null]) {
      for (let at = 0; at < 8; at++) {
        const rows = plain.toSpliced(at, 0, ['9'.repeat(at + 1), value]);
        const out = await exported(TWO_COLUMNS, rows, 'ndjson');
        const expected = rows.map(([id, note]) => ({ id: Number(id), note }));
        assert.deepEqual(
          out
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as unknown),
          expected,
        );
      }
    }
  });

  it('keep all columns with equal names', async () => {
    const out = await exported(
      text('id', 'id', 'id_2', '', 'id', '__proto__'),
      [['1', '2', '3', '4', '5', '6']],
      'ndjson',
    );
    assert.equal(out, '{"id":"1","id_3":"2","id_2":"3","":"4","id_4":"5","__proto__":"6"}\n');
  });
});

describe('Markdown', () => {
  it('shows text literally, in its cell', async () => {
    const columns: SpoolColumn[] = [{ name: 'n|m', type: 'integer' }, ...text('snake_case')];
    const rows: Row[] = [
      ['1', 'a|b\nc <b>*x*</b> `y` [z](u) &amp;'],
      [null, 'NULL snake_case _it_ \\'],
    ];
    assert.equal(
      await exported(columns, rows, 'markdown'),
      '| n\\|m | snake_case |\n| ---: | --- |\n' +
        '| 1 | a\\|b<br>c \\<b\\>\\*x\\*\\</b\\> \\`y\\` \\[z\\](u) \\&amp; |\n' +
        '| *NULL* | NULL snake_case \\_it\\_ \\\\ |\n',
    );
  });
});

describe('SQL INSERT', () => {
  it('quotes names and values, and nothing else', async () => {
    const columns: SpoolColumn[] = [
      { name: 'i', type: 'integer' },
      { name: 'f', type: 'real' },
      { name: 'b', type: 'boolean' },
      { name: 'a "q"', type: 'text[]' },
    ];
    const rows: Row[] = [
      ['-1', '1e-07', 't', "it's"],
      [null, 'NaN', 'f', '\\x00'],
      ['2', '-0', null, "'); DROP TABLE x; --"],
    ];
    assert.equal(
      await exported(columns, rows, 'insert', { table: ['my schema', 'Tä"b'] }),
      'INSERT INTO "my schema"."Tä""b" ("i", "f", "b", "a ""q""") VALUES\n' +
        "(-1, 1e-07, true, 'it''s'),\n" +
        "(NULL, 'NaN', false, E'\\\\x00'),\n" +
        "(2, '-0', NULL, '''); DROP TABLE x; --');\n",
    );
    assert.equal(await exported(columns, [], 'insert'), '');
  });

  it('refuses values with NUL, which only a damaged file has, and writes nothing', async () => {
    await withFolder(async (folder) => {
      const reader = await spoolOf(folder, text('a'), [['a\0b']]);
      const code = 'value.nulCharacter';
      await assert.rejects(exportRows(reader, join(folder, 'out'), 'insert'), (error) => faultOf(error).code === code);
      assert.ok(!(await readdir(folder)).some((file) => file.startsWith('out')));
      await reader.close();
    });
  });

  it('limits the size of statements', async () => {
    const out = await exported(
      text('a'),
      manyRows(1001).map(([i]) => [i!]),
      'insert',
    );
    assert.equal(out.match(/INSERT INTO "result" \("a"\) VALUES\n/g)?.length, 3);
    assert.equal(out.match(/;\n/g)?.length, 3);
    const wide = await exported(
      text('a'),
      Array.from({ length: 5 }, () => ['x'.repeat(700_000)]),
      'insert',
    );
    assert.equal(wide.match(/INSERT/g)?.length, 3);
  });
});

describe('exports', () => {
  it('write selected columns, and rows in another order', async () => {
    const rows = [
      ['2', 'b'],
      ['1', 'a'],
      ['3', 'c'],
    ];
    const order = Uint32Array.of(1, 2);
    assert.equal(await exported(TWO_COLUMNS, rows, 'csv', { columns: [1, 0], order }), 'note,id\na,1\nc,3\n');
    assert.equal(await exported(TWO_COLUMNS, rows, 'tsv', { columns: [1] }), 'note\nb\na\nc\n');
    await assert.rejects(exported(TWO_COLUMNS, rows, 'csv', { columns: [2] }), RangeError);
  });

  it('write many sorted and filtered rows', async () => {
    await withFolder(async (folder) => {
      const reader = await spoolOf(folder, TWO_COLUMNS, manyRows(5000));
      const filter = { column: 1, operator: 'isNull' } as const;
      const { order } = await orderRows(reader, [{ column: 0, direction: 'descending' }], [filter]);
      const file = join(folder, 'out.csv');
      await exportRows(reader, file, 'csv', { order });
      const expected = Array.from({ length: 715 }, (_, i) => `${4998 - 7 * i},`);
      assert.equal(await readFile(file, 'utf8'), ['id,note', ...expected, ''].join('\n'));
      await reader.close();
    });
  });

  it('report progress, and wait for a slow stream', async () => {
    await withFolder(async (folder) => {
      const reader = await spoolOf(folder, TWO_COLUMNS, manyRows(60_000));
      let waiting = 0;
      let maxWaiting = 0;
      const slow = new Writable({
        highWaterMark: 1,
        write: (_chunk, _encoding, done) => {
          waiting++;
          maxWaiting = Math.max(maxWaiting, waiting);
          setTimeout(() => {
            waiting--;
            done();
          }, 2);
        },
      });
      const seen: number[] = [];
      await exportRows(reader, slow, 'json', { progress: ({ rows, fraction }) => seen.push(rows, fraction) });
      assert.equal(maxWaiting, 1);
      assert.ok(seen.length > 6);
      assert.deepEqual(seen.slice(-2), [60_000, 1]);
      assert.equal(slow.writableEnded, false);
      const broken = new PassThrough();
      broken.on('error', () => undefined);
      broken.destroy(new Error('pipe is gone'));
      await assert.rejects(exportRows(reader, broken, 'json'));
      await reader.close();
    });
  });

  it('leave no partial file and keep the previous one if canceled', async () => {
    await withFolder(async (folder) => {
      const reader = await spoolOf(folder, TWO_COLUMNS, manyRows(60_000));
      const out = join(folder, 'out');
      await mkdir(out);
      await writeFile(join(out, 'old'), 'precious');
      const order = Uint32Array.from({ length: 5000 }, (_, i) => i);
      for (const name of ['old', 'new']) {
        for (const options of [{}, { order }]) {
          const stop = new AbortController();
          const progress = (): void => stop.abort(new Error('enough'));
          await assert.rejects(
            exportRows(reader, join(out, name), 'csv', { ...options, signal: stop.signal, progress }),
            /enough/,
          );
        }
      }
      await assert.rejects(exportRows(reader, join(out, 'no', 'folder'), 'csv'), /ENOENT/);
      assert.deepEqual(await readdir(out), ['old']);
      assert.equal(await readFile(join(out, 'old'), 'utf8'), 'precious');
      await reader.close();
    });
  });

  const posixIt = process.platform === 'win32' ? it.skip : it;
  posixIt('replace a file behind a link, with its mode', async () => {
    await withFolder(async (folder) => {
      const reader = await spoolOf(folder, TWO_COLUMNS, [['1', 'a']]);
      await writeFile(join(folder, 'real'), 'old');
      await chmod(join(folder, 'real'), 0o600);
      await symlink(join(folder, 'real'), join(folder, 'link'));
      await exportRows(reader, join(folder, 'link'), 'csv');
      assert.equal(await readFile(join(folder, 'real'), 'utf8'), 'id,note\n1,a\n');
      assert.equal((await stat(join(folder, 'real'))).mode & 0o777, 0o600);
      await exportRows(reader, '/dev/null', 'csv');
      await reader.close();
    });
  });

  const linuxIt = process.platform === 'linux' ? it : it.skip;
  linuxIt('report a full disk', async () => {
    await withFolder(async (folder) => {
      const reader = await spoolOf(folder, TWO_COLUMNS, manyRows(10));
      await assert.rejects(exportRows(reader, '/dev/full', 'csv'), {
        fault: { code: 'rows.exportDiskFull', params: { file: '/dev/full' } },
      });
      await reader.close();
    });
  });
});
