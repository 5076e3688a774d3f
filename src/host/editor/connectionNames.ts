import { directivesOf } from '../../core/sql/directives';

/**
 * The connections that a run of these texts uses, each once.
 *
 * @param fallback of what names none itself; undefined: the user is asked
 * @param resolve the name under which a connection is known, for one that a comment gives
 */
export function connectionNames(
  texts: readonly string[],
  fallback: string | undefined,
  resolve: (name: string) => string,
): readonly (string | undefined)[] {
  const names = texts.map((text) => {
    // Most texts have no such comment, and a selection may be long.
    const { connection } = text.includes('--') ? directivesOf(text) : {};
    return connection === undefined ? fallback : resolve(connection);
  });
  return names.length === 0 ? [fallback] : [...new Set(names)];
}
