/**
 * SQL for a time as text, in UTC with microseconds. Every session formats it alike, whatever its TimeZone and DateStyle, so that it
 * can identify a process together with its pid.
 * @param expression SQL of type timestamptz
 */
export function timeText(expression: string): string {
  return `pg_catalog.to_char(${expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
