import type { ConnectionStringKey, ConnectionStrings } from '../../src/shared/connectionStrings';

let table: ConnectionStrings | undefined;

export function setStrings(strings: ConnectionStrings): void {
  table = strings;
}

/** Returns a text of the page in the user's language. `value` replaces `{0}`. */
export function text(key: ConnectionStringKey, value = ''): string {
  return (table?.[key] ?? key).replace('{0}', () => value);
}
