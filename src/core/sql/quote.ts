/** Names and values as SQL text that means exactly them, whatever they contain. */

/** A name in double quotes. Always quoted: whether a name needs it depends on the server's list of keywords. */
export function quoteIdent(name: string): string {
  return `"${withoutNul(name).replaceAll('"', '""')}"`;
}

/** Names joined by dots, each quoted: `quoteQualified('a', 'b')` is `"a"."b"`. */
export function quoteQualified(...names: readonly string[]): string {
  return names.map(quoteIdent).join('.');
}

/** A value as a string constant; as an `E''` string where it has a backslash, so that the server's settings do not matter. */
export function quoteLiteral(value: string): string {
  const doubled = withoutNul(value).replaceAll("'", "''");
  return doubled.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}

/** A dollar quote that a text does not contain. */
export function dollarTagFor(text: string, name: string): string {
  let tag = `$${name}$`;
  for (let n = 1; text.includes(tag); n++) tag = `$${name}_${n}$`;
  return tag;
}

/** @throws RangeError on NUL, which PostgreSQL cannot store in any text and would cut the SQL off. */
function withoutNul(text: string): string {
  if (text.includes('\0')) throw new RangeError('PostgreSQL cannot take a NUL character in a name or a value.');
  return text;
}
