import { directivesOf } from '../../core/sql/directives';

/**
 * The connections on which these texts would run, without duplicates.
 *
 * @param fallback the connection of texts without a directive; undefined if the user would be asked
 * @param resolve returns the full name of a connection for the name in a directive
 */
export function connectionNames(
  texts: readonly string[],
  fallback: string | undefined,
  resolve: (name: string) => string,
): readonly (string | undefined)[] {
  const names = texts.map((text) => {
    // A selection may be long, so it is read only if it contains a comment.
    const { connection } = text.includes('--') ? directivesOf(text) : {};
    return connection === undefined ? fallback : resolve(connection);
  });
  return names.length === 0 ? [fallback] : [...new Set(names)];
}
