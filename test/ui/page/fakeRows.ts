/** Generates rows on request: 1,000,000 of them need no memory, and tests know every value. */
import type { CellView, ColumnView, Tile } from '../../../src/shared/resultsProtocol';
import type { TileRange } from '../../../src/shared/resultsRequests';

export const ATTACK = '<img src=x onerror="window.attacked=1"><script>window.attacked=1</script>';

const BASE: readonly ColumnView[] = [
  { name: 'id', type: 'integer', numeric: true },
  { name: 'name', type: 'text', numeric: false },
  { name: 'amount', type: 'numeric(12,2)', numeric: true },
  { name: 'note', type: 'text', numeric: false },
  { name: 'created_at', type: 'timestamp with time zone', numeric: false },
  { name: 'doc', type: 'jsonb', numeric: false },
  { name: 'ok', type: 'boolean', numeric: false },
  { name: ATTACK, type: 'text', numeric: false },
];

const NAMES = ['Ada Lovelace', 'Edgar F. Codd', 'Grace Hopper', 'Michael Stonebraker', 'Čapek', '渡辺', 'Наталья'];

/** Base columns, followed by numbered ones. */
export function fakeColumns(count: number): ColumnView[] {
  return Array.from(
    { length: count },
    (_, index) => BASE[index] ?? { name: `mmmm${index}`, type: 'int', numeric: true },
  );
}

/** The whole value of a cell. Row and column count from 0. */
export function fakeValue(row: number, column: number): string | null {
  switch (column) {
    case 0:
      return (row + 1).toString();
    case 1:
      return NAMES[row % NAMES.length] ?? '';
    case 2:
      return row % 11 === 3 ? null : (((row * 7919) % 1_000_000) / 100).toFixed(2);
    case 3:
      return NOTES[row % NOTES.length] ?? null;
    case 4:
      return `2026-03-${((row % 28) + 1).toString().padStart(2, '0')} 12:00:00.${(row % 1000).toString().padStart(6, '0')}+00`;
    case 5:
      return `{"id": ${row + 1}, "big": 12345678901234567890123, "tags": ["a", "b", null], "nested": {"ok": true, "text": "line\\nbreak"}}`;
    case 6:
      return row % 3 === 0 ? 't' : 'f';
    case 7:
      return ATTACK;
    default:
      return ((row + 1) * column).toString();
  }
}

const NOTES: readonly (string | null)[] = [
  null,
  '',
  'NULL',
  'two\nlines',
  'a\ttab',
  'x'.repeat(1_000),
  '  spaces  ',
  'plain',
];

/** A tile of generated values. */
export function fakeTile(range: TileRange, rows: number, cut: number, order: (row: number) => number): Tile {
  const count = Math.max(0, Math.min(range.rows, rows - range.row));
  const cells = Array.from({ length: count }, (_, r) =>
    Array.from({ length: range.columns }, (_unused, c): CellView => {
      const value = fakeValue(order(range.row + r), range.column + c);
      return value !== null && value.length > cut ? { cut: value.slice(0, cut), length: value.length } : value;
    }),
  );
  return { row: range.row, column: range.column, cells };
}
