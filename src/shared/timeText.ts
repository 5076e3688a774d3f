/** Formats a duration: `12 ms`, `3.2 s`, `12 s`, `3:07`, `1:02:09`. Truncates instead of rounding up. @param ms milliseconds */
export function formatSpan(ms: number): string {
  const total = Math.max(0, ms);
  if (total < 1000) return `${Math.floor(total)} ms`;
  if (total < 10_000) return `${(Math.floor(total / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(total / 1000);
  if (seconds < 60) return `${seconds} s`;
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** Formats a running duration in whole seconds, so that the text does not flicker. @param ms milliseconds */
export function formatRunning(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return seconds < 10 ? `${seconds} s` : formatSpan(seconds * 1000);
}

/** Formats a date and time with seconds in the user's language. @param at milliseconds since 1970 */
export function formatDate(at: number, language: string): string {
  return new Date(at).toLocaleString(language, { dateStyle: 'medium', timeStyle: 'medium' });
}

/** Formats the time of day without seconds, or the date if it is not the day of `now`. @param at milliseconds since 1970 */
export function formatTime(at: number, now: number, language: string): string {
  const [date, today] = [new Date(at), new Date(now)];
  if (date.toDateString() === today.toDateString()) return date.toLocaleTimeString(language, { timeStyle: 'short' });
  const year = date.getFullYear() === today.getFullYear() ? {} : { year: 'numeric' as const };
  return date.toLocaleDateString(language, { month: 'short', day: 'numeric', ...year });
}
