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

/** Formats a range of durations: `3–5 min`, `50 s – 4 min`, `3 min` if both ends read the same. @param lowMs milliseconds, as highMs */
export function formatRange(lowMs: number, highMs: number, language: string): string {
  const [low, high] = [rounded(lowMs, language), rounded(highMs, language)];
  if (low.unit !== high.unit) return `${low.value} ${low.unit} – ${high.value} ${high.unit}`;
  return `${low.value === high.value ? low.value : `${low.value}–${high.value}`} ${high.unit}`;
}

/** Rounds a duration to what matters for an estimate. Minutes begin at 90 s, and hours at 90 min, so that the steps are not too large. */
function rounded(ms: number, language: string): { readonly value: string; readonly unit: string } {
  const format = (value: number): string =>
    value.toLocaleString(language, { maximumFractionDigits: value < 10 ? 1 : 0 });
  if (Math.round(ms) < 1000) return { value: String(Math.round(ms)), unit: 'ms' };
  if (ms < 90_000) return { value: format(ms / 1000), unit: 's' };
  if (ms < 5_400_000) return { value: String(Math.round(ms / 60_000)), unit: 'min' };
  return { value: format(ms / 3_600_000), unit: 'h' };
}

/** Whether two times are on the same local day. Milliseconds since 1970. */
export function isSameDay(at: number, other: number): boolean {
  return new Date(at).toDateString() === new Date(other).toDateString();
}
