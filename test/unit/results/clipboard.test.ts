import assert from 'node:assert/strict';
import { formatSelection } from '../../../src/core/results/clipboard';
import type { Row } from '../../../src/shared/rowCodec';
import { TWO_COLUMNS } from './support';

describe('formatSelection', () => {
  const rows: Row[] = [
    ['1', 'é "x"\t'],
    [null, ''],
  ];

  it('writes each format, with the names of the columns on request', () => {
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

  it('gives a single cell as it is', () => {
    for (const format of ['tsv', 'csv'] as const)
      assert.equal(formatSelection(format, [TWO_COLUMNS[1]!], [['a b']]), 'a b');
    assert.equal(formatSelection('tsv', [TWO_COLUMNS[1]!], [['a\n']]), '"a\n"');
    assert.equal(formatSelection('tsv', [TWO_COLUMNS[1]!], []), '');
  });
});
