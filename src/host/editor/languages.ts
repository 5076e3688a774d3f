/** The language ids of PostgreSQL's SQL: VS Code's own and those of other extensions. */
export const SQL_LANGUAGES = ['sql', 'postgres', 'postgresql', 'pgsql', 'plpgsql', 'psql'] as const;

/** Selects SQL documents of any scheme, including untitled files and notebook cells. */
export const SQL_SELECTOR: readonly { readonly language: string }[] = SQL_LANGUAGES.map((language) => ({ language }));

const KNOWN_LANGUAGES = new Set<string>(SQL_LANGUAGES);

export function isSql(document: { readonly languageId: string } | undefined): boolean {
  return document !== undefined && KNOWN_LANGUAGES.has(document.languageId);
}
