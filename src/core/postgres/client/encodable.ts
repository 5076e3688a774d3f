/** SQLSTATE untranslatable_character and character_not_in_repertoire: a text that the database's encoding cannot hold. */
const UNSENDABLE = new Set(['22P05', '22021']);

export function isUnsendable(sqlstate: string): boolean {
  return UNSENDABLE.has(sqlstate);
}

/** What to send instead of a label, the closest first: without characters beyond Latin-1, then without those beyond ASCII. */
export function substitutesOf(label: string): readonly string[] {
  const latin = label.replace(/[^\u0000-\u00ff]/gu, '?');
  const ascii = label.replace(/[^\u0000-\u007f]/gu, '?');
  return [...new Set([latin, ascii])].filter((one) => one !== label);
}
