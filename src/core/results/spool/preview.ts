/** Rows as the screen shows them: long values cut, and not decoded further than that. */
import { decodeField, decodeLine, type Row } from '../../../shared/rowCodec';

const TAB = 9;
/** UTF-8 takes at most so many bytes for one UTF-16 unit, and so does an escape that PostgreSQL writes. */
const MAX_BYTES_A_UNIT = 4;

/** What part of the rows a preview shows. */
export interface PreviewOptions {
  /** UTF-16 units of a value that are kept. */
  readonly maxLength: number;
  /** Row numbers to page through, as sorting and filtering give them, instead of all rows in their own order. */
  readonly order?: Uint32Array;
  /** The first column, and how many; all when left out. */
  readonly columns?: { readonly from: number; readonly count: number };
}

/** A page for the screen: long values cut. */
export interface SpoolPreview {
  readonly rows: Row[];
  readonly cut: CutCell[];
}

/** A value that was cut. */
export interface CutCell {
  /** Its place in the page: row and column as indexes into `rows`. */
  readonly row: number;
  readonly column: number;
  /** UTF-16 units of the whole value; for more than {@link EXACT_LENGTH} bytes of COPY text, their number instead. */
  readonly length: number;
}

/** Bytes of COPY text of one value up to which its length is counted exactly. */
export const EXACT_LENGTH = 1024 * 1024;

/**
 * Decodes one line for the screen.
 *
 * @param line The row without its newline.
 * @param number The row's place in the page.
 * @param cut Gets the values that were cut.
 */
export function previewRow(line: Buffer, number: number, options: PreviewOptions, cut: CutCell[]): Row {
  const { maxLength, columns } = options;
  const first = columns?.from ?? 0;
  const end = first + (columns?.count ?? Infinity);
  const most = (maxLength + 1) * MAX_BYTES_A_UNIT;
  if (line.length <= maxLength) {
    const row = decodeLine(line.toString());
    return columns ? row.slice(first, end) : row;
  }
  const row: Row = [];
  for (let start = 0, column = 0; start <= line.length && column < end; column++) {
    const tab = line.indexOf(TAB, start);
    const stop = tab === -1 ? line.length : tab;
    if (column >= first) {
      const value = decodeField(line.toString('utf8', start, Math.min(stop, start + most)));
      if (value !== null && value.length > maxLength) {
        const length = stop - start <= EXACT_LENGTH ? lengthOf(line.subarray(start, stop)) : stop - start;
        cut.push({ row: number, column: column - first, length });
      }
      row.push(value === null ? null : cutText(value, maxLength));
    }
    start = stop + 1;
  }
  return row;
}

function lengthOf(field: Buffer): number {
  return decodeField(field.toString())?.length ?? 0;
}

/** The first units of a text, but not half of a character. */
function cutText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const last = text.charCodeAt(maxLength - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? maxLength - 1 : maxLength);
}
