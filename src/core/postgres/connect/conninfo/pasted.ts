/**
 * Recognizes what people paste instead of a plain connection string: with quotes around it, as an assignment, as a psql command,
 * or in the form of another driver. Faults never repeat the text, which may contain a password.
 */
import { readAdo } from './adoString';
import { profileError } from './faults';
import { readPsqlCommand } from './psqlCommand';

/** A connection string of libpq, or parameters by libpq's keywords. */
export type Pasted =
  | { readonly text: string }
  | {
      /** Parameters in `text` override these, as in psql. */
      readonly parameters: ReadonlyMap<string, string>;
      readonly text?: string;
      /** Skipped settings of other programs. */
      readonly ignored: readonly string[];
    };

/** SQLAlchemy, JDBC, R2DBC, Django, and others put a prefix before the address. */
const SCHEME = /^(?:jdbc:|r2dbc:(?:pool:)?)?(?:postgres(?:ql)?|pgsql|postgis|psql|timescale(?:gis)?)(?:\+\w+)?:\/\//i;
const SHORT_JDBC = /^jdbc:postgresql:(?!\/\/)\/?/i;

/** `DATABASE_URL=…` of a shell or an .env file, `url: …` of a configuration. */
const ASSIGNMENT =
  /^(?:(?:export|set|setx)\s+|\$env:)?["']?[A-Za-z_][\w.-]*["']?\s*[=:]\s*(?=["']?[\w+:]+:\/\/)([\s\S]+)$/;

/** True for the URI of a PostgreSQL server, in any of the forms that environment variables contain. */
export function isAddress(text: string): boolean {
  return SCHEME.test(text);
}

/** @throws ConnectError ('profile') if the form is recognized but cannot be used */
export function readPasted(text: string): Pasted {
  const bare = unwrap(text);
  const assigned = ASSIGNMENT.exec(bare)?.[1];
  const address = assigned === undefined || SCHEME.test(bare) ? bare : unwrap(assigned);
  const scheme = SCHEME.exec(address)?.[0];
  if (scheme !== undefined) return { text: trimUri(`postgresql://${address.slice(scheme.length)}`) };
  const short = SHORT_JDBC.exec(address)?.[0];
  if (short !== undefined) return { text: trimUri(`postgresql:///${address.slice(short.length)}`) };
  const other = /^(?:jdbc:)?([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1];
  if (other !== undefined) throw profileError({ code: 'conninfo.otherScheme', params: { scheme: other } });
  return readPsqlCommand(bare) ?? readAdo(bare.replace(/^pgsql:/i, '')) ?? { text: trimDsn(bare) };
}

const WRAPPED = /^(?:"([^"]*)"|'([^']*)'|`([^`]*)`|“([^”]*)”|‘([^’]*)’|<([^<>]*)>)[;,]*$/;

/** Removes blanks, invisible characters, and the quotes and semicolons that were copied along. */
function unwrap(text: string): string {
  let bare = text;
  let before: string;
  do {
    before = bare;
    // Browsers and chats copy byte order marks, and zero-width and no-break spaces.
    bare = bare.replace(/^[\s\uFEFF\u200B-\u200D\u2060]+|[\s\uFEFF\u200B-\u200D\u2060]+$/g, '');
    const parts: readonly (string | undefined)[] = WRAPPED.exec(bare) ?? [];
    const quoted = parts.slice(1).find((part) => part !== undefined);
    if (quoted !== undefined) bare = quoted;
  } while (before !== bare);
  return bare;
}

/** Removes semicolons at the end, which end a statement: in a name they would be %3B. A password may end with one. */
function trimUri(uri: string): string {
  return /[?&](?:ssl)?password=[^&]*$/i.test(uri) ? uri : uri.replace(/;+$/, '');
}

function trimDsn(dsn: string): string {
  return /password\s*=\s*\S*$/i.test(dsn) || dsn.endsWith('\\;') ? dsn : dsn.replace(/\s*;+$/, '');
}
