/** True where a label is like a pattern in which `*` stands for any text and `?` for any character. Case does not matter. */
export function matchesLabel(pattern: string, label: string): boolean {
  const source = Array.from(pattern)
    .map((character) => {
      if (character === '*') return '.*';
      if (character === '?') return '.';
      return character.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    })
    .join('');
  return new RegExp(`^${source}$`, 'isu').test(label);
}
