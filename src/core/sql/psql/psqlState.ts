/** What psql knows at a place of a script: its variables, which branch of an \if it is in, where it is connected. */
import { metaCommandAt, type MetaCommand } from './psqlCommands';
import { isVariablePart, slashArguments, type Known, type SlashArgument } from './commandArguments';
import type { SplitText } from '../split/statements';

export type { Known } from './commandArguments';

/** A command in its place. */
export interface CommandPlace {
  readonly start: number;
  readonly end: number;
  /** As written, with its arguments. */
  readonly text: string;
}

/** Whether psql runs what stands in a branch of an `\if`; `done`: no, since a branch before it ran. */
type Branch = 'runs' | 'skips' | 'done' | 'unknown';

interface Condition {
  branch: Branch;
  place: CommandPlace;
}

/** Variables that are on where they are set to nothing (`bool_substitute_hook` in psql's startup.c). */
const BOOLEANS = new Set(
  'AUTOCOMMIT HIDE_TABLEAM HIDE_TOAST_COMPRESSION ON_ERROR_STOP QUIET SHOW_ALL_RESULTS SINGLELINE SINGLESTEP'.split(
    ' ',
  ),
);

/** Reads the commands of a script in their order, up to where it is asked about. */
export class PsqlState {
  readonly #variables = new Map<string, Known>();
  readonly #conditions: Condition[] = [];
  readonly #commands: readonly { readonly start: number; readonly end: number }[];
  #next = 0;
  #connect: CommandPlace | undefined;
  #autocommit: CommandPlace | undefined;

  readonly #text: string;
  readonly #environment: (name: string) => string | undefined;

  /** @param environment for `\getenv` */
  constructor(
    text: string,
    split: Pick<SplitText, 'problems'>,
    environment: (name: string) => string | undefined = () => undefined,
  ) {
    this.#text = text;
    this.#environment = environment;

    this.#commands = split.problems.filter(({ kind }) => kind === 'metaCommand');
  }

  /** Reads on, up to the commands that begin before this offset. Offsets must not decrease. */
  advance(offset: number): this {
    for (; this.#next < this.#commands.length; this.#next++) {
      const place = this.#commands[this.#next];
      if (!place || place.start >= offset) break;
      this.#run({ ...place, text: this.#text.slice(place.start, place.end) }, metaCommandAt(this.#text, place.start));
    }
    return this;
  }

  variable = (name: string): Known | undefined => this.#variables.get(name);

  /** Names of all variables that the script has said something about. */
  get names(): readonly string[] {
    return [...this.#variables.keys()];
  }

  /** The last `\connect`, after which psql sends to another server, database or user. */
  get connect(): CommandPlace | undefined {
    return this.#connect;
  }

  /** The `\set AUTOCOMMIT off` that is in force: psql then sends BEGIN before a statement outside of a transaction. */
  get autocommitOff(): CommandPlace | undefined {
    return this.#autocommit;
  }

  /** The `\if`, `\elif` or `\else` because of which psql does not run what stands here, or not for certain. */
  get condition(): { readonly certain: boolean; readonly place: CommandPlace } | undefined {
    const skipped = this.#conditions.find(({ branch }) => branch === 'skips' || branch === 'done');
    if (skipped) return { certain: true, place: skipped.place };
    const unknown = this.#conditions.find(({ branch }) => branch !== 'runs');
    return unknown && { certain: false, place: unknown.place };
  }

  #run(place: CommandPlace, { name, nameEnd, next }: MetaCommand): void {
    const args = (): SlashArgument[] => slashArguments(this.#text, nameEnd, next, this.variable) ?? [];
    if (/^(el)?if$|^else$|^endif$/.test(name)) {
      this.#branch(name, place, args);
      return;
    }
    const { condition } = this;
    if (condition?.certain) return;
    const maybe = condition !== undefined;
    switch (name) {
      case 'set':
        this.#set(args(), place, maybe);
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
        this.#connect = place;
        break;
    }
  }

  #set([name, ...values]: readonly SlashArgument[], place: CommandPlace, maybe: boolean): void {
    if (!name) return;
    const joined = values.map(({ text }) => text).join('');
    const value = joined === '' && BOOLEANS.has(name.text) ? 'on' : joined;
    const uncertain = name.uncertain || values.some((one) => one.uncertain);
    this.#assign(name.text, uncertain ? { kind: 'uncertain' } : { kind: 'set', value }, maybe);
    if (name.text === 'AUTOCOMMIT') this.#autocommit = booleanOf(value) === false ? place : undefined;
  }

  #assign(name: string | undefined, known: Known, maybe: boolean): void {
    if (name === undefined || !isVariableName(name)) return;
    if (!maybe) this.#variables.set(name, known);
    else {
      const value = known.kind === 'set' ? known.value : valueOf(this.#variables.get(name));
      this.#variables.set(name, { kind: 'uncertain', ...(value === undefined ? {} : { value }) });
    }
  }

  /** `\gset` names variables after the columns of a row: it may set any variable that begins with its prefix. */
  #fromRow(prefix: string): void {
    for (const [name, known] of this.#variables) {
      if (!name.startsWith(prefix)) continue;
      const value = valueOf(known);
      this.#variables.set(name, { kind: 'uncertain', ...(value === undefined ? {} : { value }) });
    }
  }

  #branch(name: string, place: CommandPlace, args: () => SlashArgument[]): void {
    const current = this.#conditions.at(-1);
    if (name === 'if') this.#conditions.push({ branch: branchOf(args()), place });
    else if (name === 'endif') this.#conditions.pop();
    else if (current) {
      current.place = place;
      if (current.branch === 'runs') current.branch = 'done';
      // Behind a branch that may have run, any other one only may run.
      else if (current.branch === 'skips') current.branch = name === 'else' ? 'runs' : branchOf(args());
    }
  }
}

function valueOf(known: Known | undefined): string | undefined {
  return known === undefined || known.kind === 'unset' ? undefined : known.value;
}

function isVariableName(name: string): boolean {
  for (let at = 0; at < name.length; at++) if (!isVariablePart(name.charCodeAt(at))) return false;
  return name !== '';
}

function branchOf(args: readonly SlashArgument[]): Branch {
  if (args.some(({ uncertain, open }) => uncertain || open)) return 'unknown';
  // All arguments are joined with spaces; what is no boolean counts as false.
  return booleanOf(args.map(({ text }) => text).join(' ')) === true ? 'runs' : 'skips';
}

/** `ParseVariableBool`: an unambiguous beginning of these words, in any case. */
export function booleanOf(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (word === '') return undefined;
  if ('true'.startsWith(word) || 'yes'.startsWith(word) || word === 'on' || word === '1') return true;
  if ('false'.startsWith(word) || 'no'.startsWith(word) || word === 'off' || word === 'of' || word === '0')
    return false;
  return undefined;
}
