/** What a language model passes to the tools. package.json declares the same fields as JSON schemas (test/unit/tools/inputs.test.ts). */
import * as v from 'valibot';
import { FaultError } from '../base/fault';
import type { ToolFault } from './faults';

/** SQL that is longer cannot be read by a person before it runs. UTF-16 units. */
export const MAX_SQL = 20_000;
/** `status` waits at most this long. */
export const MAX_WAIT_SECONDS = 20;
export const DEFAULT_LIMIT = 20;
export const MAX_LIMIT = 200;

/** Only functions of valibot that are loaded with the extension anyway: any other one would be added to what is always loaded. */
const text = v.string();
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const TOOL_INPUTS = {
  pgbackground_run: v.looseObject({ sql: text, connection: v.optional(text), label: v.optional(text) }),
  pgbackground_status: v.looseObject({
    id: text,
    waitSeconds: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_WAIT_SECONDS)), MAX_WAIT_SECONDS),
  }),
  pgbackground_rows: v.looseObject({
    id: text,
    offset: v.optional(count, 0),
    limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_LIMIT)), DEFAULT_LIMIT),
  }),
  pgbackground_cancel: v.looseObject({ id: text }),
  pgbackground_list: v.looseObject({}),
} as const;

export type ToolName = keyof typeof TOOL_INPUTS;
export type ToolInput<Name extends ToolName> = v.InferOutput<(typeof TOOL_INPUTS)[Name]>;

/** The values of fields that are numbers. */
const NUMBERS: Readonly<Record<string, { readonly min: number; readonly max?: number }>> = {
  waitSeconds: { min: 0, max: MAX_WAIT_SECONDS },
  offset: { min: 0 },
  limit: { min: 1, max: MAX_LIMIT },
};

/** Checks an input. A field that is null or empty is missing: models often fill in all fields. @throws FaultError if it is invalid */
export function checkedInput<Name extends ToolName>(tool: Name, input: unknown): ToolInput<Name> {
  const schema = TOOL_INPUTS[tool];
  const known = Object.keys(schema.entries);
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw refused({ code: 'tools.noObject', params: { known } });
  }
  const given = Object.fromEntries(
    Object.entries(input).filter(([, value]) => value !== null && value !== undefined && value !== ''),
  );
  const unknown = Object.keys(given).find((field) => !known.includes(field));
  if (unknown !== undefined) throw refused({ code: 'tools.unknownField', params: { field: unknown, known } });
  const result = v.safeParse(schema, given, { abortEarly: true });
  if (!result.success) {
    const field = v.getDotPath(result.issues[0]) ?? '';
    const number = NUMBERS[field];
    throw refused(
      number
        ? { code: 'tools.fieldNotNumber', params: { field, ...number } }
        : { code: 'tools.fieldNotText', params: { field } },
    );
  }
  const output = result.output as ToolInput<Name>;
  if (typeof output['sql'] === 'string' && output['sql'].length > MAX_SQL)
    throw refused({ code: 'tools.sqlTooLong', params: { max: MAX_SQL } });
  return output;
}

function refused(fault: ToolFault): FaultError<ToolFault> {
  return new FaultError(fault);
}
