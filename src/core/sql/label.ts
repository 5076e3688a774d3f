export function labelFor(sql: string): string { return (/--\s*label:\s*(.+)/.exec(sql)?.[1] ?? sql.replace(/\s+/g, ' ')).slice(0, 60); }
export function truncateLabel(l: string): string { return l.slice(0, 60); }
