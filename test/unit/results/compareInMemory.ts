import type { Comparison } from '../../../src/core/results/compare/compare';
import type { SpoolColumn } from '../../../src/core/results/spool/spool';

export type Row = (string | null)[];

/** A comparison with its rows. */
export interface Compared extends Comparison {
  readonly rows: readonly Row[];
  readonly columns: readonly SpoolColumn[];
}

/** The same comparison as simple as possible. */
export function compareInMemory(
  columns: readonly SpoolColumn[],
  before: readonly Row[],
  after: readonly Row[],
  keys: readonly string[],
): Compared {
  const canonical = (value: string | null, type: string): unknown => {
    if (value === null) return null;
    if (type === 'integer' || type === 'numeric') return Number(value) + 0;
    if (type !== 'timestamp with time zone' || value === 'infinity') return value;
    return value.includes('.000001') ? 'later' : Date.parse(value.replace(/([+-]\d\d)$/, '$1:00'));
  };
  const same = (a: Row, b: Row, i: number): boolean =>
    canonical(a[i] ?? null, columns[i]?.type ?? '') === canonical(b[i] ?? null, columns[i]?.type ?? '');
  const keyPlaces = keys.map((key) => columns.findIndex(({ name }) => name === key));
  const keyOf = (row: Row): string =>
    JSON.stringify(keyPlaces.map((place) => canonical(row[place] ?? null, columns[place]?.type ?? '')));
  const order = [...new Set([...keyPlaces, ...columns.keys()])];
  const write = (change: string, row: Row, changed = ''): Row => [
    change,
    changed,
    ...order.map((place) => row[place] ?? null),
  ];
  const groups = new Map<string, { before: Row[]; after: Row[] }>();
  const groupOf = (row: Row): { before: Row[]; after: Row[] } => {
    const group = groups.get(keyOf(row)) ?? { before: [], after: [] };
    groups.set(keyOf(row), group);
    return group;
  };
  for (const row of before) groupOf(row).before.push(row);
  for (const row of after) groupOf(row).after.push(row);
  const rows: Row[] = [];
  let [added, removed, changed, equal, duplicateKeys] = [0, 0, 0, 0, 0];
  const text = (value: string | null): string => {
    if (value === null) return 'NULL';
    const isClear = value !== '' && value !== 'NULL' && !value.includes('→') && !/^["\s]|\s$/.test(value);
    return isClear ? value : `"${value.replaceAll('"', '""')}"`;
  };
  for (const group of groups.values()) {
    const [old] = group.before;
    const [now] = group.after;
    if (group.before.length > 1 || group.after.length > 1) duplicateKeys++;
    if (group.before.length === 1 && group.after.length === 1 && old && now) {
      const places = order.filter((place) => !same(old, now, place));
      if (places.length === 0) {
        equal++;
        continue;
      }
      changed++;
      const both = now.map((value, place) => {
        if (!places.includes(place)) return value;
        const was = old[place] ?? null;
        const isLong = [was, value].some((one) => /\n/.test(one ?? '') || (one ?? '').length > 100);
        return text(was) + (isLong ? '\n→\n' : ' → ') + text(value);
      });
      rows.push(write('changed', both, places.map((place) => columns[place]?.name).join(', ')));
      continue;
    }
    const left = [...group.after];
    for (const row of group.before) {
      const match = left.findIndex((other) => columns.every((_, i) => same(row, other, i)));
      if (match === -1) {
        removed++;
        rows.push(write('removed', row));
      } else {
        equal++;
        left.splice(match, 1);
      }
    }
    for (const row of left) {
      added++;
      rows.push(write('added', row));
    }
  }
  return { added, removed, changed, equal, duplicateKeys, rows, columns, changedIn: [] };
}
