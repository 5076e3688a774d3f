import assert from 'node:assert/strict';
import { formatSelection } from '../../../src/core/results/format/clipboard';
import type { Row } from '../../../src/shared/rowCodec';
import { TWO_COLUMNS } from './support';

describe('formatSelection', () => {
  const rows: Row[] = [
    ['1', 'é "x"\t'],
    [null, ''],
  ];

  it('formats each format, optionally with column names', () => {
    const cases = [
      ['tsv', false, '1\t"é ""x""\t"\n\t'],
      ['tsv', true, 'id\tnote\n1\t"é ""x""\t"\n\t'],
      ['csv', false, '1,"é ""x""\t"\n,""'],
      ['csv', true, 'id,note\n1,"é ""x""\t"\n,""'],
      ['json', false, '[\n{"id":1,"note":"é \\"x\\"\\t"},\n{"id":null,"note":""}\n]'],
      ['ndjson', true, '{"id":1,"note":"é \\"x\\"\\t"}\n{"id":null,"note":""}'],
      ['markdown', true, '| id | note |\n| ---: | --- |\n| 1 | é "x"\t |\n| *NULL* |  |'],
      ['markdown', false, '|  |  |\n| ---: | --- |\n| 1 | é "x"\t |\n| *NULL* |  |'],
      ['insert', false, 'INSERT INTO "t" ("id", "note") VALUES\n(1, \'é "x"\t\'),\n(NULL, \'\');'],
    ] as const;
    for (const [format, header, expected] of cases) {
      assert.equal(formatSelection(format, TWO_COLUMNS, rows, { header, table: ['t'] }), expected, format);
    }
  });

  it('copies a single cell unquoted, whatever it contains', () => {
    const [, note] = TWO_COLUMNS;
    for (const value of ['a b', '{"a": 1}', 'a\n', 'a\tb', '=1+1', '"']) {
      assert.equal(formatSelection('tsv', [note!], [[value]], { escapeFormulas: true }), value);
    }
    assert.equal(formatSelection('tsv', [note!], [[null]]), '');
    assert.equal(formatSelection('csv', [note!], [['a b']]), 'a b');
    // Two cells are a table, and so is one cell with its column name.
    assert.equal(formatSelection('tsv', [note!], [['"'], ['a\n']]), '""""\n"a\n"');
    assert.equal(formatSelection('tsv', [note!], [['"']], { header: true }), 'note\n""""');
    assert.equal(formatSelection('tsv', [note!], []), '');
  });

  it('escapes formulas on request', () => {
    const options = { escapeFormulas: true, delimiter: ';' } as const;
    const line = ['=1+1', '-1', '-1+x', '@a', '+4.5e3', '\t=x', 'a=b'];
    const many = line.map((_, i) => ({ ...TWO_COLUMNS[1]!, name: `c${i}` }));
    assert.equal(formatSelection('tsv', many, [line], options), "'=1+1\t-1\t'-1+x\t'@a\t+4.5e3\t\"'\t=x\"\ta=b");
    assert.equal(formatSelection('csv', many, [line], options), "'=1+1;-1;'-1+x;'@a;+4.5e3;'\t=x;a=b");
    assert.equal(formatSelection('csv', many, [line]), '=1+1,-1,-1+x,@a,+4.5e3,\t=x,a=b');
  });

  it('escapes dollar signs in Markdown', () => {
    assert.equal(
      formatSelection('markdown', [TWO_COLUMNS[1]!], [['$a$ and $$b$$']]).split('\n')[2],
      '| \\$a\\$ and \\$\\$b\\$\\$ |',
    );
  });
});
