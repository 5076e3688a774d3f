/** The language ids under which editors open PostgreSQL's SQL: VS Code's own and those of other extensions. */
export const SQL_LANGUAGES = ['sql', 'postgres', 'postgresql', 'pgsql', 'plpgsql', 'psql'] as const;

/** Where our lenses, completions and so on apply; any scheme, so that untitled files and notebook cells count too. */
export const SQL_SELECTOR: readonly { readonly language: string }[] = SQL_LANGUAGES.map((language) => ({ language }));

const KNOWN = new Set<string>(SQL_LANGUAGES);

export function isSql(document: { readonly languageId: string } | undefined): boolean {
  return document !== undefined && KNOWN.has(document.languageId);
}
