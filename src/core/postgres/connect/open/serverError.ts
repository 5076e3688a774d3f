/** ErrorResponse before a connection is ready (PostgreSQL, "Error and Notice Message Fields"). */
import { DatabaseError } from 'pg';

/** More of a text helps nobody; what shows or examines it later need not be prepared for more. Characters. */
const MAX_TEXT = 2000;

/** The error, with its texts cut to a length that is fit to show. `body`: as far as it was read. */
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
  // The untranslated severity is there since PostgreSQL 9.6.
  error.severity = fields.get('S') ?? fields.get('V') ?? 'FATAL';
  const names = { C: 'code', D: 'detail', H: 'hint', W: 'where', F: 'file', L: 'line', R: 'routine' } as const;
  for (const [letter, name] of Object.entries(names)) error[name as 'code'] = fields.get(letter);
  return error;
}

/** A text of the server in at most so many characters; where it was cut, it ends with an ellipsis. */
export function cutText(text: string, most = MAX_TEXT): string {
  if (text.length <= most) return text;
  // Not between the halves of a character.
  const end = /[\uD800-\uDBFF]/.test(text.charAt(most - 1)) ? most - 1 : most;
  return `${text.slice(0, end)}…`;
}
