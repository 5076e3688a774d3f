import { decodeLine, type Row } from '../../../shared/rowCodec';
import type { ExportFormat } from '../../../shared/rowFormats';
import type { SpoolColumn } from '../spool/spoolFormat';
import { csv } from './csv';
import type { FormatOptions, Formatter } from './formatter';
import { insert } from './insert';
import { json } from './json';
import { markdown } from './markdown';
import { ndjson } from './ndjson';

/**
 * Creates the formatter of a format.
 *
 * @param columns Their names must have the same encoding as the values: text, or one character per byte.
 */
export function createFormatter(
  format: ExportFormat,
  columns: readonly SpoolColumn[],
  options: FormatOptions = {},
): Formatter {
  switch (format) {
    case 'csv':
      return csv(options.delimiter ?? ',', columns, options);
    case 'tsv':
      return csv('\t', columns, options);
    case 'json':
      return json(columns);
    case 'ndjson':
      return ndjson(columns);
    case 'markdown':
      return markdown(columns);
    case 'insert':
      return insert(columns, options);
  }
}

/** Whether COPY text contains control characters other than its tabs and newlines: COPY escapes only six of them. */
function hasControls(bytes: Buffer): boolean {
  const aligned = -bytes.byteOffset & 3;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + aligned, Math.max(0, bytes.length - aligned) >> 2);
  const isControl = (i: number): boolean => {
    const byte = bytes[i] ?? 32;
    return byte < 32 && byte !== 9 && byte !== 10;
  };
  for (let i = 0; i < aligned; i++) if (isControl(i)) return true;
  for (let w = 0; w < words.length; w++) {
    // Tests four bytes at once: the usual test for a byte below 32 is exact about whether there is one.
    const word = words[w] ?? 0;
    if (((word - 0x20202020) & ~word & 0x80808080) === 0) continue;
    const i = aligned + w * 4;
    if (isControl(i) || isControl(i + 1) || isControl(i + 2) || isControl(i + 3)) return true;
  }
  for (let i = aligned + words.length * 4; i < bytes.length; i++) if (isControl(i)) return true;
  return false;
}

/** Formats COPY lines, each with its newline, in the fastest way possible. Input and output have one character per byte. */
export function formatLines(formatter: Formatter, bytes: Buffer, columns: readonly number[] | undefined): string {
  const lines = bytes.toString('latin1');
  if (formatter.block && !columns) return formatter.block(lines);
  const plain = !columns && formatter.plain && !hasControls(bytes) ? formatter.plain : undefined;
  let text = '';
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf('\n', start);
    const line = lines.slice(start, end);
    const fast = plain && !line.includes('\\') ? plain(line) : undefined;
    text += fast ?? formatter.row(pick(decodeLine(line, 'latin1'), columns));
    start = end + 1;
  }
  return text;
}

/** The values of some columns, by default all. */
export function pick(row: Row, columns: readonly number[] | undefined): Row {
  return columns ? columns.map((i) => row[i] ?? null) : row;
}

/** The UTF-8 bytes of a text as a string with one character per byte. */
export function toBinary(text: string): string {
  return Buffer.from(text).toString('latin1');
}
