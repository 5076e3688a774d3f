import type { Statement } from './statements';
export function classify(text: string, s: Statement): { kind: string; returnsRows: boolean | 'unknown'; selectLike: boolean } {
  const k = s.keyword.toLowerCase();
  const selectLike = ['select', 'values', 'table', 'with'].includes(k);
  return { kind: k, returnsRows: selectLike || 'unknown', selectLike };
}
