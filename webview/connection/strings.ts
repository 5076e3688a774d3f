import type { ConnectionStringKey, ConnectionStrings } from '../../src/shared/connectionStrings';

let table: ConnectionStrings | undefined;

export function setStrings(strings: ConnectionStrings): void {
  table = strings;
}

/** A text of the page in the user's language, its `{0}` filled in. */
export function text(key: ConnectionStringKey, value = ''): string {
  return (table?.[key] ?? key).replace('{0}', () => value);
}
