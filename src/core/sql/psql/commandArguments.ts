/** Reads the arguments of psql's commands as psql does (`psqlscanslash.l`, options of kind OT_NORMAL, PostgreSQL 18). */
import { isDigit, isSpace, startsWord } from '../lexer/characters';
import { quoteIdent, quoteLiteral } from '../quote';

export interface SlashArgument {
  readonly text: string;
  /** Depends on what only psql knows: the output of a command in backticks, or a variable whose value is unknown here. */
  readonly uncertain: boolean;
  /** Contains a variable that the script does not set, and which therefore stays as written. */
  readonly open: boolean;
}

/** The state of a variable at an offset of a script. */
export type VariableState =
  | { readonly kind: 'set'; readonly value: string }
  /** `\unset` removed it. */
  | { readonly kind: 'unset' }
  /** psql sets it to a value that is unknown here. */
  | { readonly kind: 'uncertain'; readonly value?: string; readonly question?: string };

/** The state of a variable, or undefined if the script does not mention it. */
export type Lookup = (name: string) => VariableState | undefined;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', b: '\b', r: '\r', f: '\f' };

/**
 * Reads the arguments in a range of a text: from the end of a command's name to the end of the command.
 *
 * @returns undefined if a quote is not closed; psql does not run such a command
 */
export function slashArguments(text: string, from: number, to: number, lookup: Lookup): SlashArgument[] | undefined {
  const found: SlashArgument[] = [];
  let at = from;
  for (;;) {
    while (at < to && isSpace(text.charCodeAt(at))) at++;
    if (at >= to || text.charAt(at) === '\\') return found;
    const argument = readArgument(text, at, to, lookup);
    if (!argument) return undefined;
    found.push(argument);
    at = argument.end;
  }
}

function readArgument(
  text: string,
  from: number,
  to: number,
  lookup: Lookup,
): (SlashArgument & { readonly end: number }) | undefined {
  let result = '';
  let uncertain = false;
  let open = false;
  let at = from;
  while (at < to) {
    const char = text.charAt(at);
    if (char === '\\' || isSpace(text.charCodeAt(at))) break;
    if (char === "'") {
      const string = quotedText(text, at + 1, to);
      if (!string) return undefined;
      result += string.text;
      at = string.end;
    } else if (char === '"' || char === '`') {
      const close = text.indexOf(char, at + 1);
      if (close < 0 || close >= to) return undefined;
      // Double quotes are kept; backticks are replaced by the output of a command.
      if (char === '"') result += text.slice(at, close + 1);
      else uncertain = true;
      at = close + 1;
    } else if (char === ':') {
      const use = variableUse(text, at);
      if (!use || use.end > to) {
        result += char;
        at++;
        continue;
      }
      const known = lookup(use.name);
      if (known?.kind === 'uncertain' && use.form !== 'test') uncertain = true;
      if (use.form === 'test') result += known === undefined || known.kind === 'unset' ? 'FALSE' : 'TRUE';
      else if (known?.kind === 'set') result += psqlText(use.form, known.value);
      else {
        open = true;
        result += text.slice(at, use.end);
      }
      at = use.end;
    } else {
      result += char;
      at++;
    }
  }
  return { text: result, uncertain, open, end: at };
}

/** Reads a string in single quotes with backslash escapes. @returns undefined if it is not closed */
function quotedText(
  text: string,
  from: number,
  to: number,
): { readonly text: string; readonly end: number } | undefined {
  let result = '';
  for (let at = from; at < to; at++) {
    const char = text.charAt(at);
    if (char === "'") {
      if (text.charAt(at + 1) !== "'" || at + 1 >= to) return { text: result, end: at + 1 };
      result += char;
      at++;
    } else if (char === '\\' && at + 1 < to) {
      const [escape = ''] = /^(?:[0-7]{1,3}|x[0-9a-f]{1,2}|[^])/i.exec(text.slice(at + 1, at + 4)) ?? [];
      at += escape.length;
      if (/^[0-7]/.test(escape)) result += String.fromCharCode(parseInt(escape, 8) & 0xff);
      else if (/^x./i.test(escape)) result += String.fromCharCode(parseInt(escape.slice(1), 16));
      else result += ESCAPES[escape] ?? escape;
    } else result += char;
  }
  return undefined;
}

/** The form of a use: `:name`, `:'name'`, `:"name"`, `:{?name}`. */
export type VariableForm = 'plain' | 'literal' | 'identifier' | 'test';

/** Reads the use of a variable whose colon is at `at`, in any form of psql. */
export function variableUse(
  text: string,
  at: number,
): { readonly name: string; readonly form: VariableForm; readonly end: number } | undefined {
  const opener = /^(?:'|"|\{\?)?/.exec(text.slice(at + 1, at + 3))?.[0] ?? '';
  const from = at + 1 + opener.length;
  let to = from;
  while (isVariablePart(text.charCodeAt(to))) to++;
  if (to === from) return undefined;
  const name = text.slice(from, to);
  if (opener === '') return { name, form: 'plain', end: to };
  const closer = opener === '{?' ? '}' : opener;
  if (text.charAt(to) !== closer) return undefined;
  return { name, form: opener === "'" ? 'literal' : opener === '"' ? 'identifier' : 'test', end: to + 1 };
}

/** Whether psql allows a character in the name of a variable. */
export function isVariablePart(code: number): boolean {
  return isDigit(code) || startsWord(code);
}

/** The text that psql inserts for a variable with this value. */
export function psqlText(form: Exclude<VariableForm, 'test'>, value: string): string {
  if (form === 'plain') return value;
  if (form === 'identifier') return quoteIdent(value);
  const literal = quoteLiteral(value);
  // Like PQescapeLiteral, which separates the E from the text before it.
  return literal.startsWith('E') ? ` ${literal}` : literal;
}
