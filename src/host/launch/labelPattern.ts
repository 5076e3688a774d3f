/**
 * True where a label is like a pattern in which `*` stands for any text and `?` for any character. Case does not matter.
 *
 * Not by a regular expression: with several `*` one can take for ever, and this is asked at every key.
 */
export function matchesLabel(pattern: string, label: string): boolean {
  const wanted = Array.from(pattern.toLowerCase());
  const given = Array.from(label.toLowerCase());
  let at = 0;
  /** The last `*`, and how far it reaches; where the rest does not match it takes one more. */
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
