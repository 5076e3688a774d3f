/** What to send instead of a label, the closest first: without characters beyond Latin-1, then without those beyond ASCII. */
export function substitutesOf(label: string): readonly string[] {
  const latin = label.replace(/[^\u0000-\u00ff]/gu, '?');
  const ascii = label.replace(/[^\u0000-\u007f]/gu, '?');
  return [...new Set([latin, ascii])].filter((one) => one !== label);
}
