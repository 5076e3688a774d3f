/** The state of psql at an offset of a script: its variables, the branch of an \if, its connection. */
import { metaCommandAt, type MetaCommand } from './psqlCommands';
import { isVariablePart, slashArguments, type SlashArgument, type VariableState } from './commandArguments';
import type { SplitText } from '../split/splitTypes';

/** A psql command in a script. */
export interface CommandRange {
  readonly start: number;
  readonly end: number;
  /** As written, with its arguments. */
  readonly text: string;
}

/** Whether psql runs a branch of an `\if`. `done`: it does not, because an earlier branch ran. */
type Branch = 'runs' | 'skips' | 'done' | 'unknown';

interface Condition {
  branch: Branch;
  command: CommandRange;
}

/** Variables that are on if they are set without a value (`bool_substitute_hook` in psql's startup.c). */
const BOOLEANS = new Set(
  'AUTOCOMMIT HIDE_TABLEAM HIDE_TOAST_COMPRESSION ON_ERROR_STOP QUIET SHOW_ALL_RESULTS SINGLELINE SINGLESTEP'.split(
    ' ',
  ),
);

/** Reads the psql commands of a script in order, up to the offset of interest. */
export class PsqlState {
  readonly #variables = new Map<string, VariableState>();
  readonly #conditions: Condition[] = [];
  readonly #commands: readonly { readonly start: number; readonly end: number }[];
  #next = 0;
  #connect: CommandRange | undefined;
  #autocommit: CommandRange | undefined;

  readonly #text: string;
  readonly #environment: (name: string) => string | undefined;

  /** @param environment reads an environment variable, for `\getenv` */
  constructor(
    text: string,
    split: Pick<SplitText, 'problems'>,
    environment: (name: string) => string | undefined = () => undefined,
  ) {
    this.#text = text;
    this.#environment = environment;

    this.#commands = split.problems.filter(({ kind }) => kind === 'metaCommand');
  }

  /** Reads all commands that begin before this offset. Offsets must not decrease. */
  advance(offset: number): this {
    for (; this.#next < this.#commands.length; this.#next++) {
      const range = this.#commands[this.#next];
      if (!range || range.start >= offset) break;
      const { start, end } = range;
      this.#run({ start, end, text: this.#text.slice(start, end) }, metaCommandAt(this.#text, start));
    }
    return this;
  }

  variable = (name: string): VariableState | undefined => this.#variables.get(name);

  /** The names of all variables that the script has set, unset, or made uncertain. */
  get names(): readonly string[] {
    return [...this.#variables.keys()];
  }

  /** The last `\connect`: later statements go to another server, database, or user. */
  get connect(): CommandRange | undefined {
    return this.#connect;
  }

  /** The `\set AUTOCOMMIT off` in force: psql then sends BEGIN before a statement that is not in a transaction. */
  get autocommitOff(): CommandRange | undefined {
    return this.#autocommit;
  }

  /** The `\if`, `\elif`, or `\else` because of which psql skips (`certain`) or may skip the current offset. */
  get condition(): { readonly certain: boolean; readonly command: CommandRange } | undefined {
    const skipped = this.#conditions.find(({ branch }) => branch === 'skips' || branch === 'done');
    if (skipped) return { certain: true, command: skipped.command };
    const unknown = this.#conditions.find(({ branch }) => branch !== 'runs');
    return unknown && { certain: false, command: unknown.command };
  }

  #run(command: CommandRange, { name, nameEnd, next }: MetaCommand): void {
    const args = (): SlashArgument[] => slashArguments(this.#text, nameEnd, next, this.variable) ?? [];
    if (/^(el)?if$|^else$|^endif$/.test(name)) {
      this.#branch(name, command, args);
      return;
    }
    const { condition } = this;
    if (condition?.certain) return;
    const maybe = condition !== undefined;
    switch (name) {
      case 'set':
        this.#set(args(), command, maybe);
        break;
      case 'unset':
        this.#assign(args()[0]?.text, { kind: 'unset' }, maybe);
        break;
      case 'getenv': {
        const [variable, source] = args();
        const value = source && this.#environment(source.text);
        if (value !== undefined) this.#assign(variable?.text, { kind: 'set', value }, maybe);
        break;
      }
      case 'prompt': {
        const [first, second] = args();
        const question = second && first ? { question: first.text } : {};
        this.#assign((second ?? first)?.text, { kind: 'uncertain', ...question }, maybe);
        break;
      }
      case 'gset':
        this.#fromRow(args()[0]?.text ?? '');
        break;
      case 'c':
      case 'connect':
        this.#connect = command;
        break;
    }
  }

  #set([name, ...values]: readonly SlashArgument[], command: CommandRange, maybe: boolean): void {
    if (!name) return;
    const joined = values.map(({ text }) => text).join('');
    const value = joined === '' && BOOLEANS.has(name.text) ? 'on' : joined;
    const uncertain = name.uncertain || values.some((value) => value.uncertain);
    this.#assign(name.text, uncertain ? { kind: 'uncertain' } : { kind: 'set', value }, maybe);
    if (name.text === 'AUTOCOMMIT') this.#autocommit = booleanOf(value) === false ? command : undefined;
  }

  #assign(name: string | undefined, known: VariableState, maybe: boolean): void {
    if (name === undefined || !isVariableName(name)) return;
    if (!maybe) this.#variables.set(name, known);
    else {
      const value = known.kind === 'set' ? known.value : valueOf(this.#variables.get(name));
      this.#variables.set(name, { kind: 'uncertain', ...(value === undefined ? {} : { value }) });
    }
  }

  /** `\gset` sets variables named after the columns of a row, so it may set any variable that begins with its prefix. */
  #fromRow(prefix: string): void {
    for (const [name, known] of this.#variables) {
      if (!name.startsWith(prefix)) continue;
      const value = valueOf(known);
      this.#variables.set(name, { kind: 'uncertain', ...(value === undefined ? {} : { value }) });
    }
  }

  #branch(name: string, command: CommandRange, args: () => SlashArgument[]): void {
    const current = this.#conditions.at(-1);
    if (name === 'if') this.#conditions.push({ branch: branchOf(args()), command });
    else if (name === 'endif') this.#conditions.pop();
    else if (current) {
      current.command = command;
      if (current.branch === 'runs') current.branch = 'done';
      // After a branch that may have run, every other branch only may run.
      else if (current.branch === 'skips') current.branch = name === 'else' ? 'runs' : branchOf(args());
    }
  }
}

function valueOf(known: VariableState | undefined): string | undefined {
  return known === undefined || known.kind === 'unset' ? undefined : known.value;
}

function isVariableName(name: string): boolean {
  for (let at = 0; at < name.length; at++) if (!isVariablePart(name.charCodeAt(at))) return false;
  return name !== '';
}

function branchOf(args: readonly SlashArgument[]): Branch {
  if (args.some(({ uncertain, open }) => uncertain || open)) return 'unknown';
  // psql joins all arguments with spaces; anything that is not a boolean counts as false.
  return booleanOf(args.map(({ text }) => text).join(' ')) === true ? 'runs' : 'skips';
}

/** A boolean as psql's `ParseVariableBool` reads it: an unambiguous prefix of these words, in any case. */
export function booleanOf(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (word === '') return undefined;
  if ('true'.startsWith(word) || 'yes'.startsWith(word) || word === 'on' || word === '1') return true;
  if ('false'.startsWith(word) || 'no'.startsWith(word) || word === 'off' || word === 'of' || word === '0')
    return false;
  return undefined;
}
