export interface Statement { readonly start: number; readonly end: number; readonly leadStart: number; readonly terminated: boolean; readonly keyword: string }
export interface SplitText { readonly statements: readonly Statement[]; readonly problems: readonly never[] }
export function splitStatements(text: string): SplitText {
  const statements: Statement[] = [];
  const re = /(?:\$\$[\s\S]*?\$\$|'[^']*'|--[^\n]*|[^;'$-]|[$-])+/g;
  for (const m of text.matchAll(re)) {
    const raw = m[0];
    const lead = /^(?:\s|--[^\n]*\n?)*/.exec(raw)?.[0].length ?? 0;
    if (raw.slice(lead).trim() === '') continue;
    const start = m.index + lead;
    const end = m.index + raw.trimEnd().length;
    statements.push({ start, end, leadStart: m.index, terminated: true, keyword: /^\w+/.exec(text.slice(start))?.[0].toUpperCase() ?? '' });
  }
  return { statements, problems: [] };
}
