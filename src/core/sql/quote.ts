/** Quotes names and values as SQL that means exactly them, whatever they contain. */
import { ValueError } from './faults';

/**
 * A name in double quotes. Always quoted, because whether a name needs quotes depends on the server's list of keywords.
 *
 * @throws ValueError if the name contains NUL
 */
export function quoteIdent(name: string): string {
  return `"${withoutNul(name).replaceAll('"', '""')}"`;
}

/** Quoted names joined by dots: `quoteQualified('a', 'b')` is `"a"."b"`. */
export function quoteQualified(...names: readonly string[]): string {
  return names.map(quoteIdent).join('.');
}

/**
 * A value as a string constant: an `E''` string if it contains a backslash, so that `standard_conforming_strings` does not matter.
 *
 * @throws ValueError if the value contains NUL
 */
export function quoteLiteral(value: string): string {
  const doubled = withoutNul(value).replaceAll("'", "''");
  return doubled.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}

/** A dollar quote that the text does not contain. */
export function dollarTagFor(text: string, name: string): string {
  let tag = `$${name}$`;
  for (let n = 1; text.includes(tag); n++) tag = `$${name}_${n}$`;
  return tag;
}

/** PostgreSQL cannot store NUL in text, and a NUL would end the SQL early. */
function withoutNul(text: string): string {
  if (text.includes('\0')) throw new ValueError({ code: 'value.nulCharacter' });
  return text;
}
