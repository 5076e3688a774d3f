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
import { messageOf } from './errors';

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
  /** The kind of problem, in the form `area.problem`. Part of records on disk: add codes, and never change the meaning of one. */
  readonly code: Code;
  readonly params?: Readonly<Record<string, FaultParam | undefined>> | NoParams;
  /** The field of the profile, form, or request that the problem is about. */
  readonly field?: string;
  /** The part of the text that the problem is about. */
  readonly span?: FaultSpan;
  /** The problem that led to this one; the sentence for this one includes its text. */
  readonly cause?: Fault;
  /** Problems that this one summarizes, e.g. one per host; the sentence for this one includes their texts. */
  readonly causes?: readonly Fault[];
}

/** The problems of one area, each code with the parameters that its map declares. */
export type FaultOf<Map> = {
  [Code in keyof Map & string]: {
    readonly code: Code;
    readonly field?: string;
    readonly span?: FaultSpan;
    readonly cause?: Fault;
    readonly causes?: readonly Fault[];
  } & (Map[Code] extends NoParams ? { readonly params?: NoParams } : { readonly params: Map[Code] });
}[keyof Map & string];

/**
 * A text that has no code: a server's or the operating system's own message, or the reason in a record of an older version.
 * It is shown unchanged, so never use it for a sentence of this extension.
 */
export interface TextFault {
  readonly code: 'text';
  readonly params: { readonly text: string };
}

export function textFault(text: string): TextFault {
  return { code: 'text', params: { text } };
}

/** An error that a user may see: its fault describes the problem. The message is for the log only. */
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
export function describeFault(fault: Fault): string {
  const { code, params, field, cause, causes = [] } = fault;
  const reasons = cause === undefined ? causes : [cause, ...causes];
  const because = reasons.length === 0 ? '' : `: ${reasons.map(describeFault).join('; ')}`;
  if (isTextFault(fault)) return `${fault.params.text}${because}`;
  const all: Readonly<Record<string, FaultParam | undefined>> = { field, ...params };
  const details = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${String(value)}`],
  );
  return (details.length === 0 ? code : `${code} (${details.join(', ')})`) + because;
}

/** The fault of an error: its own, or its message for an error that has none, e.g. one of Node.js. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Error && 'fault' in error && isFault(error.fault)) return error.fault;
  return textFault(messageOf(error));
}

/** Whether a value read from disk or from another version has the shape of a fault. */
export function isFault(value: unknown): value is Fault {
  return typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string';
}

/** Whether a fault is a {@link TextFault}. */
export function isTextFault(fault: Fault): fault is TextFault {
  return fault.code === 'text' && typeof fault.params?.['text'] === 'string';
}
