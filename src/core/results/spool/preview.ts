/** Decodes rows for display: long values are cut, and their rest is not decoded. */
import { decodeField, decodeLine, type Row } from '../../../shared/rowCodec';

const TAB = 9;
/** Maximum bytes per UTF-16 unit, in UTF-8 and in escapes that PostgreSQL writes. */
const MAX_BYTES_PER_UNIT = 4;

/** Selects the part of the rows for a preview. */
export interface PreviewOptions {
  /** Maximum UTF-16 units of a value. */
  readonly maxLength: number;
  /** Row numbers as returned by sorting and filtering. Default: all rows in stored order. */
  readonly order?: Uint32Array;
  /** The first column, and the number of columns. Default: all. */
  readonly columns?: { readonly from: number; readonly count: number };
}

/** A page of rows with long values cut. */
export interface SpoolPreview {
  readonly rows: Row[];
  readonly cut: CutCell[];
}

/** A value that was cut. */
export interface CutCell {
  /** Indexes into `rows` of the preview. */
  readonly row: number;
  readonly column: number;
  /** UTF-16 units of the whole value; for values of more than {@link EXACT_LENGTH} bytes of COPY text, the number of bytes. */
  readonly length: number;
}

/** Size of a value in bytes of COPY text up to which its length is counted exactly. */
export const EXACT_LENGTH = 1024 * 1024;

/**
 * Decodes one line for display.
 *
 * @param line The row without its newline.
 * @param number The row's index in the page.
 * @param cut Receives the values that were cut.
 */
export function previewRow(line: Buffer, number: number, options: PreviewOptions, cut: CutCell[]): Row {
  const { maxLength, columns } = options;
  const first = columns?.from ?? 0;
  const end = first + (columns?.count ?? Infinity);
  const maxBytes = (maxLength + 1) * MAX_BYTES_PER_UNIT;
  if (line.length <= maxLength) {
    const row = decodeLine(line.toString());
    return columns ? row.slice(first, end) : row;
  }
  const row: Row = [];
  for (let start = 0, column = 0; start <= line.length && column < end; column++) {
    const tab = line.indexOf(TAB, start);
    const stop = tab === -1 ? line.length : tab;
    if (column >= first) {
      const value = decodeField(line.toString('utf8', start, Math.min(stop, start + maxBytes)));
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

/** Cuts a text without splitting a character. */
function cutText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const last = text.charCodeAt(maxLength - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? maxLength - 1 : maxLength);
}
