/** PostgreSQL's numeric types, money and object identifiers, as `format_type()` writes them. */
const NUMERIC = new Set([
  'smallint',
  'integer',
  'bigint',
  'real',
  'double precision',
  'numeric',
  'money',
  'oid',
  'xid',
  'xid8',
  'cid',
]);

/** True where the values of a type are numbers, which are shown at the right. Arrays of them are not. */
export function isNumeric(type: string): boolean {
  return NUMERIC.has(type.replace(/\(.*\)$/, ''));
}
