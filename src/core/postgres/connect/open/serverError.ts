/** ErrorResponse before a connection is ready (PostgreSQL, "Error and Notice Message Fields"). */
import { DatabaseError } from 'pg';

/** Longer texts are cut, so that code that shows or searches them need not expect more. UTF-16 code units. */
const MAX_TEXT = 2000;

/**
 * The error, with its texts cut to a length that is fit to show.
 * @param body the message's body, or as much of it as was read
 */
export function readServerError(body: Buffer): DatabaseError {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const zero = body.indexOf(0, at + 1);
    const end = zero === -1 ? body.length : zero;
    fields.set(String.fromCharCode(body[at] ?? 0), cutText(body.toString('utf8', at + 1, end)));
    at = end + 1;
  }
  const error = new DatabaseError(fields.get('M') ?? 'an error without a text', body.length, 'error');
  // The untranslated severity exists since PostgreSQL 9.6.
  error.severity = fields.get('S') ?? fields.get('V') ?? 'FATAL';
  const names = { C: 'code', D: 'detail', H: 'hint', W: 'where', F: 'file', L: 'line', R: 'routine' } as const;
  for (const [letter, name] of Object.entries(names)) error[name as 'code'] = fields.get(letter);
  return error;
}

/** A text in at most `max` UTF-16 code units; a cut text ends with an ellipsis. */
export function cutText(text: string, max = MAX_TEXT): string {
  if (text.length <= max) return text;
  // Never between the halves of a surrogate pair.
  const end = /[\uD800-\uDBFF]/.test(text.charAt(max - 1)) ? max - 1 : max;
  return `${text.slice(0, end)}…`;
}
