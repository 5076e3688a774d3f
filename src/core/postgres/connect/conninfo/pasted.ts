/**
 * What people paste in place of a connection string of libpq: with quotes around it, as an assignment, as a psql command, or in
 * the form of another driver. Messages never repeat the text, which may hold a password.
 */
import { readAdo } from './adoString';
import { ConnectError } from '../errors';
import { readPsqlCommand } from './psqlCommand';

/** A connection string of libpq, or the parameters of another form by libpq's keyword. */
export type Pasted =
  | { readonly text: string }
  | {
      /** Over these comes `text`, as psql lets it. */
      readonly parameters: ReadonlyMap<string, string>;
      readonly text?: string;
      /** Settings of other programs that were left out. */
      readonly ignored: readonly string[];
    };

/** SQLAlchemy, JDBC, R2DBC, Django and others put their own words before the address. */
const SCHEME = /^(?:jdbc:|r2dbc:(?:pool:)?)?(?:postgres(?:ql)?|pgsql|postgis|psql|timescale(?:gis)?)(?:\+\w+)?:\/\//i;
const SHORT_JDBC = /^jdbc:postgresql:(?!\/\/)\/?/i;

/** `DATABASE_URL=…` of a shell or an .env file, `url: …` of a configuration. */
const ASSIGNMENT =
  /^(?:(?:export|set|setx)\s+|\$env:)?["']?[A-Za-z_][\w.-]*["']?\s*[=:]\s*(?=["']?[\w+:]+:\/\/)([\s\S]+)$/;

/** True for the address of a PostgreSQL server, as variables hold it. */
export function isAddress(text: string): boolean {
  return SCHEME.test(text);
}

/** @throws ConnectError ('profile') if it is clear what is meant and cannot be used */
export function readPasted(text: string): Pasted {
  const bare = withoutWrapping(text);
  const assigned = ASSIGNMENT.exec(bare)?.[1];
  const address = assigned === undefined || SCHEME.test(bare) ? bare : withoutWrapping(assigned);
  const scheme = SCHEME.exec(address)?.[0];
  if (scheme !== undefined) return { text: trimUri(`postgresql://${address.slice(scheme.length)}`) };
  const short = SHORT_JDBC.exec(address)?.[0];
  if (short !== undefined) return { text: trimUri(`postgresql:///${address.slice(short.length)}`) };
  const other = /^(?:jdbc:)?([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1];
  if (other !== undefined) {
    throw new ConnectError(
      'profile',
      `The address begins with "${other}://", which is not PostgreSQL's: write postgres://user@host:5432/database.`,
    );
  }
  return readPsqlCommand(bare) ?? readAdo(bare.replace(/^pgsql:/i, '')) ?? { text: trimDsn(bare) };
}

const WRAPPED = /^(?:"([^"]*)"|'([^']*)'|`([^`]*)`|“([^”]*)”|‘([^’]*)’|<([^<>]*)>)[;,]*$/;

/** Without blanks, invisible characters, and the quotes and semicolons that are copied along with it. */
function withoutWrapping(text: string): string {
  let bare = text;
  let before: string;
  do {
    before = bare;
    // What browsers and chats copy along: byte order marks, zero-width and no-break blanks.
    bare = bare.replace(/^[\s\uFEFF\u200B-\u200D\u2060]+|[\s\uFEFF\u200B-\u200D\u2060]+$/g, '');
    const parts: readonly (string | undefined)[] = WRAPPED.exec(bare) ?? [];
    const quoted = parts.slice(1).find((part) => part !== undefined);
    if (quoted !== undefined) bare = quoted;
  } while (before !== bare);
  return bare;
}

/** Without the semicolons of the statement that it stood in. One in a name is written as %3B; a password is left alone. */
function trimUri(uri: string): string {
  return /[?&](?:ssl)?password=[^&]*$/i.test(uri) ? uri : uri.replace(/;+$/, '');
}

function trimDsn(dsn: string): string {
  return /password\s*=\s*\S*$/i.test(dsn) || dsn.endsWith('\\;') ? dsn : dsn.replace(/\s*;+$/, '');
}
