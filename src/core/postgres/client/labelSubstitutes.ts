/** Labels to send if the database's encoding cannot represent the given one, the closest first: with Latin-1 only, then ASCII only. */
export function substitutesOf(label: string): readonly string[] {
  const latin = label.replace(/[^\u0000-\u00ff]/gu, '?');
  const ascii = label.replace(/[^\u0000-\u007f]/gu, '?');
  return [...new Set([latin, ascii])].filter((substitute) => substitute !== label);
}
