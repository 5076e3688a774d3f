/**
 * Unfolds rows that were received folded into two columns: if the columns of a statement cannot be known before it runs, the worker
 * returns each row as its column names and a composite value, which preserves every value exactly.
 */
import { Transform, type TransformCallback } from 'node:stream';
import { decodeField, decodeLine, encodeLine, type Row } from '../../../shared/rowCodec';

const NEWLINE = 10;
const NULL_MARK = '\\N';

/** Ends a run of plain characters inside double quotes, and outside of them. */
const QUOTED_STOP = /["\\]/g;
const PLAIN_STOP = /["\\,()]/g;

/**
 * Splits the text of a composite value into its fields, e.g. `(a,"b ""x"" \\ y",)`.
 * https://www.postgresql.org/docs/current/rowtypes.html#ROWTYPES-IO-SYNTAX
 *
 * @returns One entry per field: no characters between two commas are NULL, `""` the empty string. `()` is one NULL (a composite of no
 * columns looks the same).
 * @throws if the text is not a composite value.
 */
export function recordToRow(text: string): Row {
  if (!text.startsWith('(')) throw notComposite(text);
  const row: Row = [];
  // Not by one regular expression per value, which would overflow the stack on values of many megabytes.
  let value: string | null = null;
  let quoted = false;
  for (let at = 1; ;) {
    const stop = quoted ? QUOTED_STOP : PLAIN_STOP;
    stop.lastIndex = at;
    const found = stop.exec(text);
    if (!found) throw notComposite(text);
    if (found.index > at) value = (value ?? '') + text.slice(at, found.index);
    at = found.index + 1;
    const following = text[at];
    switch (found[0]) {
      case '\\':
        if (following === undefined) throw notComposite(text);
        value = (value ?? '') + following;
        at++;
        break;
      case '"':
        // A doubled quote inside quotes is part of the value.
        if (quoted && following === '"') {
          value = (value ?? '') + '"';
          at++;
        } else {
          quoted = !quoted;
          value ??= '';
        }
        break;
      case ',':
        row.push(value);
        value = null;
        break;
      case ')':
        if (at !== text.length) throw notComposite(text);
        row.push(value);
        return row;
      default:
        throw notComposite(text);
    }
  }
}

function notComposite(text: string): Error {
  return new Error(`Not a composite value: ${text.length > 100 ? `${text.slice(0, 100)}…` : text}`);
}

/**
 * Transforms COPY text of two columns, a JSON array of column names and a composite value, to COPY text of the composite's fields.
 *
 * - Emits `columns` with the names once, before the first row.
 * - An empty text in place of the first row means that there are no rows, and outputs nothing.
 * - NULL (`\N`) as the names means a row without columns, which becomes an empty line so that rows can be counted.
 * - NULL (`\N`) as the composite value means a row of NULLs.
 *
 * Fails with an error on any other input.
 */
export class UnfoldStream extends Transform {
  #rest: Buffer[] = [];
  #names: readonly string[] | undefined;
  /** Lines that are not rows: 1 if the result is known to be empty. */
  notRows = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      this.#rest.push(chunk);
      done();
      return;
    }
    // One character per byte: the escapes of both formats are ASCII, so nothing else needs to be decoded.
    const whole = Buffer.concat([...this.#rest, chunk.subarray(0, end - 1)]).toString('latin1');
    this.#rest = end < chunk.length ? [chunk.subarray(end)] : [];
    try {
      let text = '';
      for (const line of whole.split('\n')) {
        const row = this.#unfold(line);
        if (row === undefined) this.notRows++;
        else text += row + '\n';
      }
      done(null, Buffer.from(text, 'latin1'));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override _flush(done: TransformCallback): void {
    // Pass on an incomplete line; the spool drops and reports it.
    done(null, this.#rest.length > 0 ? Buffer.concat(this.#rest) : undefined);
  }

  #unfold(line: string): string | undefined {
    const tab = line.indexOf('\t');
    const first = this.#names === undefined;
    const names = (this.#names ??= this.#announce(tab < 0 ? line : line.slice(0, tab)));
    const record = tab < 0 ? NULL_MARK : line.slice(tab + 1);
    if (first && record === '') return undefined;
    if (names.length === 0) return '';
    const text = decodeField(record, 'latin1');
    return encodeLine(text === null ? names.map(() => null) : recordToRow(text));
  }

  #announce(field: string): readonly string[] {
    const [json = null] = decodeLine(Buffer.from(field, 'latin1').toString());
    const names: unknown = json === null ? [] : JSON.parse(json);
    if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
      throw new Error('The first column of a folded row is not a list of names.');
    }
    this.emit('columns', names);
    return names;
  }
}
