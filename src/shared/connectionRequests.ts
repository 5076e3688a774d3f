/**
 * Messages from the connection page to the host, and the state that the page saves: one valibot schema for each, from which the
 * types are inferred.
 *
 * The page shows text from servers and files, so the host trusts none of its messages: it parses each with these schemas.
 * The webview imports only types from this file (a lint rule checks it), so valibot is not part of its bundle.
 *
 * The host's messages to the page: connectionProtocol.ts.
 */
import * as v from 'valibot';
import { CHOICES, FILE_FIELDS, FIX_WAYS, FLAG_FIELDS, TEXT_FIELDS } from './connectionFields';

/** No path, list of hosts, or token is longer. UTF-16 units. */
const MAX_TEXT = 20_000;
/** Maximum of fields of a profile that the form does not show. */
const MAX_REST = 40;

const text = v.pipe(v.string(), v.maxLength(MAX_TEXT));
const index = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** The same schema for each of several fields. */
function forEach<const Field extends string, Schema>(
  fields: readonly Field[],
  schema: Schema,
): Readonly<Record<Field, Schema>> {
  return Object.fromEntries(fields.map((field) => [field, schema])) as Record<Field, Schema>;
}

/** All values of the form, except the password. */
const formValuesSchema = v.object({
  ...forEach(TEXT_FIELDS, text),
  sslmode: v.picklist(CHOICES.sslmode),
  channelBinding: v.picklist(CHOICES.channelBinding),
  targetSessionAttrs: v.picklist(CHOICES.targetSessionAttrs),
  passwordFrom: v.picklist(CHOICES.passwordFrom),
  scope: v.picklist(CHOICES.scope),
  ...forEach(FLAG_FIELDS, v.boolean()),
  /** Fields of the profile that the form does not show and keeps unchanged. */
  rest: v.pipe(
    v.record(
      v.pipe(v.string(), v.regex(/^[A-Za-z]{1,40}$/)),
      v.union([text, v.number(), v.boolean(), v.record(text, text)]),
    ),
    v.check((rest) => Object.keys(rest).length <= MAX_REST),
  ),
});
export type FormValues = Readonly<v.InferOutput<typeof formValuesSchema>>;

function bare<const Type extends string>(
  type: Type,
): v.ObjectSchema<{ type: v.LiteralSchema<Type, undefined> }, undefined> {
  return v.object({ type: v.literal(type) });
}

const values = formValuesSchema;
/** Left out if the user typed no password. */
const password = v.exactOptional(text);

export const fromConnectionPageSchema = v.variant('type', [
  /** The page has loaded; the host answers with `init`. */
  bare('ready'),
  /** A field was changed; the host answers with `problems`. */
  v.object({ type: v.literal('check'), values }),
  /** The user entered a URI or DSN; `values`: the other fields. The host answers with `fill` or `problems`. */
  v.object({ type: v.literal('paste'), text, values }),
  v.object({ type: v.literal('test'), values, password }),
  v.object({ type: v.literal('save'), values, password }),
  /** Asks for `offers`. */
  bare('offers'),
  /** Fills the form from an offer, by its index in the last list. */
  v.object({ type: v.literal('useOffer'), offer: index, values }),
  v.object({ type: v.literal('browse'), field: v.picklist(FILE_FIELDS) }),
  /** Forgets the stored password, or the imported one. */
  bare('forgetPassword'),
  bare('cancelTest'),
  /** Repeats the last test. */
  bare('testAgain'),
  bare('edit'),
  /** Closes the form without saving. */
  bare('close'),
  v.object({
    type: v.literal('fix'),
    /** The report that the page shows. The host ignores a fix of any other report. */
    report: index,
    finding: index,
    fix: index,
    way: v.picklist(FIX_WAYS),
  }),
]);
export type FromConnectionPage = v.InferOutput<typeof fromConnectionPageSchema>;

const version = v.literal(1);

/** What the page saves with `setState`. It contains no password, and therefore no pasted connection string. */
export const savedConnectionPageSchema = v.variant('kind', [
  v.object({
    version,
    kind: v.literal('form'),
    /** The connection being edited; undefined for a new one. */
    editing: v.exactOptional(text),
    values,
    advanced: v.boolean(),
  }),
  v.object({ version, kind: v.literal('test'), connection: text }),
]);
export type SavedConnectionPage = v.InferOutput<typeof savedConnectionPageSchema>;
