/**
 * Whether a label matches a pattern in which `*` stands for any text and `?` for any character. Case is ignored.
 *
 * Does not use a regular expression, because this runs on every key press and several `*` can make one extremely slow.
 */
export function matchesLabel(pattern: string, label: string): boolean {
  const wanted = Array.from(pattern.toLowerCase());
  const given = Array.from(label.toLowerCase());
  let at = 0;
  /** The last `*` and the end of its match, which is extended when the rest does not match. */
  let star = -1;
  let reach = 0;
  for (let i = 0; i < given.length;) {
    if (wanted[at] === '*') {
      star = at++;
      reach = i;
    } else if (wanted[at] === '?' || (at < wanted.length && wanted[at] === given[i])) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++reach;
    } else {
      return false;
    }
  }
  while (wanted[at] === '*') at++;
  return at === wanted.length;
}
