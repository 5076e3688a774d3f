/** Reads psql commands as copied from manuals, hosting services, and shells (PostgreSQL, psql, "Options"). */
import { profileError } from './faults';
import { environmentVariables } from './keywords';

interface PsqlCommand {
  readonly parameters: ReadonlyMap<string, string>;
  /** The connection string, if the command has one instead of a database name. */
  readonly text?: string;
  readonly ignored: readonly string[];
}

interface Word {
  readonly text: string;
  /** A shell variable in the word, whose value is unknown. */
  readonly variable: string | undefined;
}

const SHORT_WITH_VALUE = 'cdfhLoPpRTUvF';
const LONG_WITH_VALUE = [
  ...['command', 'dbname', 'field-separator', 'file', 'host', 'log-file', 'output', 'port', 'pset', 'record-separator'],
  ...['set', 'table-attr', 'username', 'variable'],
];
const LONG_ALONE = [
  ...[
    'csv',
    'echo-all',
    'echo-errors',
    'echo-hidden',
    'echo-queries',
    'expanded',
    'field-separator-zero',
    'help',
    'html',
  ],
  ...['list', 'no-align', 'no-password', 'no-psqlrc', 'no-readline', 'password', 'quiet', 'record-separator-zero'],
  ...['single-line', 'single-step', 'single-transaction', 'tuples-only', 'version'],
];
const KEYWORDS: Readonly<Record<string, string>> = {
  h: 'host',
  p: 'port',
  U: 'user',
  d: 'dbname',
  host: 'host',
  port: 'port',
  username: 'user',
  dbname: 'dbname',
};

/**
 * @returns undefined if the text does not call psql
 * @throws ConnectError ('profile') if the command depends on another computer, a container, or a shell variable
 */
export function readPsqlCommand(text: string): PsqlCommand | undefined {
  if (!/(^|[\s/\\;&|"'])(psql|pgcli)(\.exe)?["']?(\s|$)/.test(text)) return undefined;
  const parameters = new Map<string, string>();
  const commands = commandsOf(text.replace(/^\s*(?:[$#>%]|\S*[$#]|PS [^>\n]*>)\s+(?=\S)/, ''));
  const index = commands.findIndex((words) => words.some(isPsql));
  if (index < 0) return undefined;
  const names = new Map(environmentVariables().map(([keyword, name]) => [name, keyword]));
  const assign = (words: readonly Word[]): void => {
    for (const word of words) {
      const [, name = '', value = ''] = /^(?:\$env:)?(\w+)=([\s\S]*)$/i.exec(word.text) ?? [];
      const keyword = names.get(name);
      if (keyword !== undefined) parameters.set(keyword, literal({ ...word, text: value }));
    }
  };
  for (const words of commands.slice(0, index)) assign(words);
  const words = commands[index] ?? [];
  const at = words.findIndex(isPsql);
  const before = words.slice(0, at);
  assign(before);
  const { text: conninfo, options } = readArguments(words.slice(at + 1));
  for (const [keyword, value] of options) parameters.set(keyword, value);
  checkLocation(before, parameters.get('host'), conninfo);
  return { parameters, ...(conninfo === undefined ? {} : { text: conninfo }), ignored: [] };
}

function isPsql({ text }: Word): boolean {
  return /^(?:.*[/\\])?(?:psql|pgcli)(?:\.exe)?$/i.test(text);
}

/** Rejects commands that run in a container or on another computer, unless their host means the same here. */
function checkLocation(before: readonly Word[], host: string | undefined, conninfo: string | undefined): void {
  const program = before.map(({ text }) => text.replace(/^.*[/\\]/, '')).find((text) => REMOTE_PROGRAMS.has(text));
  if (program === undefined) return;
  const match = /^\w+:\/\/(?:[^@/]*@)?([^:/?]*)|\bhost=(\S*)/.exec(conninfo ?? '');
  const given = match?.[1] ?? match?.[2] ?? host ?? '';
  if (given.includes('.') && !/^(127\.|\/)/.test(given)) return;
  throw profileError({ code: program === 'ssh' ? 'psql.otherComputer' : 'psql.container', field: 'host' });
}

const REMOTE_PROGRAMS: ReadonlySet<string> = new Set([
  'docker',
  'docker-compose',
  'podman',
  'nerdctl',
  'kubectl',
  'oc',
  'ssh',
]);

function readArguments(words: readonly Word[]): { text: string | undefined; options: ReadonlyMap<string, string> } {
  const options = new Map<string, string>();
  const rest: Word[] = [];
  const take = (name: string, value: Word | undefined): void => {
    const keyword = KEYWORDS[name];
    if (value === undefined) {
      const option = name.length === 1 ? `-${name}` : `--${name}`;
      throw profileError({ code: 'psql.noValue', params: { option } });
    }
    if (keyword !== undefined) options.set(keyword, literal(value));
  };
  let onlyArguments = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (!word) break;
    const [, long, , inline] = /^--([\w-]+)(=([\s\S]*))?$/.exec(word.text) ?? [];
    if (onlyArguments || !/^-./.test(word.text)) {
      rest.push(word);
    } else if (word.text === '--') {
      onlyArguments = true;
    } else if (long !== undefined) {
      const name = longOption(long);
      if (name !== undefined && LONG_WITH_VALUE.includes(name)) {
        take(name, inline === undefined ? words[++at] : { ...word, text: inline });
      }
    } else {
      // Short options can be combined; only the last one can have a value.
      const [, , letter = '', value = ''] =
        new RegExp(`^-([^${SHORT_WITH_VALUE}]*)([${SHORT_WITH_VALUE}])([\\s\\S]*)$`).exec(word.text) ?? [];
      if (letter !== '') take(letter, value === '' ? words[++at] : { ...word, text: value });
    }
  }
  for (const word of rest) {
    if (!options.has('dbname')) options.set('dbname', literal(word));
    else if (!options.has('user')) options.set('user', literal(word));
  }
  const database = options.get('dbname');
  if (database === undefined || !/^postgres(ql)?:\/\/|=/i.test(database)) return { text: undefined, options };
  options.delete('dbname');
  return { text: database, options };
}

/** Finds a long option by its name or an unambiguous prefix, as getopt_long() does. */
function longOption(name: string): string | undefined {
  const all = [...LONG_WITH_VALUE, ...LONG_ALONE];
  if (all.includes(name)) return name;
  const found = all.filter((option) => option.startsWith(name));
  return found.length === 1 ? found[0] : undefined;
}

function literal({ text, variable }: Word): string {
  if (variable === undefined) return text;
  throw profileError({ code: 'psql.shellVariable', params: { variable } });
}

/** Splits commands into words as a shell does: quotes, backslashes, and continuation lines. A redirection ends a command. */
function commandsOf(text: string): readonly (readonly Word[])[] {
  const commands: Word[][] = [[]];
  let word: { text: string; variable: string | undefined } | undefined;
  const end = (): void => {
    if (word) commands.at(-1)?.push(word);
    word = undefined;
  };
  const add = (piece: string, mayHoldVariable: boolean): void => {
    const variable = mayHoldVariable
      ? /\$(?:\{\w+[^}]*\}|[A-Za-z_]\w*(?![\w:])|\([^)]*\))/.exec(piece)?.[0]
      : undefined;
    word = { text: (word?.text ?? '') + piece, variable: word?.variable ?? variable };
  };
  const TOKEN =
    /\\\r?\n|`\r?\n|\\([\s\S])|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|([;\n]|&&|\|\|?)|([<>])|([ \t\r]+)|(\$\([^)]*\)|[^\\'"\s;&|<>`]+|[\s\S])/g;
  for (const [whole, escaped, single, double, separator, redirection, blank, plain] of text.matchAll(TOKEN)) {
    if (/^[\\`]\r?\n$/.test(whole)) end();
    else if (escaped !== undefined) add(/^[A-Za-z0-9]$/.test(escaped) ? whole : escaped, false);
    else if (single !== undefined) add(single, false);
    else if (double !== undefined) add(double.replaceAll(/\\(["\\$`])/g, '$1'), !/\\\$/.test(double));
    else if (plain !== undefined) add(plain, true);
    else if (separator !== undefined || redirection !== undefined || blank !== undefined) {
      end();
      if (redirection !== undefined) break;
      if (separator !== undefined) commands.push([]);
    }
  }
  end();
  return commands;
}
