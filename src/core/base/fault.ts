/**
 * Problems as data. The core never writes sentences: it returns a code with parameters, and src/host/messages turns the code into
 * text in VS Code's language. Records on disk keep the code, so that they can be shown in any language later.
 *
 * Each area declares its codes in one map from code to parameters:
 *
 * ```ts
 * export interface PasteFaults {
 *   'paste.empty': NoParams;
 *   'paste.unknownScheme': { readonly scheme: string };
 * }
 * export type PasteFault = FaultOf<PasteFaults>;
 * ```
 */

/** Values that a sentence shows. They are data, often from outside: the host makes them plain before it shows them. */
export type FaultParam = string | number | boolean | readonly string[];

/** The parameters of a code that has none. */
export type NoParams = undefined;

/** A half-open range of UTF-16 offsets in the text that the problem is about. */
export interface FaultSpan {
  readonly start: number;
  readonly end: number;
}

/** Any problem, for code that only passes it on, and for records that another version wrote. */
export interface Fault<Code extends string = string> {
  /** The kind of problem, in the form `area.problem`. Part of records on disk: add codes, never give one another meaning. */
  readonly code: Code;
  readonly params?: Readonly<Record<string, FaultParam | undefined>> | NoParams;
  /** The field of the profile, form, or request that the problem is about. */
  readonly field?: string;
  /** The part of the text that the problem is about. */
  readonly span?: FaultSpan;
  /** The faults that this one summarizes, e.g. one per host that was tried. */
  readonly causes?: readonly Fault[];
}

/** The problems of one area, each code with the parameters that its map declares. */
export type FaultOf<Map> = {
  [Code in keyof Map & string]: {
    readonly code: Code;
    readonly field?: string;
    readonly span?: FaultSpan;
    readonly causes?: readonly Fault[];
  } & (Map[Code] extends NoParams ? { readonly params?: NoParams } : { readonly params: Map[Code] });
}[keyof Map & string];

/** An error that a user may see: its fault says what went wrong. The message is for the log only. */
export class FaultError<F extends Fault = Fault> extends Error {
  readonly fault: F;

  /** @param options `cause`: the error that led to this one, for the log */
  constructor(fault: F, options?: ErrorOptions) {
    super(describeFault(fault), options);
    this.name = new.target.name;
    this.fault = fault;
  }
}

/** A fault as one technical line for the log, e.g. `connect.unreachable (host=db.example, port=5432)`. */
export function describeFault({ code, params, field, causes = [] }: Fault): string {
  const all: Readonly<Record<string, FaultParam | undefined>> = { field, ...params };
  const details = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${String(value)}`],
  );
  const own = details.length === 0 ? code : `${code} (${details.join(', ')})`;
  return causes.length === 0 ? own : `${own}: ${causes.map(describeFault).join('; ')}`;
}

/** Whether a value read from disk or from another version has the shape of a fault. */
export function isFault(value: unknown): value is Fault {
  return typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string';
}
