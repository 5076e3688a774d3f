export function checkBeforeLaunch(sql: string): { severity: string; message: string }[] { return sql.trim() === '' ? [{ severity: 'error', message: 'The SQL is empty.' }] : []; }
